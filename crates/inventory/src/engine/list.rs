//! Lists, page by page.

use flux_operator_api::Object;
use http::Request;
use kube::api::ListParams;
use kube::core::request::{Error, Request as Requests};
use serde_json::Value;

use super::Engine;
use super::kinds::Kind;
use super::request::{Connection, RequestError};

/// How many objects a page has.
const PAGE: u32 = 500;

/// The owner's objects of a kind.
pub(super) struct Listed {
    pub(super) objects: Vec<Object>,
    /// Of the list, to watch from.
    pub(super) version: String,
}

/// The pages of a list, one request each.
pub(super) struct Pages<'c, F> {
    connection: &'c Connection,
    /// How to ask for the next one, if there is one.
    params: Option<ListParams>,
    request: F,
}

impl<'c, F: Fn(&ListParams) -> Result<Request<Vec<u8>>, Error>> Pages<'c, F> {
    pub(super) fn new(connection: &'c Connection, params: ListParams, request: F) -> Self {
        Self { connection, params: Some(params.limit(PAGE)), request }
    }

    pub(super) async fn next(&mut self) -> Result<Option<Value>, RequestError> {
        let Some(params) = self.params.take() else {
            return Ok(None);
        };
        let page: Value = self.connection.json((self.request)(&params).map_err(RequestError::unreadable)?).await?;
        let more = page.pointer("/metadata/continue").and_then(Value::as_str).filter(|token| !token.is_empty());
        self.params = more.map(|token| params.continue_token(token));
        Ok(Some(page))
    }
}

impl Engine {
    /// The owner's objects of a kind, below a path.
    pub(super) async fn list(&self, path: &str, kind: &Kind) -> Result<Listed, RequestError> {
        let mut listed = Listed { objects: Vec::new(), version: String::new() };
        let params = ListParams::default().labels(&self.owner.selector());
        let mut pages = Pages::new(&self.connection, params, |params| Requests::new(path).list(params));
        while let Some(page) = pages.next().await? {
            let version = page.pointer("/metadata/resourceVersion").and_then(Value::as_str);
            version.unwrap_or_default().clone_into(&mut listed.version);
            listed.objects.extend(items(page).filter_map(|item| typed(item, kind)));
        }
        Ok(listed)
    }
}

/// What a page has.
pub(super) fn items(mut page: Value) -> impl Iterator<Item = Value> {
    let items = page.get_mut("items").map(Value::take);
    match items {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
    .into_iter()
}

/// An object with its API version and kind, which lists of built-in kinds leave out.
pub(super) fn typed(mut object: Value, kind: &Kind) -> Option<Object> {
    if let Some(fields) = object.as_object_mut() {
        fields.insert("apiVersion".to_owned(), kind.resource.api_version.as_str().into());
        fields.insert("kind".to_owned(), kind.resource.kind.as_str().into());
    }
    Object::try_from(object).ok()
}
