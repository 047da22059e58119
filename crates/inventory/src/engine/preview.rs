//! What would a run do? Reads and dry runs only.

use std::collections::BTreeSet;
use std::time::Duration;

use flux_operator_api::Object;
use futures::StreamExt as _;
use http::StatusCode;
use serde_json::Value;

use super::Engine;
use super::examine::{Trial, is_not_served};
use super::failure::{ApplyError, Cause, Failure, Step};
use super::kinds::KindError;
use super::memory::DesiredDigest;
use super::request::RequestError;
use crate::plan::{ApplyPlan, Decision, Policy};
use crate::preview::{Effect, Foreseen, Proof, overlay, without_picked};
use crate::record::{Entry, Inventory};

/// What the API server was not able to try, or refused.
enum Verdict {
    Effect(Effect),
    /// The kind, or the version of it, or the namespace, is not there yet.
    Missing,
}

impl Engine {
    /// Foresees what [`apply`](Self::apply) would do with this plan: every object of every stage, in
    /// their order, and then what is stale.
    ///
    /// Objects whose kind or namespace only comes with the plan cannot be tried; see [`Proof`].
    ///
    /// # Guarantees
    /// Nothing is written. What is said to be left is left by a run, unless somebody changes
    /// something in between.
    ///
    /// # Errors
    /// The API server cannot be asked about an object: it is out of reach, or does not let us.
    pub async fn preview(&self, plan: &ApplyPlan, policy: &Policy) -> Result<Vec<Foreseen>, ApplyError> {
        let objects = plan.objects().map(|object| (object.clone(), DesiredDigest::of(object))).collect();
        let trials = self.try_all(objects, plan.previous(), policy, Duration::ZERO).await;
        let coming = Coming::with(plan.objects().zip(&trials));
        let (mut foreseen, mut failures) = (Vec::with_capacity(trials.len()), Vec::new());
        for (object, trial) in plan.objects().zip(trials) {
            match self.foresee(object, trial, &coming, plan.previous(), policy).await {
                Ok(effect) => foreseen.push(Foreseen { id: object.id(), effect }),
                Err(failure) => failures.push(failure),
            }
        }
        let stale = futures::stream::iter(plan.stale().iter().map(|entry| self.foresee_deletion(entry)));
        let stale: Vec<_> = stale.buffered(self.window()).collect().await;
        for (entry, effect) in plan.stale().iter().zip(stale) {
            match effect {
                Ok(effect) => foreseen.extend(effect.map(|effect| Foreseen { id: entry.id.clone(), effect })),
                Err(error) => failures.push(Failure::new(entry.id.clone(), Step::Read, error)),
            }
        }
        if failures.is_empty() { Ok(foreseen) } else { Err(ApplyError::Objects(failures)) }
    }

    async fn foresee(
        &self,
        desired: &Object,
        trial: Result<Trial, Failure>,
        coming: &Coming,
        previous: &Inventory,
        policy: &Policy,
    ) -> Result<Effect, Failure> {
        match judge(desired, trial, coming, policy)? {
            Verdict::Effect(effect) => Ok(effect),
            Verdict::Missing => {
                let read = |error| Failure::new(desired.id(), Step::Read, error);
                let before = match previous.iter().find(|entry| entry.id == desired.id()) {
                    Some(entry) => self.live_of(entry).await.map_err(read)?,
                    None => None,
                };
                let proof = Proof::Desired;
                Ok(match before {
                    Some(before) => Effect::Configure { after: overlay(&before, desired), before, proof },
                    None => Effect::Create { after: desired.clone(), proof },
                })
            }
        }
    }

    async fn foresee_deletion(&self, entry: &Entry) -> Result<Option<Effect>, RequestError> {
        let live = self.live_of(entry).await?;
        Ok(live.map(|before| match self.owner.keeps(&before) {
            Some(reason) => Effect::Skip(reason),
            None => Effect::Delete { before },
        }))
    }

    async fn live_of(&self, entry: &Entry) -> Result<Option<Object>, RequestError> {
        match self.kinds.of_entry(&self.connection, entry).await? {
            Some(kind) => self.get(&kind, &entry.id).await,
            None => Ok(None),
        }
    }
}

/// What one trial means.
fn judge(
    desired: &Object,
    trial: Result<Trial, Failure>,
    coming: &Coming,
    policy: &Policy,
) -> Result<Verdict, Failure> {
    let (before, answer, examined) = match trial {
        Ok(trial) => {
            let (live, answer) = (trial.live.clone(), trial.answer.as_ref().ok().cloned());
            let is_missing = trial.answer.as_ref().is_err_and(|error| coming.brings(desired, error));
            if is_missing {
                return Ok(Verdict::Missing);
            }
            (live, answer, trial.decide(policy))
        }
        Err(failure) => {
            let is_unknown = matches!(&*failure.cause, Cause::Kind(KindError::Unknown { .. }));
            if is_unknown && coming.defines(desired) {
                return Ok(Verdict::Missing);
            }
            (None, None, Err(failure))
        }
    };
    let examined = match examined {
        Ok(examined) => examined,
        Err(failure) if is_refusal(&failure) => {
            let after = desired.clone();
            return Ok(Verdict::Effect(Effect::Refuse { before, after, why: failure.to_string() }));
        }
        Err(failure) => return Err(failure),
    };
    let after = answer.unwrap_or_else(|| desired.clone());
    Ok(Verdict::Effect(match (examined.decision, before) {
        (Decision::Leave, _) => Effect::Leave,
        (Decision::Skip(reason), _) => Effect::Skip(reason),
        (Decision::Configure { .. }, Some(before)) => {
            Effect::Configure { after: without_picked(after, &before, desired), before, proof: Proof::DryRun }
        }
        (Decision::Recreate | Decision::Outlast, Some(before)) => Effect::Recreate { before, after: desired.clone() },
        (_, _) => Effect::Create { after, proof: Proof::DryRun },
    }))
}

/// Whether it is the object that the API server does not want, and not us.
fn is_refusal(failure: &Failure) -> bool {
    match &*failure.cause {
        Cause::Kind(KindError::Unknown { .. }) => true,
        Cause::Kind(KindError::Request(error)) | Cause::Request(error) => {
            let is_ours = error.has_code(StatusCode::UNAUTHORIZED) || error.is_forbidden();
            error.status().is_some() && !is_ours && !error.is_transient()
        }
        Cause::Terminating(_) => false,
    }
}

/// What only comes with a plan.
struct Coming {
    /// Group and kind of what its CRDs define.
    kinds: BTreeSet<(String, String)>,
    /// Its namespaces.
    namespaces: BTreeSet<String>,
}

impl Coming {
    fn with<'a>(trials: impl Iterator<Item = (&'a Object, &'a Result<Trial, Failure>)>) -> Self {
        let mut coming = Self { kinds: BTreeSet::new(), namespaces: BTreeSet::new() };
        let coming_ones = trials.filter(|(_, trial)| !trial.as_ref().is_ok_and(Trial::changes_nothing));
        for (object, _) in coming_ones {
            let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
            if object.is_definition() {
                coming.kinds.extend(text("/spec/group").zip(text("/spec/names/kind")));
            } else if (object.group(), object.kind()) == ("", "Namespace") {
                coming.namespaces.insert(object.name().to_owned());
            }
        }
        coming
    }

    fn defines(&self, object: &Object) -> bool {
        self.kinds.contains(&(object.group().to_owned(), object.kind().to_owned()))
    }

    /// Whether an object was refused for want of what the plan brings: its namespace, its kind, or
    /// fields that its kind does not have yet.
    fn brings(&self, object: &Object, error: &RequestError) -> bool {
        let lacks_namespace = error.is_not_found()
            && error
                .status()
                .and_then(|status| status.details.as_ref())
                .is_some_and(|details| details.kind == "namespaces" && self.namespaces.contains(&details.name));
        let is_refused = error.is_not_found() && is_not_served(error)
            || error.has_code(StatusCode::BAD_REQUEST)
            || error.has_code(StatusCode::UNPROCESSABLE_ENTITY)
            || error.has_code(StatusCode::INTERNAL_SERVER_ERROR);
        lacks_namespace || (is_refused && self.defines(object))
    }
}
