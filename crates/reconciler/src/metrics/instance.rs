//! The labels of `flux_instance_info`.

use flux_operator_api::{ConditionStatus, ConditionType, FluxInstance, identity};
use prometheus_client::encoding::EncodeLabelSet;

/// An instance as a series. The namespace is not called `namespace`, which Prometheus keeps for that
/// of the operator.
#[derive(Clone, Debug, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct InstanceLabels {
    uid: String,
    kind: &'static str,
    name: String,
    exported_namespace: String,
    ready: &'static str,
    reason: String,
    suspended: &'static str,
    registry: String,
    revision: String,
}

impl InstanceLabels {
    /// Without a `Ready` condition, whether it is ready is `Unknown`, for no reason.
    pub(super) fn of(instance: &FluxInstance) -> Self {
        let status = instance.status.as_ref();
        let ready = status.and_then(|status| status.conditions.find(ConditionType::Ready));
        let metadata = &instance.metadata;
        Self {
            uid: metadata.uid.clone().unwrap_or_default(),
            kind: identity::KIND,
            name: metadata.name.clone().unwrap_or_default(),
            exported_namespace: metadata.namespace.clone().unwrap_or_default(),
            ready: ready.map_or(ConditionStatus::Unknown, |ready| ready.status).as_str(),
            reason: ready.map(|ready| ready.reason.clone()).unwrap_or_default(),
            suspended: if instance.is_disabled() { "True" } else { "False" },
            registry: instance.spec.distribution.registry.clone(),
            revision: status.and_then(|status| status.last_applied_revision.clone()).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use flux_operator_api::{Condition, Distribution, FluxInstanceSpec, FluxInstanceStatus, Reason, annotations};
    use jiff::Timestamp;

    use super::*;

    fn instance() -> FluxInstance {
        let spec = FluxInstanceSpec::new(Distribution::new("2.x", "registry.example/flux"));
        FluxInstance::new("flux", spec).in_namespace("flux-system")
    }

    #[test]
    fn an_instance_without_status_is_unknown() {
        let labels = InstanceLabels::of(&instance());
        assert_eq!((labels.ready, labels.reason.as_str(), labels.suspended), ("Unknown", "", "False"));
        assert_eq!((labels.registry.as_str(), labels.revision.as_str()), ("registry.example/flux", ""));
    }

    #[test]
    fn readiness_comes_from_the_condition_and_the_revision_from_what_was_applied() {
        let mut instance = instance();
        let mut status = FluxInstanceStatus {
            last_attempted_revision: Some("v2.8.0@sha256:b".to_owned()),
            last_applied_revision: Some("v2.7.0@sha256:a".to_owned()),
            ..FluxInstanceStatus::default()
        };
        let condition = |kind, status, reason| Condition::new(kind, status, reason, "", Timestamp::UNIX_EPOCH);
        status.conditions.set(condition(ConditionType::Stalled, ConditionStatus::True, Reason::Progressing));
        status.conditions.set(condition(ConditionType::Ready, ConditionStatus::False, Reason::BuildFailed));
        instance.status = Some(status);
        instance.metadata.annotations = Some([(annotations::RECONCILE.to_owned(), "Disabled".to_owned())].into());
        let labels = InstanceLabels::of(&instance);
        assert_eq!((labels.ready, labels.reason.as_str(), labels.suspended), ("False", "BuildFailed", "True"));
        assert_eq!(labels.revision, "v2.7.0@sha256:a");
    }
}
