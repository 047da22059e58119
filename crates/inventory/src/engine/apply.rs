//! One run: stages out, stale objects away.

use std::time::Duration;

use flux_operator_api::{FIELD_MANAGER, Object};
use futures::StreamExt as _;
use http::StatusCode;
use jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::core::request::Request as Requests;

use super::examine::{Examined, apply_request, unreadable};
use super::failure::{ApplyError, Failure, Step};
use super::memory::DesiredDigest;
use super::request::RequestError;
use super::store::{InventoryStore, Recorder};
use super::wait::Awaited;
use super::{Engine, Outcome, Verification};
use crate::change::{Action, Change, ChangeSet};
use crate::health::{self, Status, Verdict};
use crate::plan::take_over::TakeOver;
use crate::plan::{ApplyPlan, Decision, Policy, Stage};
use crate::record::Entry;

/// How often a take-over is worked out anew because the object changed in between.
const CONFLICTS: usize = 5;

/// What was done with an object, and what it is now.
struct Written {
    change: Change,
    awaited: Option<Awaited>,
}

impl Engine {
    /// Applies a plan and deletes what is stale.
    ///
    /// The previous inventory of the plan is taken for what is stored. Stages go out one after the
    /// other; the first that fails, or does not become ready, ends the run. Only a complete run
    /// deletes.
    ///
    /// # Errors
    /// In [`Outcome::result`]. What was done until then is in the outcome, too.
    ///
    /// # Cancellation
    /// Safe at any moment, see [the module](self).
    pub async fn apply<S: InventoryStore>(
        &self,
        plan: &ApplyPlan,
        policy: &Policy,
        verification: Verification,
        store: &S,
    ) -> Outcome {
        let mut recorder = Recorder::new(store, plan.previous().clone());
        let mut changes = ChangeSet::default();
        for object in plan.objects() {
            self.kinds.learn(object);
        }
        let result = self.run(plan, policy, verification, &mut recorder, &mut changes).await;
        Outcome { changes, inventory: recorder.into_stored(), result }
    }

    async fn run<S: InventoryStore>(
        &self,
        plan: &ApplyPlan,
        policy: &Policy,
        verification: Verification,
        recorder: &mut Recorder<'_, S>,
        changes: &mut ChangeSet,
    ) -> Result<(), ApplyError> {
        for stage in plan.stages() {
            self.run_stage(stage, plan, policy, verification, recorder, changes).await?;
        }
        let mut remaining = Vec::new();
        let mut failures = Vec::new();
        if !plan.stale().is_empty() {
            let deletion = self.delete(plan.stale()).await;
            changes.extend(deletion.changes);
            let failed = |entry: &&Entry| deletion.failures.iter().any(|failure| failure.id == entry.id);
            remaining.extend(plan.stale().iter().filter(failed).cloned());
            let terminating = self.wait_gone(&deletion.terminating, self.options.prune_timeout).await;
            remaining.extend(terminating.unwrap_or(deletion.terminating));
            failures = deletion.failures;
        }
        recorder.record(plan.narrowed(remaining)).await.map_err(ApplyError::Store)?;
        if failures.is_empty() { Ok(()) } else { Err(ApplyError::Objects(failures)) }
    }

    async fn run_stage<S: InventoryStore>(
        &self,
        stage: &Stage,
        plan: &ApplyPlan,
        policy: &Policy,
        verification: Verification,
        recorder: &mut Recorder<'_, S>,
        changes: &mut ChangeSet,
    ) -> Result<(), ApplyError> {
        let is_known = |object: &Object| {
            verification == Verification::Watched && self.memory.is_verified(&object.id(), DesiredDigest::of(object))
        };
        let (known, unknown): (Vec<_>, Vec<_>) = stage.objects.iter().cloned().partition(is_known);
        changes.extend(known.iter().map(|object| Change::new(object.id(), Action::Unchanged)));

        let mut examined = Vec::new();
        let mut failures = Vec::new();
        for result in self.examine(unknown, policy).await {
            match result {
                Ok(object) => examined.push(object),
                Err(failure) => failures.push(failure),
            }
        }
        if !failures.is_empty() {
            return Err(ApplyError::Objects(failures));
        }
        if examined.iter().any(|examined| examined.decision.is_write()) {
            recorder.record(plan.widened()).await.map_err(ApplyError::Store)?;
        }

        let mut awaited = Vec::new();
        let writes = futures::stream::iter(examined.into_iter().map(|examined| self.write(examined, policy)));
        let writes: Vec<_> = writes.buffered(self.options.window.max(1)).collect().await;
        for result in writes {
            match result {
                Ok(written) => {
                    changes.push(written.change);
                    awaited.extend(written.awaited);
                }
                Err(failure) => {
                    changes.push(Change::new(failure.id.clone(), Action::Unknown));
                    failures.push(failure);
                }
            }
        }
        if !failures.is_empty() {
            return Err(ApplyError::Objects(failures));
        }
        if stage.kind.is_waited_for() {
            let summary = self.wait_for(awaited, self.options.stage_timeout).await;
            match summary.verdict() {
                Verdict::Ready => {}
                Verdict::Failed => return Err(ApplyError::NotReady(summary.failure_message())),
                Verdict::InProgress => return Err(ApplyError::NotReady(summary.timeout_message())),
            }
        }
        Ok(())
    }

    /// Does what was decided.
    async fn write(&self, examined: Examined, policy: &Policy) -> Result<Written, Failure> {
        let Examined { desired, digest, kind, live, decision } = examined;
        let id = desired.id();
        let (change, now) = match decision {
            Decision::Leave => (Change::new(id.clone(), Action::Unchanged), live),
            Decision::Skip(reason) => {
                self.memory.forget(&id);
                return Ok(Written { change: Change::new(id, Action::Skipped(reason)), awaited: None });
            }
            Decision::Create => {
                (Change::new(id.clone(), Action::Created), Some(self.apply_object(&kind, &desired).await?))
            }
            Decision::Configure { drift, take_over } => {
                if let (Some(take_over), Some(live)) = (take_over, live) {
                    self.take_over(&kind, live, take_over, policy).await?;
                }
                let mut change = Change::new(id.clone(), Action::Configured);
                change.fields = drift.fields().to_vec();
                (change, Some(self.apply_object(&kind, &desired).await?))
            }
            Decision::Recreate => {
                self.recreate(&desired).await?;
                (Change::new(id.clone(), Action::Configured), Some(self.apply_object(&kind, &desired).await?))
            }
        };
        let Some(now) = now else {
            return Ok(Written { change, awaited: None });
        };
        self.memory.verified(&desired, &now, digest);
        if health::of(&now, Timestamp::now()).status == Status::Current {
            self.memory.ready(&id, &now);
            return Ok(Written { change, awaited: None });
        }
        Ok(Written { change, awaited: Some(Awaited { id, kind, latest: Some(now) }) })
    }

    async fn apply_object(&self, kind: &super::kinds::Kind, desired: &Object) -> Result<Object, Failure> {
        let answer = self.connection.object(apply_request(kind, desired, false)).await;
        answer.map_err(|error| Failure::about(desired, Step::Apply, error))
    }

    async fn take_over(
        &self,
        kind: &super::kinds::Kind,
        live: Object,
        take_over: TakeOver,
        policy: &Policy,
    ) -> Result<(), Failure> {
        let (mut live, mut take_over) = (live, Some(take_over));
        let mut conflicts = 0;
        while let Some(changes) = take_over {
            let Err(error) = self.patch(kind, &live, &changes).await else {
                return Ok(());
            };
            let has_changed = error.is_conflict() || error.has_code(StatusCode::UNPROCESSABLE_ENTITY);
            if !has_changed || conflicts == CONFLICTS {
                return Err(Failure::about(&live, Step::TakeOver, error));
            }
            conflicts += 1;
            let read = self.get(kind, &live.id()).await;
            let Some(now) = read.map_err(|error| Failure::about(&live, Step::TakeOver, error))? else {
                return Ok(());
            };
            take_over = TakeOver::of(&now, &policy.predecessors);
            live = now;
        }
        Ok(())
    }

    async fn patch(
        &self,
        kind: &super::kinds::Kind,
        live: &Object,
        take_over: &TakeOver,
    ) -> Result<Object, RequestError> {
        let version = live.pointer("/metadata/resourceVersion").and_then(serde_json::Value::as_str);
        let patch = take_over.patch(version.unwrap_or_default());
        let patch: Patch<serde_json::Value> =
            Patch::Json(serde_json::from_value(patch).map_err(|error| RequestError::Unreadable(error.into()))?);
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let request = Requests::new(kind.path(live.namespace())).patch(live.name(), &params, &patch);
        self.connection.object(request.map_err(unreadable)?).await
    }

    /// Deletes an object that stands in the way of its own new form, and waits until it is gone.
    async fn recreate(&self, desired: &Object) -> Result<(), Failure> {
        let entry = Entry::from(desired);
        let deletion = self.delete(std::slice::from_ref(&entry)).await;
        if let Some(failure) = deletion.failures.into_iter().next() {
            return Err(failure);
        }
        let timeout: Duration = self.options.stage_timeout;
        self.wait_gone(&deletion.terminating, timeout)
            .await
            .map(|_| ())
            .map_err(|error| Failure::about(desired, Step::Delete, error))
    }
}

impl Decision {
    fn is_write(&self) -> bool {
        matches!(self, Self::Create | Self::Configure { .. } | Self::Recreate)
    }
}
