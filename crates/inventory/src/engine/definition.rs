//! What a CRD says of its kind, and the objects of that kind.

use flux_operator_api::Object;
use http::StatusCode;
use kube::api::{GetParams, ListParams, Patch};
use kube::core::request::Request as Requests;
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::Value;

use super::Engine;
use super::kinds::{Kind, get};
use super::list::{Pages, items};
use super::request::{RequestError, patch_params};

/// A CRD, as it is in the cluster now.
pub(super) struct Definition {
    pub(super) name: String,
    pub(super) resource_version: String,
    /// The kind, in the version in which its objects are stored from now on.
    pub(super) kind: Kind,
    /// The versions in which there may be stored objects.
    pub(super) stored_versions: Vec<String>,
}

/// How often a change of one object is tried again because it changed in between.
const CONFLICTS: usize = 5;

impl Engine {
    /// Reads a CRD; none where it is not there, or says nothing of use.
    pub(super) async fn definition(&self, name: &str) -> Result<Option<Definition>, RequestError> {
        match self.connection.object(get(&format!("{DEFINITIONS}/{name}"))).await {
            Ok(crd) => Ok(Definition::of(&crd)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Changes every object of a kind for which `change` has a patch, page by page. Returns how many.
    ///
    /// A patch is worked out from the metadata of the object, and holds for that version only: if
    /// the object changed in between, it is worked out anew. What is gone is left out.
    pub(super) async fn patch_all(
        &self,
        kind: &Kind,
        change: impl Fn(&Value) -> Option<Patch<Value>> + Sync,
    ) -> Result<usize, RequestError> {
        let path = kind.path(None);
        let request = |params: &ListParams| Requests::new(&path).list_metadata(params);
        let mut pages = Pages::new(&self.connection, ListParams::default(), request);
        let mut changed = 0;
        loop {
            let page = match pages.next().await {
                Ok(Some(page)) => page,
                Ok(None) => return Ok(changed),
                Err(error) if error.is_not_found() => return Ok(changed),
                Err(error) => return Err(error),
            };
            for item in items(page) {
                changed += usize::from(self.patch_one(kind, item, &change).await?);
            }
        }
    }

    async fn patch_one(
        &self,
        kind: &Kind,
        mut item: Value,
        change: impl Fn(&Value) -> Option<Patch<Value>>,
    ) -> Result<bool, RequestError> {
        let mut conflicts = 0;
        loop {
            let text = |field: &str| item.pointer(&format!("/metadata/{field}")).and_then(Value::as_str);
            let (path, name) = (kind.path(text("namespace")), text("name").unwrap_or_default().to_owned());
            let Some(patch) = change(&item) else {
                return Ok(false);
            };
            let params = patch_params();
            let request =
                Requests::new(&path).patch_metadata(&name, &params, &patch).map_err(RequestError::unreadable)?;
            match self.connection.json::<Value>(request).await {
                Ok(_) => return Ok(true),
                Err(error) if error.is_not_found() => return Ok(false),
                Err(error) if conflicts < CONFLICTS && is_behind(&error) => conflicts += 1,
                Err(error) => return Err(error),
            }
            let request =
                Requests::new(&path).get_metadata(&name, &GetParams::default()).map_err(RequestError::unreadable)?;
            item = match self.connection.json(request).await {
                Err(error) if error.is_not_found() => return Ok(false),
                item => item?,
            };
        }
    }
}

/// Whether the patch was for another version of the object.
pub(super) fn is_behind(error: &RequestError) -> bool {
    error.is_conflict() || error.has_code(StatusCode::UNPROCESSABLE_ENTITY)
}

/// Where the CRDs are.
pub(super) const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

impl Definition {
    fn of(crd: &Object) -> Option<Self> {
        let text = |pointer: &str| crd.pointer(pointer).and_then(Value::as_str);
        let list = |pointer: &str| crd.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
        let storage = list("/spec/versions").find(|version| version.get("storage") == Some(&Value::Bool(true)))?;
        let version = storage.get("name")?.as_str()?;
        let gvk = GroupVersionKind::gvk(text("/spec/group")?, version, text("/spec/names/kind")?);
        Some(Self {
            name: crd.name().to_owned(),
            resource_version: text("/metadata/resourceVersion").unwrap_or_default().to_owned(),
            kind: Kind {
                resource: ApiResource::from_gvk_with_plural(&gvk, text("/spec/names/plural")?),
                is_namespaced: text("/spec/scope") == Some("Namespaced"),
            },
            stored_versions: list("/status/storedVersions").filter_map(Value::as_str).map(str::to_owned).collect(),
        })
    }

    /// The version in which objects are stored from now on.
    pub(super) fn storage_version(&self) -> &str {
        &self.kind.resource.version
    }
}
