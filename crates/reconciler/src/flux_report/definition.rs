//! What is kept of a CRD: which kind it defines, and who brought it.

use std::collections::BTreeMap;

use flux_operator_api::{identity, labels};
use kube::core::{ApiResource, GroupVersionKind};
use serde::Deserialize;

/// The CRD by which Flux counts as installed.
pub(super) const MARKER: &str = "gitrepositories.source.toolkit.fluxcd.io";

/// Kinds of the operator that are counted beside those of Flux.
const OF_OPERATOR: [&str; 3] = ["fluxinstances", "resourcesets", "resourcesetinputproviders"];

/// Whose kind it is, which decides how it says that it is suspended and whether it is in the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Flux,
    Operator,
    /// The report itself.
    Report,
}

impl Family {
    /// That of a CRD; none where the report is not about it.
    pub(super) fn of(name: &str, labels: Option<&BTreeMap<String, String>>) -> Option<Self> {
        let (plural, group) = name.split_once('.')?;
        let part_of = labels.and_then(|labels| labels.get(labels::PART_OF)).map(String::as_str);
        if name == identity::REPORT_CRD_NAME {
            Some(Self::Report)
        } else if group == identity::GROUP {
            OF_OPERATOR.contains(&plural).then_some(Self::Operator)
        } else {
            (part_of == Some(labels::PART_OF_FLUX)).then_some(Self::Flux)
        }
    }
}

/// Which Flux a CRD came with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) version: Option<String>,
    pub(crate) managed_by: Option<String>,
}

impl Origin {
    pub(super) fn of(labels: Option<&BTreeMap<String, String>>) -> Self {
        let label = |key: &str| labels.and_then(|labels| labels.get(key));
        let bootstrap = || label(labels::KUSTOMIZATION_NAME).map(|_| "flux bootstrap".to_owned());
        Self {
            version: label(labels::APP_VERSION).cloned(),
            managed_by: label(labels::MANAGED_BY).cloned().or_else(bootstrap),
        }
    }
}

/// A kind, as its CRD defines it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Definition {
    pub(crate) family: Family,
    pub(crate) group: String,
    pub(crate) kind: String,
    pub(crate) plural: String,
    /// The version that objects were stored in last; none before the API server serves the kind.
    pub(crate) version: Option<String>,
}

impl Definition {
    pub(super) fn new(family: Family, read: Read) -> Self {
        let Read { spec, status } = read;
        let mut conditions = status.conditions.iter().flatten();
        let is_established = conditions.any(|it| it.r#type == "Established" && it.status == "True");
        Self {
            family,
            group: spec.group,
            kind: spec.names.kind,
            plural: spec.names.plural,
            version: status.stored_versions.into_iter().flatten().last().filter(|_| is_established),
        }
    }

    /// API version of the kind, such as `source.toolkit.fluxcd.io/v1`.
    pub(crate) fn api_version(&self) -> Option<String> {
        Some(format!("{}/{}", self.group, self.version.as_deref()?))
    }

    /// Where its objects are.
    pub(super) fn resource(&self) -> Option<ApiResource> {
        let gvk = GroupVersionKind::gvk(&self.group, self.version.as_deref()?, &self.kind);
        Some(ApiResource::from_gvk_with_plural(&gvk, &self.plural))
    }
}

/// The few fields of a CRD that are read. Its schemas, which are nearly all of it, are passed over.
#[derive(Debug, Deserialize)]
pub(super) struct Read {
    spec: ReadSpec,
    #[serde(default)]
    status: ReadStatus,
}

#[derive(Debug, Deserialize)]
struct ReadSpec {
    group: String,
    names: Names,
}

#[derive(Debug, Deserialize)]
struct Names {
    kind: String,
    plural: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ReadStatus {
    // Both are null for a moment after the CRD was made.
    stored_versions: Option<Vec<String>>,
    conditions: Option<Vec<Condition>>,
}

#[derive(Debug, Deserialize)]
struct Condition {
    r#type: String,
    status: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn labels(labels: &[(&str, &str)]) -> BTreeMap<String, String> {
        labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn kinds_of_flux_are_known_by_their_label_and_ours_by_name() {
        let flux = labels(&[(labels::PART_OF, "flux")]);
        for (name, labels, expected) in [
            ("buckets.source.toolkit.fluxcd.io", Some(&flux), Some(Family::Flux)),
            ("canaries.flagger.app", Some(&flux), Some(Family::Flux)),
            ("buckets.source.toolkit.fluxcd.io", None, None),
            ("fluxinstances.fluxcd.controlplane.io", None, Some(Family::Operator)),
            ("fluxreports.fluxcd.controlplane.io", None, Some(Family::Report)),
            ("others.fluxcd.controlplane.io", None, None),
        ] {
            assert_eq!(Family::of(name, labels), expected, "{name}");
        }
    }

    #[test]
    fn who_brought_flux_is_told_by_labels() {
        let by = |given: &[(&str, &str)]| Origin::of(Some(&labels(given))).managed_by;
        assert_eq!(by(&[]), None);
        assert_eq!(by(&[(labels::KUSTOMIZATION_NAME, "flux-system")]).as_deref(), Some("flux bootstrap"));
        let both = [(labels::KUSTOMIZATION_NAME, "flux-system"), (labels::MANAGED_BY, "flux-operator")];
        assert_eq!(by(&both).as_deref(), Some("flux-operator"));
    }

    #[test]
    fn a_kind_is_there_in_the_version_stored_last_once_it_is_served() {
        let of_status = |status: serde_json::Value| {
            let crd = json!({
                "metadata": {"name": "buckets.g"},
                "spec": {"group": "g", "names": {"kind": "Bucket", "plural": "buckets"}, "versions": [{"schema": {}}]},
                "status": status,
            });
            Definition::new(Family::Flux, serde_json::from_value(crd).unwrap()).api_version()
        };
        let version = |established: &str, stored: &[&str]| {
            let conditions = json!([{"type": "Established", "status": established}]);
            of_status(json!({"storedVersions": stored, "conditions": conditions}))
        };
        assert_eq!(version("True", &["v1beta2", "v1"]).as_deref(), Some("g/v1"));
        assert_eq!(version("False", &["v1"]), None);
        assert_eq!(version("True", &[]), None);
        // As the API server has it for a moment after the CRD was made.
        assert_eq!(of_status(json!({"storedVersions": null, "conditions": null})), None);
        assert_eq!(of_status(json!({})), None);
    }
}
