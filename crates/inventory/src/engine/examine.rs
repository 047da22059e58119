//! What would applying do? Reads only.

use std::collections::BTreeMap;
use std::time::Duration;

use flux_operator_api::{FIELD_MANAGER, Object, ObjectId};
use futures::StreamExt as _;
use http::Request;
use kube::api::{Patch, PatchParams};
use kube::core::request::Request as Requests;
use tokio::time::sleep;

use super::Engine;
use super::failure::{Failure, Step};
use super::kinds::{Kind, get};
use super::memory::DesiredDigest;
use super::request::RequestError;
use crate::plan::decide::Refused;
use crate::plan::drift;
use crate::plan::prepare::prepare;
use crate::plan::settled::is_settled;
use crate::plan::take_over::TakeOver;
use crate::plan::{Decision, Policy, decide};
use crate::record::Inventory;

/// An object about which everything is known.
pub(super) struct Examined {
    pub(super) desired: Object,
    pub(super) digest: DesiredDigest,
    pub(super) kind: Kind,
    pub(super) live: Option<Object>,
    pub(super) decision: Decision,
}

/// An object, and where it belongs.
pub(super) struct Subject {
    desired: Object,
    digest: DesiredDigest,
    kind: Kind,
}

/// An object of which is known what an apply would make of it.
pub(super) struct Trial {
    subject: Subject,
    pub(super) live: Option<Object>,
    pub(super) answer: Result<Object, RequestError>,
}

/// How long the API server may take to serve a kind whose CRD it has just established.
pub(super) const SERVED_WITHIN: Duration = Duration::from_secs(10);
pub(super) const SERVED_PAUSE: Duration = Duration::from_millis(100);

impl Engine {
    /// Examines objects, as many at a time as the window allows. In the order of the objects.
    ///
    /// Those that were applied `before` are read first: what is settled needs no dry run.
    pub(super) async fn examine(
        &self,
        objects: Vec<(Object, DesiredDigest)>,
        before: &Inventory,
        policy: &Policy,
    ) -> Vec<Result<Examined, Failure>> {
        let trials = self.try_all(objects, before, policy, SERVED_WITHIN).await;
        trials.into_iter().map(|trial| trial?.decide(policy)).collect()
    }

    /// Finds out what is there, and what applying would make of it. In the order of the objects.
    ///
    /// A kind that is not served is waited for as long as `patience` says.
    pub(super) async fn try_all(
        &self,
        objects: Vec<(Object, DesiredDigest)>,
        before: &Inventory,
        policy: &Policy,
        patience: Duration,
    ) -> Vec<Result<Trial, Failure>> {
        let subjects = futures::stream::iter(objects.into_iter().map(|(object, digest)| self.identify(object, digest)));
        let subjects: Vec<_> = subjects.buffered(self.window()).collect().await;
        let known = subjects.iter().flatten().filter(|subject| before.contains(&subject.desired.id()));
        let live = self.read_known(known).await;

        let trials = subjects.into_iter().map(|subject| self.try_out(subject, &live, policy, patience));
        let mut trials: Vec<_> = futures::stream::iter(trials).buffered(self.window()).collect().await;
        let missing = trials.iter().flatten().filter(|trial| trial.needs_live(policy));
        let more = futures::stream::iter(missing.map(|trial| self.read_one(&trial.subject)));
        let mut more: BTreeMap<_, _> = more.buffer_unordered(self.window()).collect().await;
        for trial in &mut trials {
            let id = trial.as_ref().ok().map(|trial| trial.subject.desired.id());
            match id.and_then(|id| more.remove_entry(&id)) {
                Some((id, Err(error))) => *trial = Err(Failure::new(id, Step::Read, error)),
                Some((_, Ok(Some(live)))) => drop(trial.as_mut().map(|trial| trial.live = Some(live))),
                Some((_, Ok(None))) | None => {}
            }
        }
        trials
    }

    pub(super) fn window(&self) -> usize {
        self.options.window.max(1)
    }

    async fn identify(&self, object: Object, digest: DesiredDigest) -> Result<Subject, Failure> {
        let kind = self.kinds.of(&self.connection, &object).await;
        let kind = kind.map_err(|error| Failure::new(object.id(), Step::DryRun, error))?;
        Ok(Subject { desired: prepare(&object), digest, kind })
    }

    async fn try_out(
        &self,
        subject: Result<Subject, Failure>,
        live: &BTreeMap<ObjectId, Object>,
        policy: &Policy,
        patience: Duration,
    ) -> Result<Trial, Failure> {
        let subject = subject?;
        let live = live.get(&subject.desired.id()).cloned();
        let is_settled = live.as_ref().is_some_and(|live| is_left(&subject.desired, live, policy));
        let answer = match &live {
            // A dry run would say the same.
            Some(live) if is_settled => Ok(live.clone()),
            _ => self.dry_run(&subject, patience).await,
        };
        Ok(Trial { subject, live, answer })
    }

    async fn dry_run(&self, subject: &Subject, patience: Duration) -> Result<Object, RequestError> {
        let request = apply_request(&subject.kind, &subject.desired, true);
        let mut waited = Duration::ZERO;
        loop {
            let answer = self.connection.object(request.clone()).await;
            if !answer.as_ref().is_err_and(is_not_served) || waited >= patience {
                return answer;
            }
            sleep(SERVED_PAUSE).await;
            waited += SERVED_PAUSE;
        }
    }

    /// What the cluster has of these objects: one list for a kind with several, one read for a kind
    /// with one. What cannot be read that way is left out, and asked for on its own.
    async fn read_known(&self, subjects: impl Iterator<Item = &Subject>) -> BTreeMap<ObjectId, Object> {
        let mut kinds: BTreeMap<String, Vec<&Subject>> = BTreeMap::new();
        for subject in subjects {
            kinds.entry(subject.kind.path(subject.desired.namespace())).or_default().push(subject);
        }
        let groups = futures::stream::iter(kinds.into_iter().map(|(path, group)| async move {
            match group.as_slice() {
                [only] => self.read_one(only).await.1.map(|object| object.into_iter().collect()),
                [first, ..] => Ok(self.list(&path, &first.kind).await?.objects),
                [] => Ok(Vec::new()),
            }
        }));
        let groups: Vec<_> = groups.buffer_unordered(self.window()).collect().await;
        let found = groups.into_iter().filter_map(Result::ok).flatten();
        found.map(|object| (object.id(), object)).collect()
    }

    /// Whether an object is as desired after all, which is noted then. `desired` is prepared.
    pub(super) async fn is_still_desired(&self, desired: Object, digest: DesiredDigest) -> bool {
        let Ok(kind) = self.kinds.of(&self.connection, &desired).await else {
            return false;
        };
        let subject = Subject { desired, digest, kind };
        let (id, Ok(Some(live))) = self.read_one(&subject).await else {
            return false;
        };
        let (live, policy) = (BTreeMap::from([(id, live)]), Policy::default());
        let trial = self.try_out(Ok(subject), &live, &policy, SERVED_WITHIN).await;
        match trial.and_then(|trial| trial.decide(&policy)) {
            Ok(Examined { decision: Decision::Leave, live: Some(live), desired, digest, .. }) => {
                self.memory.verified(&desired, &live, digest);
                true
            }
            _ => false,
        }
    }

    async fn read_one(&self, subject: &Subject) -> (ObjectId, Result<Option<Object>, RequestError>) {
        let id = subject.desired.id();
        let object = self.get(&subject.kind, &id).await;
        (id, object)
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
}

impl Trial {
    /// Whether the object is there, and would be as it is.
    pub(super) fn changes_nothing(&self) -> bool {
        match (&self.live, &self.answer) {
            (Some(live), Ok(answer)) => drift::compare(live, answer).is_none(),
            _ => false,
        }
    }

    /// Whether the object has to be read, because it is there and was not, or because it has changed
    /// since: what somebody else did in between must not look like drift.
    fn needs_live(&self, policy: &Policy) -> bool {
        let version = |object: &Object| object.pointer("/metadata/resourceVersion").cloned();
        match (&self.answer, &self.live) {
            (Ok(answer), Some(live)) => version(answer) != version(live),
            (Ok(answer), None) => version(answer).is_some(),
            (Err(error), None) => is_immutable(error) || policy.honours_reconcile,
            (Err(_), Some(_)) => false,
        }
    }

    pub(super) fn decide(self, policy: &Policy) -> Result<Examined, Failure> {
        let Self { subject: Subject { desired, digest, kind }, live, answer } = self;
        let dry_run = answer.map_err(|error| Refused { is_immutable: is_immutable(&error), error });
        match decide(&desired, live.as_ref(), dry_run, policy) {
            Ok(decision) => Ok(Examined { desired, digest, kind, live, decision }),
            Err(error) => Err(Failure::about(&desired, Step::DryRun, error)),
        }
    }
}

/// Whether an apply would change nothing, and there is nothing to take over.
fn is_left(desired: &Object, live: &Object, policy: &Policy) -> bool {
    is_settled(desired, live) && TakeOver::of(live, &policy.predecessors).is_none()
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
pub(super) fn is_not_served(error: &RequestError) -> bool {
    let names_object =
        |status: &kube::core::Status| status.details.as_ref().is_some_and(|details| !details.name.is_empty());
    error.is_not_found() && !error.status().is_some_and(names_object)
}
