//! Stored versions: every object of a kind is stored anew, so that its CRD can drop an old version.

use kube::api::Patch;
use kube::core::request::Request as Requests;
use serde_json::{Value, json};

use super::Engine;
use super::definition::{DEFINITIONS, Definition, is_behind};
use super::request::{RequestError, patch_params};
use crate::plan::managed_fields::restamp;

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
    /// An object cannot be listed or written. What was migrated stays so.
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
            let api_version = &definition.kind.resource.api_version;
            touched += self.patch_all(&definition.kind, |item| Some(store_anew(item, api_version))).await?;
            match self.forget_stored_versions(&definition).await {
                Ok(()) => return Ok(Migration::Migrated(touched)),
                Err(error) if is_behind(&error) && conflicts < CONFLICTS => conflicts += 1,
                Err(error) => return Err(error),
            }
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

/// The patch that makes the API server store the object anew.
fn store_anew(item: &Value, api_version: &str) -> Patch<Value> {
    match restamp(item, api_version) {
        // A list of operations is always a JSON patch.
        Some(operations) => Patch::Json(serde_json::from_value(operations).unwrap_or_default()),
        None => Patch::Merge(json!({})),
    }
}
