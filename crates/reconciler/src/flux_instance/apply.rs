//! The built objects, into the cluster.

use std::collections::BTreeSet;

use flux_operator_api::{ConditionType, ObjectId, Reason};
use flux_operator_inventory::{
    Action, ApplyError, ApplyPlan, Change, ChangeSet, Failure as ObjectFailure, Inventory, Outcome, Policy,
};

use super::Run;
use super::build::Built;
use crate::outcome::{ApplyFailure, ChangeCause, Failure};

/// Everything is applied, and everything stale is gone.
pub(super) struct Applied {
    pub(super) changes: ChangeSet,
    pub(super) inventory: Inventory,
    pub(super) cause: ChangeCause,
}

impl Run<'_> {
    /// Applies what was built and deletes what is stale, with the inventory recorded before and after.
    ///
    /// Where the API server refuses a CRD because objects are still stored in a version that the new
    /// one does not have, these are migrated first. None where the wait for a stage was given up because
    /// the instance has changed.
    pub(super) async fn apply(&self, built: &Built) -> Result<Option<Applied>, Failure> {
        let stored = self.instance.status.inventory.as_ref().map(Inventory::from).unwrap_or_default();
        let cause = self.cause(&stored, &built.revision);
        let plan = ApplyPlan::new(built.objects.clone(), &stored);
        let mut outcome = self.apply_plan(&plan).await;
        if let Some(held) = outcome.result.as_ref().err().and_then(held_versions)
            && self.spec().is_some_and(|spec| spec.migrate_resources)
        {
            self.make_way(built, &held).await.map_err(ApplyFailure::Migrate)?;
            let plan = ApplyPlan::new(built.objects.clone(), &outcome.inventory);
            let changes = outcome.changes;
            outcome = self.apply_plan(&plan).await;
            outcome.changes = merged(&changes, outcome.changes);
        }
        match outcome.result {
            Ok(()) => {}
            Err(ApplyError::Interrupted) => {
                self.tell_interruption();
                return Ok(None);
            }
            Err(error) => return Err(Failure::Apply(error.into())),
        }
        self.update(|status| status.components.clone_from(&built.components)).await?;
        log_changes(&outcome.changes, &built.revision);
        Ok(Some(Applied { changes: outcome.changes, inventory: outcome.inventory, cause }))
    }

    async fn apply_plan(&self, plan: &ApplyPlan) -> Outcome {
        let policy = Policy {
            honours_reconcile: true,
            predecessors: self.ctx.options.predecessors.clone(),
            held: self.held.clone(),
            ..Policy::default()
        };
        let (timeout, newer) = (self.settings.timeout, self.interrupt.triggered());
        self.ctx.engine.apply_until(plan, &policy, self.verification(), &self.report, timeout, newer).await
    }

    /// Why objects may be different from what the last run left: because of the instance, unless the
    /// last run was about the very same and succeeded.
    fn cause(&self, stored: &Inventory, revision: &str) -> ChangeCause {
        let status = &self.instance.status;
        let is_same = status.last_applied_revision.as_deref() == Some(revision)
            && status.conditions.find(ConditionType::Ready).is_some_and(|ready| {
                ready.reason == Reason::ReconciliationSucceeded.as_str()
                    && ready.observed_generation == self.instance.metadata.generation
            });
        match (stored.is_empty(), is_same) {
            (true, _) => ChangeCause::Install,
            (false, true) => ChangeCause::Drift,
            (false, false) => ChangeCause::Update,
        }
    }
}

/// The CRDs that are refused because objects are stored in a version that they drop.
fn held_versions(error: &ApplyError) -> Option<BTreeSet<ObjectId>> {
    let ApplyError::Objects(failures) = error else {
        return None;
    };
    let is_held =
        |failure: &&ObjectFailure| failure.id.is_definition() && failure.to_string().contains("status.storedVersions");
    let held: BTreeSet<_> = failures.iter().filter(is_held).map(|failure| failure.id.clone()).collect();
    (!held.is_empty()).then_some(held)
}

/// What two runs did: of the first only what the second found done.
fn merged(first: &ChangeSet, second: ChangeSet) -> ChangeSet {
    let mut merged = ChangeSet::default();
    let done: Vec<_> = first.effective().cloned().collect();
    for change in second {
        let before = done.iter().find(|done| done.id == change.id && !change.action.is_change());
        merged.push(before.cloned().unwrap_or(change));
    }
    merged
}

fn log_changes(changes: &ChangeSet, revision: &str) {
    let (deleted, applied): (Vec<_>, Vec<_>) = changes.effective().partition(|change| change.action == Action::Deleted);
    let lines = |changes: Vec<&Change>| changes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if !applied.is_empty() {
        tracing::info!(revision, output = lines(applied), "Server-side apply completed");
    }
    if !deleted.is_empty() {
        tracing::info!(revision, output = lines(deleted), "Garbage collection completed");
    }
}
