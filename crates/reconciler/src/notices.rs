//! What is told of a run, as events and in the log.

use std::time::Duration;

use flux_operator_api::{ObjectId, Reason};
use flux_operator_inventory::{Action, Change, ChangeSet, SkipReason};

use crate::events::{Event, EventReason};
use crate::outcome::{ChangeCause, Outcome, describe};
use crate::status::{Context, success_message};

/// What was done to install or update, a line for each object; nothing where nothing was done.
pub(crate) fn changes(changes: &ChangeSet, cause: ChangeCause, version: &str) -> Option<Event> {
    let lines = lines(changes);
    if lines.is_empty() {
        return None;
    }
    let verb = if cause == ChangeCause::Install { "installed" } else { "updated" };
    let message = format!("Flux {version} {verb}\n{}", lines.join("\n"));
    Some(Event::normal(Reason::ReconciliationSucceeded, message).for_everyone())
}

/// What somebody else had changed, an event for each object. `pause` notes the correction, and says
/// how long the next one has to wait.
pub(crate) fn drift(changes: &ChangeSet, mut pause: impl FnMut(&ObjectId) -> Option<Duration>) -> Vec<Event> {
    changes.effective().map(|change| corrected(change, pause(&change.id))).collect()
}

fn corrected(change: &Change, pause: Option<Duration>) -> Event {
    let mut message = match change.action {
        Action::Configured => {
            let by = change.manager.as_ref().map(|manager| format!(" by `{manager}`")).unwrap_or_default();
            let fields =
                if change.fields.is_empty() { String::new() } else { format!(": {}", change.fields.join(", ")) };
            format!("{} was changed{by} and is corrected{fields}", change.id)
        }
        Action::Created => format!("{} was deleted and is created again", change.id),
        _ => change.to_string(),
    };
    let Some(pause) = pause else {
        return Event::normal(EventReason::DriftCorrected, message).for_everyone();
    };
    message = format!(
        "{message}\nthis happens again and again, the next correction is in {}s at the earliest; \
         to have the operator leave the object alone, annotate it with `fluxcd.controlplane.io/reconcile: disabled`",
        pause.as_secs()
    );
    Event::warning(EventReason::DriftCorrected, message).for_everyone()
}

/// What is told at the end of a run.
pub(crate) fn end(outcome: &Outcome, context: &Context) -> Option<Event> {
    match outcome {
        Outcome::Initialized { .. } | Outcome::Interrupted | Outcome::Released => None,
        Outcome::Suspended => Some(Event::warning(Reason::ReconciliationDisabled, "Reconciliation is disabled")),
        Outcome::Reconciled(reconciled) => {
            let message = success_message(reconciled, context.elapsed);
            Some(Event::normal(Reason::ReconciliationSucceeded, message))
        }
        Outcome::Failed(failure) => Some(Event::warning(failure.reason()?, describe(failure)).for_everyone()),
        Outcome::Uninstalling(remains) => {
            remains.failure.as_ref()?;
            Some(Event::warning(EventReason::UninstallIncomplete, remains.to_string()).for_everyone())
        }
    }
}

/// The same for the log.
pub(crate) fn log(outcome: &Outcome, context: &Context) {
    match outcome {
        Outcome::Initialized { .. } => {}
        Outcome::Interrupted => tracing::info!("health checks canceled, there is something newer to do"),
        Outcome::Released => tracing::info!("Uninstallation completed in {:?}", context.elapsed),
        Outcome::Suspended => tracing::warn!("Reconciliation is disabled"),
        Outcome::Reconciled(reconciled) => {
            tracing::info!(version = reconciled.version, "{}", success_message(reconciled, context.elapsed));
        }
        Outcome::Failed(failure) => tracing::error!(error = describe(failure), "run failed"),
        Outcome::Uninstalling(remains) => tracing::info!("{remains}"),
    }
}

/// What changed, and what was kept although nobody wants it any more.
fn lines(changes: &ChangeSet) -> Vec<String> {
    let is_kept = |action| matches!(action, Action::Skipped(SkipReason::NotOwned | SkipReason::PruneDisabled));
    let told = changes.iter().filter(|change| change.action.is_change() || is_kept(change.action));
    told.map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(name: &str, action: Action) -> Change {
        Change::new(ObjectId::new("apps", "Deployment", "flux-system", name), action)
    }

    fn set(all: impl IntoIterator<Item = Change>) -> ChangeSet {
        let mut changes = ChangeSet::default();
        changes.extend(all);
        changes
    }

    #[test]
    fn an_update_lists_what_changed() {
        let kept = change("d", Action::Skipped(SkipReason::PruneDisabled));
        let left = change("e", Action::Skipped(SkipReason::ReconcileDisabled));
        let all = set([
            change("a", Action::Created),
            change("b", Action::Unchanged),
            change("c", Action::Deleted),
            kept,
            left,
        ]);
        let message = |cause| changes(&all, cause, "v2.9.4").unwrap().message;
        let lines =
            "Deployment/flux-system/a created\nDeployment/flux-system/c deleted\nDeployment/flux-system/d skipped";
        assert_eq!(message(ChangeCause::Install), format!("Flux v2.9.4 installed\n{lines}"));
        assert_eq!(message(ChangeCause::Update), format!("Flux v2.9.4 updated\n{lines}"));
        assert_eq!(changes(&set([change("b", Action::Unchanged)]), ChangeCause::Update, "v2.9.4"), None);
    }

    #[test]
    fn drift_names_object_manager_and_fields() {
        let mut changed = change("a", Action::Configured);
        changed.fields = vec!["/spec/replicas".to_owned()];
        changed.manager = Some("kubectl-scale".to_owned());
        let events = drift(&set([changed.clone(), change("b", Action::Created)]), |_| None);
        let messages: Vec<_> = events.iter().map(|event| event.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "Deployment/flux-system/a was changed by `kubectl-scale` and is corrected: /spec/replicas",
                "Deployment/flux-system/b was deleted and is created again",
            ]
        );
        let fight = drift(&set([changed]), |_| Some(Duration::from_secs(40)));
        assert!(fight[0].message.contains("the next correction is in 40s"), "{}", fight[0].message);
    }
}
