//! Objects whose controllers are gone: nobody would take their finalizers off.

use kube::api::Patch;
use kube::core::request::Request as Requests;
use serde_json::{Value, json};

use super::Engine;
use super::definition::DEFINITIONS;
use super::request::{RequestError, patch_params};

impl Engine {
    /// Takes the finalizers off every object of a CRD, in all namespaces. Returns how many had some.
    ///
    /// To be called once nobody is left who would act on them: what the objects stand for stays in
    /// the cluster.
    ///
    /// # Errors
    /// An object cannot be listed or written. A CRD that is not there has no objects.
    pub async fn strip_finalizers(&self, crd: &str) -> Result<usize, RequestError> {
        match self.definition(crd).await? {
            Some(definition) => self.patch_all(&definition.kind, without_finalizers).await,
            None => Ok(0),
        }
    }

    /// Touches a CRD that is being deleted.
    ///
    /// An API server that deletes the objects of a kind which it has only just begun to serve may
    /// fail to list them. It tries again after minutes, or when the CRD changes.
    ///
    /// # Errors
    /// The CRD cannot be written. One that is not there is fine.
    pub async fn nudge(&self, crd: &str, token: &str) -> Result<(), RequestError> {
        let patch = json!({"metadata": {"annotations": {NUDGE: token}}});
        let params = patch_params();
        let request = Requests::new(DEFINITIONS).patch_metadata(crd, &params, &Patch::Merge(patch));
        match self.connection.json::<Value>(request.map_err(RequestError::unreadable)?).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }
}

/// The annotation that a nudge changes.
const NUDGE: &str = "fluxcd.controlplane.io/deletionCheckedAt";

fn without_finalizers(item: &Value) -> Option<Patch<Value>> {
    let finalizers = item.pointer("/metadata/finalizers").and_then(Value::as_array);
    finalizers.filter(|finalizers| !finalizers.is_empty())?;
    let version = item.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default();
    Some(Patch::Merge(json!({"metadata": {"resourceVersion": version, "finalizers": null}})))
}
