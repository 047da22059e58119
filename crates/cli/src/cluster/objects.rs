//! Reading and changing objects.

use flux_operator_api::Object;
use flux_operator_inventory::RequestError;
use futures::StreamExt as _;
use http::Request;
use kube::api::{DeleteParams, GetParams, ListParams, Patch, PatchParams};
use kube::core::request::Request as Requests;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Cluster, ClusterError, ServedKind};

/// In whose name the command line changes fields.
pub(crate) const FIELD_MANAGER: &str = "flux-operator-ctl";

/// How many objects a page has.
const PAGE: u32 = 500;

/// How many requests are on their way at the same time.
pub(crate) const WINDOW: usize = 8;

/// Where to look for objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// In every namespace.
    All,
    /// In this one.
    Namespace(String),
}

impl Scope {
    pub(crate) fn namespace(&self) -> Option<&str> {
        match self {
            Self::All => None,
            Self::Namespace(namespace) => Some(namespace),
        }
    }

    /// How to say it behind a list of kinds.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::All => "in any namespace".to_owned(),
            Self::Namespace(namespace) => format!("in the namespace `{namespace}`"),
        }
    }
}

/// Objects, and the version of the list, to watch from.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    pub(crate) objects: Vec<Object>,
    pub(crate) version: String,
}

impl Listed {
    /// Whether the kind is not there, at this version.
    pub(crate) fn is_missing(&self) -> bool {
        self.version.is_empty()
    }
}

impl Cluster {
    /// Asks, and reads the answer.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        doing: &str,
        request: Request<Vec<u8>>,
    ) -> Result<T, ClusterError> {
        self.connection.json(request).await.map_err(|error| ClusterError::request(doing, error))
    }

    /// The object, where it exists.
    pub(crate) async fn find(
        &self,
        kind: &ServedKind,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Object>, ClusterError> {
        let doing = || format!("read {}", kind.id(namespace, name));
        let request = Requests::new(kind.path(Some(namespace))).get(name, &GetParams::default());
        let request = request.map_err(|error| ClusterError::request(doing(), RequestError::unreadable(error)))?;
        match self.connection.object(request).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(ClusterError::request(doing(), error)),
        }
    }

    /// The object.
    ///
    /// # Errors
    /// Also that it does not exist.
    pub(crate) async fn get(&self, kind: &ServedKind, namespace: &str, name: &str) -> Result<Object, ClusterError> {
        let found = self.find(kind, namespace, name).await?;
        found.ok_or_else(|| ClusterError::NotFound(kind.id(namespace, name).to_string()))
    }

    /// The objects of a kind, page by page; none where the kind is not there.
    pub(crate) async fn list(
        &self,
        kind: &ServedKind,
        scope: &Scope,
        params: &ListParams,
    ) -> Result<Listed, ClusterError> {
        self.pages(kind, scope, params, |path, params| Requests::new(path).list(params)).await
    }

    /// The metadata of the objects of a kind; with [`ListParams::match_any`] in one answer, which may be seconds old.
    pub(crate) async fn list_metadata(
        &self,
        kind: &ServedKind,
        scope: &Scope,
        params: &ListParams,
    ) -> Result<Listed, ClusterError> {
        self.pages(kind, scope, params, |path, params| Requests::new(path).list_metadata(params)).await
    }

    /// The objects of several kinds, in the order of the kinds.
    pub(crate) async fn list_all(&self, kinds: &[ServedKind], scope: &Scope) -> Result<Vec<Object>, ClusterError> {
        self.list_selected(kinds, scope, &ListParams::default()).await
    }

    /// Those of them that the API server picks out.
    pub(crate) async fn list_selected(
        &self,
        kinds: &[ServedKind],
        scope: &Scope,
        params: &ListParams,
    ) -> Result<Vec<Object>, ClusterError> {
        let lists = kinds.iter().map(|kind| self.list(kind, scope, params));
        let mut lists = futures::stream::iter(lists).buffered(WINDOW);
        let mut objects = Vec::new();
        while let Some(listed) = lists.next().await {
            objects.extend(listed?.objects);
        }
        Ok(objects)
    }

    async fn pages(
        &self,
        kind: &ServedKind,
        scope: &Scope,
        params: &ListParams,
        request: impl Fn(String, &ListParams) -> Result<Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<Listed, ClusterError> {
        let failed = |error| ClusterError::request(format!("list {}", kind.plural), error);
        let mut listed = Listed::default();
        // What may come from the memory of the API server comes in one piece.
        let limit = (params.resource_version.as_deref() != Some("0")).then_some(PAGE);
        let mut params = Some(ListParams { limit, ..params.clone() });
        while let Some(this) = params.take() {
            let request = request(kind.path(scope.namespace()), &this)
                .map_err(|error| failed(RequestError::unreadable(error)))?;
            let mut page: Value = match self.connection.json(request).await {
                Err(error) if error.is_not_found() => return Ok(listed),
                page => page.map_err(failed)?,
            };
            let text = |field: &str| page.pointer(field).and_then(Value::as_str).unwrap_or_default().to_owned();
            listed.version = text("/metadata/resourceVersion");
            let more = text("/metadata/continue");
            if let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) {
                listed.objects.extend(items.into_iter().filter_map(|item| typed(item, kind)));
            }
            params = (!more.is_empty()).then(|| this.continue_token(&more));
        }
        Ok(listed)
    }

    /// Changes fields of an object with a merge patch.
    pub(crate) async fn merge(&self, kind: &ServedKind, object: &Object, patch: Value) -> Result<Object, ClusterError> {
        self.patch(kind, object.namespace().unwrap_or_default(), object.name(), &Patch::Merge(patch)).await
    }

    /// Changes an object.
    pub(crate) async fn patch(
        &self,
        kind: &ServedKind,
        namespace: &str,
        name: &str,
        patch: &Patch<Value>,
    ) -> Result<Object, ClusterError> {
        let failed = |error| ClusterError::request(format!("change {}", kind.id(namespace, name)), error);
        let is_apply = matches!(patch, Patch::Apply(_));
        let params =
            PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), force: is_apply, ..Default::default() };
        let request = Requests::new(kind.path(Some(namespace))).patch(name, &params, patch);
        let request = request.map_err(|error| failed(RequestError::unreadable(error)))?;
        self.connection.object(request).await.map_err(failed)
    }

    /// Asks for the deletion of an object. Whether it existed.
    pub(crate) async fn delete(
        &self,
        kind: &ServedKind,
        namespace: &str,
        name: &str,
        params: &DeleteParams,
    ) -> Result<bool, ClusterError> {
        let failed = |error| ClusterError::request(format!("delete {}", kind.id(namespace, name)), error);
        let request = Requests::new(kind.path(Some(namespace))).delete(name, params);
        let request = request.map_err(|error| failed(RequestError::unreadable(error)))?;
        match self.connection.json::<Value>(request).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }
}

/// A JSON patch of these operations.
pub(crate) fn json_patch(operations: Value) -> Patch<Value> {
    // A list of operations is always a JSON patch.
    Patch::Json(serde_json::from_value(operations).unwrap_or_default())
}

/// An object with its API version and kind, which lists leave out, and without what only field
/// managers read.
pub(super) fn typed(mut object: Value, kind: &ServedKind) -> Option<Object> {
    let fields = object.as_object_mut()?;
    fields.insert("apiVersion".to_owned(), kind.api_version().into());
    fields.insert("kind".to_owned(), kind.kind.as_str().into());
    Object::try_from(object).ok()
}
