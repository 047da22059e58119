//! The instance in the API server, as the operator writes it: its status and its finalizer.
//!
//! A status is one merge patch of what changed, valid for the version that was seen last. If
//! somebody else wrote in between, the instance is read again and the patch worked out anew, so that
//! conditions of others survive. Nothing is asked where nothing changed.

use flux_operator_api::{Condition, ConditionType, FINALIZER, FluxInstanceStatus, ResourceInventory};
use flux_operator_inventory::{Connection, Inventory, InventoryStore, RequestError, StoreError, patch_params};
use http::Request;
use kube::api::{DynamicObject, GetParams, Patch};
use kube::core::Resource as _;
use kube::core::request::Request as Requests;
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use crate::instance::{Instance, resource};

/// Writes one instance.
pub(crate) struct Report {
    connection: Connection,
    path: String,
    name: String,
    /// As it was read or written last.
    stored: Mutex<Instance>,
}

/// How often a write is tried again because somebody else wrote in between.
const CONFLICTS: usize = 5;

impl Report {
    pub(crate) fn new(connection: Connection, instance: Instance) -> Self {
        let path = DynamicObject::url_path(&resource(), Some(instance.namespace()));
        Self { connection, path, name: instance.name().to_owned(), stored: Mutex::new(instance) }
    }

    /// The instance as it is stored.
    pub(crate) fn into_instance(self) -> Instance {
        self.stored.into_inner()
    }

    /// Changes the status, if that makes a difference.
    pub(crate) async fn update(&self, change: impl FnOnce(&mut FluxInstanceStatus)) -> Result<(), RequestError> {
        let mut stored = self.stored.lock().await;
        let mut status = stored.status.clone();
        change(&mut status);
        self.write(&mut stored, |stored| {
            let changed = difference(&stored.status, &with_conditions_of_others(&status, &stored.status));
            let metadata = json!({"resourceVersion": stored.metadata.resource_version});
            (!changed.is_empty()).then(|| (Some("status"), json!({"metadata": metadata, "status": changed})))
        })
        .await
    }

    /// Adds the finalizer, or takes it away. Those of others stay.
    pub(crate) async fn set_finalizer(&self, wanted: bool) -> Result<(), RequestError> {
        let mut stored = self.stored.lock().await;
        self.write(&mut stored, |stored| {
            if stored.has_finalizer() == wanted {
                return None;
            }
            let others = stored.metadata.finalizers.iter().flatten().filter(|finalizer| *finalizer != FINALIZER);
            let ours = wanted.then(|| FINALIZER.to_owned());
            let finalizers: Vec<String> = others.cloned().chain(ours).collect();
            let version = &stored.metadata.resource_version;
            Some((None, json!({"metadata": {"resourceVersion": version, "finalizers": finalizers}})))
        })
        .await
    }

    /// Sends a patch of the instance or a subresource, worked out from what is stored, whose version it
    /// has to name.
    async fn write(
        &self,
        stored: &mut Instance,
        patch: impl Fn(&Instance) -> Option<(Option<&'static str>, Value)>,
    ) -> Result<(), RequestError> {
        for conflicts in 0.. {
            let Some((subresource, body)) = patch(stored) else {
                return Ok(());
            };
            match self.send(self.patch_request(subresource, body)?).await {
                Ok(written) => {
                    *stored = written;
                    return Ok(());
                }
                Err(error) if error.is_conflict() && conflicts < CONFLICTS => {
                    let request = Requests::new(&self.path).get(&self.name, &GetParams::default());
                    *stored = self.send(request.map_err(RequestError::unreadable)?).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn patch_request(&self, subresource: Option<&str>, body: Value) -> Result<Request<Vec<u8>>, RequestError> {
        let params = patch_params();
        let requests = Requests::new(&self.path);
        match subresource {
            Some(subresource) => requests.patch_subresource(subresource, &self.name, &params, &Patch::Merge(body)),
            None => requests.patch(&self.name, &params, &Patch::Merge(body)),
        }
        .map_err(RequestError::unreadable)
    }

    async fn send(&self, request: Request<Vec<u8>>) -> Result<Instance, RequestError> {
        let object: DynamicObject = self.connection.json(request).await?;
        Instance::try_from(object).map_err(RequestError::unreadable)
    }
}

impl InventoryStore for Report {
    async fn save(&self, inventory: &Inventory) -> Result<(), StoreError> {
        let inventory = ResourceInventory::from(inventory);
        Ok(self.update(|status| status.inventory = Some(inventory)).await?)
    }
}

/// A status with the conditions of others as they are stored now.
fn with_conditions_of_others(status: &FluxInstanceStatus, stored: &FluxInstanceStatus) -> FluxInstanceStatus {
    let is_ours = |condition: &&Condition| condition.r#type.parse::<ConditionType>().is_ok();
    let ours = status.conditions.iter().filter(is_ours);
    let others = stored.conditions.iter().filter(|condition| !is_ours(condition));
    FluxInstanceStatus { conditions: ours.chain(others).cloned().collect(), ..status.clone() }
}

/// The merge patch from one status to another: fields that differ, and null for those that are gone.
fn difference(from: &FluxInstanceStatus, to: &FluxInstanceStatus) -> Map<String, Value> {
    // A status is always a JSON object.
    let fields = |status| match serde_json::to_value(status) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let (from, to) = (fields(from), fields(to));
    let gone = from.keys().filter(|key| !to.contains_key(*key)).map(|key| (key.clone(), Value::Null));
    let changed = to.iter().filter(|(key, value)| from.get(*key) != Some(value));
    gone.chain(changed.map(|(key, value)| (key.clone(), value.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use flux_operator_api::{ConditionStatus, Reason};
    use jiff::Timestamp;

    use super::*;

    fn condition(r#type: &str, second: i64) -> Condition {
        let now = Timestamp::from_second(second).unwrap();
        let ready = Condition::new(ConditionType::Ready, ConditionStatus::True, Reason::Progressing, "", now);
        Condition { r#type: r#type.to_owned(), ..ready }
    }

    fn status(conditions: &[Condition], applied: Option<&str>) -> FluxInstanceStatus {
        FluxInstanceStatus {
            conditions: conditions.iter().cloned().collect(),
            last_applied_revision: applied.map(str::to_owned),
            ..FluxInstanceStatus::default()
        }
    }

    #[test]
    fn only_what_changed_is_sent_and_what_is_gone_is_null() {
        let none = FluxInstanceStatus::default();
        assert_eq!(difference(&none, &none), Map::new());
        let (from, to) = (status(&[condition("Ready", 1)], Some("v1")), status(&[condition("Ready", 1)], None));
        assert_eq!(Value::from(difference(&from, &to)), json!({"lastAppliedRevision": null}));
        assert_eq!(Value::from(difference(&to, &from)), json!({"lastAppliedRevision": "v1"}));
    }

    #[test]
    fn conditions_of_others_are_those_that_are_stored() {
        let ours = status(&[condition("Ready", 2), condition("Gone", 1)], None);
        let stored = status(&[condition("Ready", 1), condition("Other", 1)], None);
        let merged = with_conditions_of_others(&ours, &stored);
        assert_eq!(*merged.conditions, [condition("Ready", 2), condition("Other", 1)]);
    }
}
