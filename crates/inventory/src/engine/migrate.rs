//! Stored versions: every object of a kind is stored anew, so that its CRD can drop an old version.

use std::time::Duration;

use flux_operator_api::{FIELD_MANAGER, Object};
use kube::api::{Patch, PatchParams};
use kube::core::request::Request as Requests;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::Engine;
use super::definition::{DEFINITIONS, Definition, is_behind};
use super::examine::{SERVED_PAUSE, SERVED_WITHIN};
use super::kinds::{Kind, get};
use super::request::{RequestError, patch_params};
use crate::plan::managed_fields::restamp;
use crate::plan::prepare::prepare;

/// What became of the stored objects of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Migration {
    /// They are stored in the version that the CRD wants, or the CRD is not there.
    UpToDate,
    /// They are now. With the number of objects that were touched.
    Migrated(usize),
}

/// How often the end of a migration is tried again because the CRD changed in between.
const CONFLICTS: usize = 5;

impl Engine {
    /// Stores the objects of a CRD in its storage version, and notes in the CRD that no other is in
    /// use any more. With `force` also where the CRD says that no other is.
    ///
    /// Objects whose `managedFields` name another version are rewritten in that field, because those
    /// versions would be asked for in vain once they are gone. All others are sent an empty patch,
    /// at which the API server writes what is stored in another version.
    ///
    /// # Guarantees
    /// The CRD is touched last, so a migration that ends early is begun anew by the next call.
    /// Nothing that somebody else changed in between is overwritten.
    ///
    /// # Errors
    /// The storage version is not served, or an object cannot be listed or written. What was migrated
    /// stays so.
    pub async fn migrate(&self, crd: &str, force: bool) -> Result<Migration, RequestError> {
        let mut conflicts = 0;
        let mut touched = 0;
        loop {
            let Some(definition) = self.definition(crd).await? else {
                return Ok(Migration::UpToDate);
            };
            let is_current = definition.stored_versions == [definition.storage_version()];
            if is_current && (!force || touched > 0) {
                return Ok(if touched == 0 { Migration::UpToDate } else { Migration::Migrated(touched) });
            }
            self.served(&definition.kind).await?;
            let api_version = &definition.kind.resource.api_version;
            touched += self.patch_all(&definition.kind, |item| Some(store_anew(item, api_version))).await?;
            match self.forget_stored_versions(&definition).await {
                Ok(()) => return Ok(Migration::Migrated(touched)),
                Err(error) if is_behind(&error) && conflicts < CONFLICTS => conflicts += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Moves stored objects out of the versions that a new form of a CRD drops, so that the API server
    /// accepts it.
    ///
    /// Where the CRD stores objects in a version that the new form does not have, it has the versions
    /// of both for a while: that is the only way from the one to the other.
    ///
    /// # Guarantees
    /// As those of [`migrate`](Self::migrate). A call that ends early leaves a CRD that serves
    /// everything it served before.
    ///
    /// # Errors
    /// As those of [`migrate`](Self::migrate).
    pub async fn make_way(&self, desired: &Object) -> Result<Migration, RequestError> {
        let live = match self.connection.object(get(&format!("{DEFINITIONS}/{}", desired.name()))).await {
            Err(error) if error.is_not_found() => return Ok(Migration::UpToDate),
            live => live?,
        };
        if let Some(bridge) = bridge(&live, desired) {
            let params = PatchParams::apply(FIELD_MANAGER).force();
            let request = Requests::new(DEFINITIONS).patch(desired.name(), &params, &Patch::Apply(bridge));
            self.connection.object(request.map_err(RequestError::unreadable)?).await?;
        }
        self.migrate(desired.name(), false).await
    }

    /// Waits until the API server serves a kind, which it does shortly after its CRD says so.
    ///
    /// Objects of a kind that is not served look as if there were none.
    async fn served(&self, kind: &Kind) -> Result<(), RequestError> {
        let mut waited = Duration::ZERO;
        loop {
            match self.connection.json::<Value>(get(&format!("{}?limit=1", kind.path(None)))).await {
                Err(error) if error.is_not_found() && waited < SERVED_WITHIN => {}
                answer => return answer.map(drop),
            }
            sleep(SERVED_PAUSE).await;
            waited += SERVED_PAUSE;
        }
    }

    async fn forget_stored_versions(&self, definition: &Definition) -> Result<(), RequestError> {
        let patch = json!({
            "metadata": {"resourceVersion": definition.resource_version},
            "status": {"storedVersions": [definition.storage_version()]},
        });
        let params = patch_params();
        let request =
            Requests::new(DEFINITIONS).patch_subresource("status", &definition.name, &params, &Patch::Merge(patch));
        self.connection.json::<Value>(request.map_err(RequestError::unreadable)?).await.map(drop)
    }
}

/// The new form of a CRD with the versions that it drops, where objects are stored in one of these
/// until it is applied.
fn bridge(live: &Object, desired: &Object) -> Option<Value> {
    let versions = |crd: &Object| crd.pointer("/spec/versions").and_then(Value::as_array).cloned().unwrap_or_default();
    let new = versions(desired);
    let is_new = |version: &Value| new.iter().any(|new| new.get("name") == version.get("name"));
    let dropped: Vec<Value> = versions(live).into_iter().filter(|version| !is_new(version)).collect();
    let is_storage = |version: &Value| version.get("storage") == Some(&Value::Bool(true));
    dropped.iter().any(is_storage).then(|| {
        let mut bridge = prepare(desired).into_value();
        if let Some(versions) = bridge.pointer_mut("/spec/versions").and_then(Value::as_array_mut) {
            versions.extend(dropped.into_iter().map(|mut version| {
                if let Some(fields) = version.as_object_mut() {
                    fields.insert("storage".to_owned(), false.into());
                }
                version
            }));
        }
        bridge
    })
}

/// The patch that makes the API server store the object anew.
fn store_anew(item: &Value, api_version: &str) -> Patch<Value> {
    match restamp(item, api_version) {
        // A list of operations is always a JSON patch.
        Some(operations) => Patch::Json(serde_json::from_value(operations).unwrap_or_default()),
        None => Patch::Merge(json!({})),
    }
}
