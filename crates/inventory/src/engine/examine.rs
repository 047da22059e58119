//! What would applying do? Reads only.

use std::collections::BTreeMap;
use std::time::Duration;

use flux_operator_api::{FIELD_MANAGER, Object, ObjectId};
use futures::StreamExt as _;
use http::Request;
use kube::api::{ListParams, Patch, PatchParams};
use kube::core::request::Request as Requests;
use serde_json::Value;
use tokio::time::sleep;

use super::Engine;
use super::failure::{Failure, Step};
use super::kinds::{Kind, get};
use super::memory::DesiredDigest;
use super::request::RequestError;
use crate::plan::decide::Refused;
use crate::plan::prepare::prepare;
use crate::plan::{Decision, Policy, decide};

/// An object about which everything is known.
pub(super) struct Examined {
    pub(super) desired: Object,
    pub(super) digest: DesiredDigest,
    pub(super) kind: Kind,
    pub(super) live: Option<Object>,
    pub(super) decision: Decision,
}

/// An object that the API server was asked about.
struct Trial {
    desired: Object,
    digest: DesiredDigest,
    kind: Kind,
    answer: Result<Object, RequestError>,
}

/// How long the API server may take to serve a kind whose CRD it has just established.
const SERVED_WITHIN: Duration = Duration::from_secs(10);
const SERVED_PAUSE: Duration = Duration::from_millis(100);

/// How many objects a page of a list has.
const PAGE: u32 = 500;

impl Engine {
    /// Examines objects, as many at a time as the window allows. In the order of the objects.
    pub(super) async fn examine(&self, objects: Vec<Object>, policy: &Policy) -> Vec<Result<Examined, Failure>> {
        let trials = futures::stream::iter(objects.into_iter().map(|object| self.try_out(object)));
        let trials: Vec<_> = trials.buffered(self.options.window.max(1)).collect().await;
        let mut live = self.read(trials.iter().flatten().filter(|trial| trial.needs_live(policy))).await;
        let examine = |trial: Result<Trial, Failure>| {
            let trial = trial?;
            let id = trial.desired.id();
            let live = live.remove(&id).transpose().map_err(|error| Failure::new(id, Step::Read, error))?;
            trial.decide(live.flatten(), policy)
        };
        trials.into_iter().map(examine).collect()
    }

    async fn try_out(&self, object: Object) -> Result<Trial, Failure> {
        let desired = prepare(&object);
        let kind = self.kinds.of(&self.connection, &object).await;
        let kind = kind.map_err(|error| Failure::new(object.id(), Step::DryRun, error))?;
        let request = apply_request(&kind, &desired, true);
        let mut waited = Duration::ZERO;
        let answer = loop {
            let answer = self.connection.object(request.clone()).await;
            let is_not_served = answer.as_ref().is_err_and(is_not_served);
            if !is_not_served || waited >= SERVED_WITHIN {
                break answer;
            }
            sleep(SERVED_PAUSE).await;
            waited += SERVED_PAUSE;
        };
        Ok(Trial { desired, digest: DesiredDigest::of(&object), kind, answer })
    }

    /// What is in the cluster of these objects: one list for a kind with several, one read for a
    /// kind with one and for each object that the owner does not have yet.
    async fn read<'t>(
        &self,
        trials: impl Iterator<Item = &'t Trial>,
    ) -> BTreeMap<ObjectId, Result<Option<Object>, RequestError>> {
        let mut kinds: BTreeMap<String, Vec<&Trial>> = BTreeMap::new();
        for trial in trials {
            kinds.entry(trial.kind.path(trial.desired.namespace())).or_default().push(trial);
        }
        let groups = futures::stream::iter(kinds.into_iter().map(|(path, group)| self.read_group(path, group)));
        let groups: Vec<_> = groups.buffer_unordered(self.options.window.max(1)).collect().await;
        groups.into_iter().flatten().collect()
    }

    async fn read_group(
        &self,
        path: String,
        group: Vec<&Trial>,
    ) -> Vec<(ObjectId, Result<Option<Object>, RequestError>)> {
        let mut found = BTreeMap::new();
        if let [first, _, ..] = group.as_slice() {
            match self.list(&path, &first.kind).await {
                Ok(objects) => found.extend(objects.into_iter().map(|object| (object.id(), object))),
                // Whoever may not list may still read what he knows by name.
                Err(error) if error.is_forbidden() || error.is_not_found() => {}
                Err(error) => {
                    let text = error.to_string();
                    tracing::debug!(path, error = text, "cannot list, reading one by one");
                }
            }
        }
        let mut read = Vec::new();
        for trial in group {
            let id = trial.desired.id();
            let object = match found.remove(&id) {
                Some(object) => Ok(Some(object)),
                None => self.get(&trial.kind, &id).await,
            };
            read.push((id, object));
        }
        read
    }

    /// An object of the cluster, if it is there.
    pub(super) async fn get(&self, kind: &Kind, id: &ObjectId) -> Result<Option<Object>, RequestError> {
        let path = kind.path(Some(&id.namespace));
        match self.connection.object(get(&format!("{path}/{}", id.name))).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The owner's objects of a kind.
    async fn list(&self, path: &str, kind: &Kind) -> Result<Vec<Object>, RequestError> {
        let mut objects = Vec::new();
        let mut params = ListParams::default().labels(&self.owner.selector()).limit(PAGE);
        loop {
            let request = Requests::new(path).list(&params).map_err(unreadable)?;
            let page: Value = self.connection.json(request).await?;
            objects.extend(items(&page, kind));
            let more = page.pointer("/metadata/continue").and_then(Value::as_str).filter(|token| !token.is_empty());
            let Some(token) = more else {
                return Ok(objects);
            };
            params = params.continue_token(token);
        }
    }
}

impl Trial {
    fn needs_live(&self, policy: &Policy) -> bool {
        match &self.answer {
            Ok(object) => object.pointer("/metadata/resourceVersion").is_some(),
            Err(error) => is_immutable(error) || policy.honours_reconcile,
        }
    }

    fn decide(self, live: Option<Object>, policy: &Policy) -> Result<Examined, Failure> {
        let Self { desired, digest, kind, answer } = self;
        let dry_run = answer.map_err(|error| Refused { is_immutable: is_immutable(&error), error });
        match decide(&desired, live.as_ref(), dry_run, policy) {
            Ok(decision) => Ok(Examined { desired, digest, kind, live, decision }),
            Err(error) => Err(Failure::about(&desired, Step::DryRun, error)),
        }
    }
}

/// The objects of a list. Lists of built-in kinds leave out what all items have in common.
pub(super) fn items(page: &Value, kind: &Kind) -> Vec<Object> {
    let items = page.get("items").and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| typed(item.clone(), kind)).collect()
}

/// An object with its API version and kind.
pub(super) fn typed(mut object: Value, kind: &Kind) -> Option<Object> {
    if let Some(fields) = object.as_object_mut() {
        fields.insert("apiVersion".to_owned(), kind.resource.api_version.as_str().into());
        fields.insert("kind".to_owned(), kind.resource.kind.as_str().into());
    }
    Object::try_from(object).ok()
}

/// A server-side apply. Conflicts with other managers are won, and fields that the schema does not
/// have are refused.
pub(super) fn apply_request(kind: &Kind, object: &Object, is_dry_run: bool) -> Request<Vec<u8>> {
    let mut params = PatchParams::apply(FIELD_MANAGER).force().validation_strict();
    params.dry_run = is_dry_run;
    let path = kind.path(object.namespace());
    let request = Requests::new(path).patch(object.name(), &params, &Patch::Apply(object));
    // Fails only for parameters that are not these.
    request.unwrap_or_default()
}

pub(super) fn unreadable(error: kube::core::request::Error) -> RequestError {
    RequestError::Unreadable(error.into())
}

/// Whether an object cannot become what it should without being created anew.
fn is_immutable(error: &RequestError) -> bool {
    let Some(status) = error.status() else {
        return false;
    };
    let says = |text: &str| status.message.contains(text);
    matches!(status.code, 409 | 422) || says("is immutable") || says("immutable field")
}

/// Whether the path of the kind is not there. An object that is not there looks different: then the
/// answer has its name.
fn is_not_served(error: &RequestError) -> bool {
    let names_object =
        |status: &kube::core::Status| status.details.as_ref().is_some_and(|details| !details.name.is_empty());
    error.is_not_found() && !error.status().is_some_and(names_object)
}
