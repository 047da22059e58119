//! A FluxInstance as the API server has it, readable or not.

use flux_operator_api::{Digest, FINALIZER, FluxInstance, FluxInstanceSpec, FluxInstanceStatus, identity};
use kube::api::DynamicObject;
use kube::core::ObjectMeta;
use serde::Deserialize as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::settings::Settings;

/// A FluxInstance that was observed.
///
/// Its spec may be unreadable, because it was stored by an older schema: that is reported and waits
/// for a change, while everything else, above all the inventory, is there to be used.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Name, namespace, generation, annotations, finalizers.
    pub metadata: ObjectMeta,
    /// What the user wants, or why nobody can tell.
    pub spec: Result<FluxInstanceSpec, UnreadableSpec>,
    /// `sha256:` and the digest of the spec as JSON.
    pub spec_digest: String,
    /// What was reported so far.
    pub status: FluxInstanceStatus,
}

/// A spec that does not fit the schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`spec` cannot be read: {0}")]
pub struct UnreadableSpec(String);

/// A status that does not fit the schema. Without its inventory nothing can be done safely.
#[derive(Debug, thiserror::Error)]
#[error(
    "the status of FluxInstance/{namespace}/{name} cannot be read; correct or remove it with `kubectl edit --subresource status`"
)]
pub struct UnreadableStatus {
    namespace: String,
    name: String,
    #[source]
    source: serde_json::Error,
}

impl UnreadableSpec {
    pub(crate) fn missing() -> Self {
        Self("it is missing".to_owned())
    }
}

impl Instance {
    /// The namespace.
    pub fn namespace(&self) -> &str {
        self.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    /// How it is run.
    pub fn settings(&self) -> Settings {
        Settings::of(&self.metadata)
    }

    /// Whether somebody has deleted it.
    pub fn is_deleted(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    /// Whether it waits for the operator when it is deleted.
    pub fn has_finalizer(&self) -> bool {
        self.metadata.finalizers.iter().flatten().any(|finalizer| finalizer == FINALIZER)
    }

    /// The instance as the builder takes it.
    ///
    /// # Errors
    /// The spec is unreadable.
    pub fn readable(&self) -> Result<FluxInstance, UnreadableSpec> {
        Ok(self.with_spec(self.spec.clone()?))
    }

    /// The instance for those who only tell of it: with an empty spec where that is unreadable.
    pub fn for_show(&self) -> FluxInstance {
        self.with_spec(self.spec.clone().unwrap_or_default())
    }

    fn with_spec(&self, spec: FluxInstanceSpec) -> FluxInstance {
        let mut instance = FluxInstance::new(self.name(), spec);
        instance.metadata = self.metadata.clone();
        instance.status = Some(self.status.clone());
        instance
    }

    /// Whether what a run starts from is different: a new object, another spec, other annotations.
    /// Status, labels and finalizers do not count.
    pub fn asks_for_a_run(&self, before: Option<&Self>) -> bool {
        before.is_none_or(|before| {
            let of = |instance: &Self| {
                let metadata = &instance.metadata;
                (metadata.uid.clone(), metadata.generation, metadata.annotations.clone().unwrap_or_default())
            };
            of(self) != of(before)
        })
    }

    /// Whether it was observed later than `other`: resource versions are numbers that grow, see
    /// <https://kep.k8s.io/5504>.
    pub fn is_after(&self, other: &Self) -> bool {
        let number = |instance: &Self| instance.metadata.resource_version.as_deref()?.parse::<u64>().ok();
        match (number(self), number(other)) {
            (Some(this), Some(other)) => this > other,
            _ => true,
        }
    }
}

impl TryFrom<DynamicObject> for Instance {
    type Error = UnreadableStatus;

    fn try_from(object: DynamicObject) -> Result<Self, Self::Error> {
        let DynamicObject { mut metadata, mut data, .. } = object;
        metadata.managed_fields = None;
        let mut take = |field: &str| data.get_mut(field).map(Value::take).unwrap_or_default();
        let spec = take("spec");
        let spec_digest = digest(&spec);
        let status = match take("status") {
            Value::Null => FluxInstanceStatus::default(),
            status => FluxInstanceStatus::deserialize(status).map_err(|source| UnreadableStatus {
                namespace: metadata.namespace.clone().unwrap_or_default(),
                name: metadata.name.clone().unwrap_or_default(),
                source,
            })?,
        };
        let spec = if spec.is_null() {
            Err(UnreadableSpec::missing())
        } else {
            FluxInstanceSpec::deserialize(spec).map_err(|error| UnreadableSpec(error.to_string()))
        };
        Ok(Self { metadata, spec, spec_digest, status })
    }
}

fn digest(spec: &Value) -> String {
    // A value is always JSON.
    let sum = Sha256::digest(serde_json::to_vec(spec).unwrap_or_default());
    Digest::new(sum.into()).to_string()
}

/// The kind, for requests.
pub(crate) fn resource() -> kube::core::ApiResource {
    let gvk = kube::core::GroupVersionKind::gvk(identity::GROUP, identity::VERSION, identity::KIND);
    kube::core::ApiResource::from_gvk(&gvk)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn instance(spec: &Value, metadata: &Value) -> Instance {
        let mut metadata = metadata.clone();
        metadata["name"] = json!("flux");
        let object =
            json!({"apiVersion": identity::API_VERSION, "kind": identity::KIND, "metadata": metadata, "spec": spec});
        Instance::try_from(serde_json::from_value::<DynamicObject>(object).unwrap()).unwrap()
    }

    #[test]
    fn an_unreadable_spec_is_said_and_harms_nothing_else() {
        let said = |spec: &Value| instance(spec, &json!({})).spec.unwrap_err().to_string();
        assert_eq!(said(&Value::Null), "`spec` cannot be read: it is missing");
        assert_eq!(said(&json!({})), "`spec` cannot be read: missing field `distribution`");
        let wrong =
            json!({"distribution": {"version": "2.x", "registry": "ghcr.io/fluxcd"}, "components": ["flagger"]});
        assert!(said(&wrong).contains("`flagger`"), "{}", said(&wrong));
    }

    #[test]
    fn only_what_a_user_changes_asks_for_a_run() {
        let metadata = |generation: i64, annotation: &str, other: &str| {
            json!({
                "uid": "u", "generation": generation, "resourceVersion": other, "labels": {"a": other},
                "finalizers": [other], "annotations": {"reconcile.fluxcd.io/requestedAt": annotation},
            })
        };
        let before = instance(&json!({}), &metadata(1, "a", "1"));
        let asks = |metadata: &Value| instance(&json!({}), metadata).asks_for_a_run(Some(&before));
        assert!(before.asks_for_a_run(None));
        assert!(!asks(&metadata(1, "a", "2")));
        assert!(asks(&metadata(2, "a", "1")));
        assert!(asks(&metadata(1, "b", "1")));
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        let of = |version: &str| instance(&json!({}), &json!({"resourceVersion": version}));
        assert!(of("10").is_after(&of("9")) && !of("9").is_after(&of("10")) && !of("9").is_after(&of("9")));
    }
}
