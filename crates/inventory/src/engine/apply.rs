//! One run: stages out, stale objects away.

use std::time::Duration;

use flux_operator_api::Object;
use futures::StreamExt as _;
use futures::future::BoxFuture;

use super::failure::{ApplyError, Failure};
use super::memory::DesiredDigest;
use super::store::{InventoryStore, Recorder};
use super::{Engine, Outcome, Verification};
use crate::change::{Action, Change, ChangeSet, SkipReason};
use crate::health::Verdict;
use crate::plan::{ApplyPlan, Policy, Stage};
use crate::record::Entry;

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
    /// Safe at any moment, see [the module](super).
    pub async fn apply<S: InventoryStore>(
        &self,
        plan: &ApplyPlan,
        policy: &Policy,
        verification: Verification,
        store: &S,
    ) -> Outcome {
        self.apply_until(plan, policy, verification, store, Duration::MAX, std::future::pending()).await
    }

    /// The same for somebody who has less time: no stage is waited for longer than `timeout`, and none
    /// once `newer` is ready. What is written is not interrupted.
    ///
    /// # Errors
    /// [`ApplyError::Interrupted`] as well.
    pub async fn apply_until<S: InventoryStore>(
        &self,
        plan: &ApplyPlan,
        policy: &Policy,
        verification: Verification,
        store: &S,
        timeout: Duration,
        newer: impl Future<Output = ()> + Send,
    ) -> Outcome {
        for object in plan.objects() {
            self.kinds.learn(object);
        }
        let mut run = Run {
            engine: self,
            plan,
            policy,
            verification,
            recorder: Recorder::new(store, plan.previous().clone()),
            changes: ChangeSet::default(),
            stage_timeout: self.options.stage_timeout.min(timeout),
            newer: Box::pin(newer),
        };
        let result = run.all().await;
        Outcome { changes: run.changes, inventory: run.recorder.into_stored(), result }
    }
}

/// A run that is under way.
struct Run<'r, S> {
    engine: &'r Engine,
    plan: &'r ApplyPlan,
    policy: &'r Policy,
    verification: Verification,
    recorder: Recorder<'r, S>,
    changes: ChangeSet,
    stage_timeout: Duration,
    /// Ready when there is something newer to do than to wait for a stage.
    newer: BoxFuture<'r, ()>,
}

impl<S: InventoryStore> Run<'_, S> {
    async fn all(&mut self) -> Result<(), ApplyError> {
        for stage in self.plan.stages() {
            self.stage(stage).await?;
        }
        self.prune().await
    }

    /// Deletes what is stale, and forgets what is gone.
    async fn prune(&mut self) -> Result<(), ApplyError> {
        let (engine, stale) = (self.engine, self.plan.stale());
        let deletion = engine.delete(stale).await;
        let mut remaining: Vec<Entry> = deletion.failed(stale).cloned().collect();
        self.changes.extend(deletion.changes);
        let terminating = engine.wait_gone(&deletion.terminating, engine.options.prune_timeout).await;
        remaining.extend(terminating.unwrap_or(deletion.terminating));
        self.recorder.record(self.plan.narrowed(remaining)).await.map_err(ApplyError::Store)?;
        if deletion.failures.is_empty() { Ok(()) } else { Err(ApplyError::Objects(deletion.failures)) }
    }

    async fn stage(&mut self, stage: &Stage) -> Result<(), ApplyError> {
        let engine = self.engine;
        let mut unknown = Vec::new();
        for object in &stage.objects {
            let digest = DesiredDigest::of(object);
            match self.known(object, digest) {
                Some(action) => self.changes.push(Change::new(object.id(), action)),
                None => unknown.push((object.clone(), digest)),
            }
        }
        let examined = all_or_failures(engine.examine(unknown, self.plan.previous(), self.policy).await)?;
        if examined.iter().any(|examined| examined.decision.is_write()) {
            self.recorder.record(self.plan.widened()).await.map_err(ApplyError::Store)?;
        }

        let writes = futures::stream::iter(examined.into_iter().map(|examined| engine.write(examined, self.policy)));
        let writes: Vec<_> = writes.buffered(engine.window()).collect().await;
        self.changes.extend(writes.iter().map(|result| match result {
            Ok(written) => written.change.clone(),
            Err(failure) => Change::new(failure.id.clone(), Action::Unknown),
        }));
        let awaited = all_or_failures(writes)?.into_iter().filter_map(|written| written.awaited).collect();
        if stage.kind.is_waited_for() {
            let summary = tokio::select! {
                biased;
                summary = engine.wait_for(awaited, self.stage_timeout) => summary,
                () = &mut self.newer => return Err(ApplyError::Interrupted),
            };
            match summary.verdict() {
                Verdict::Ready => {}
                Verdict::Failed => return Err(ApplyError::NotReady(summary.failure_message())),
                Verdict::InProgress => return Err(ApplyError::NotReady(summary.timeout_message())),
            }
        }
        Ok(())
    }

    /// What becomes of an object for which nothing needs to be asked.
    fn known(&self, object: &Object, digest: DesiredDigest) -> Option<Action> {
        if self.policy.held.contains(&object.id()) {
            return Some(Action::Skipped(SkipReason::Held));
        }
        match self.verification {
            Verification::Watched => self.engine.memory.known(&object.id(), digest),
            Verification::Full => None,
        }
    }
}

/// All results, or every failure among them.
fn all_or_failures<T>(results: Vec<Result<T, Failure>>) -> Result<Vec<T>, ApplyError> {
    let (mut done, mut failures) = (Vec::with_capacity(results.len()), Vec::new());
    for result in results {
        match result {
            Ok(one) => done.push(one),
            Err(failure) => failures.push(failure),
        }
    }
    if failures.is_empty() { Ok(done) } else { Err(ApplyError::Objects(failures)) }
}
