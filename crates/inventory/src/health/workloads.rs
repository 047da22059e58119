//! Kinds that keep pods running. Each is a list of things to wait for, the first of which is told.

use flux_operator_api::Object;

use super::fields::{count, integer, text};
use super::{Health, conditions};

/// A `progressDeadlineSeconds` that means none.
const NO_DEADLINE: i64 = i32::MAX as i64;

/// Current when the newest revision has rolled out and is available, see [Deployment status].
///
/// [Deployment status]: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#deployment-status
pub(super) fn deployment(object: &Object) -> Health {
    let progressing = conditions::find(object, "Progressing");
    if let Some(overdue) = progressing.filter(|condition| condition.has_reason("ProgressDeadlineExceeded")) {
        return Health::failed(overdue.reason_and_words());
    }
    let Replicas { wanted, existing, updated, ready, available } = Replicas::read(object);
    let missing = short(existing, wanted, "replicas exist")
        .or_else(|| short(updated, wanted, "replicas are updated"))
        .or_else(|| surplus(existing, wanted))
        .or_else(|| short(available, updated, "updated replicas are available"))
        .or_else(|| short(ready, wanted, "replicas are ready"));
    // Counts alone do not tell that pods cannot be made, say for want of quota.
    let missing = missing.map(|missing| match conditions::find_true(object, "ReplicaFailure") {
        Some(failure) => format!("{missing}: {}", failure.reason_and_words()),
        None => missing,
    });
    let waiting = missing.or_else(|| unfinished_rollout(object)).or_else(|| unavailability(object));
    Health::waiting_for(waiting, || Health::current(format!("Deployment is available. Replicas: {existing}")))
}

/// Only a deployment with a deadline says when its rollout is finished.
fn unfinished_rollout(object: &Object) -> Option<String> {
    integer(object, "/spec/progressDeadlineSeconds").filter(|deadline| *deadline != NO_DEADLINE)?;
    match conditions::find(object, "Progressing") {
        Some(condition) if condition.is_true() && condition.has_reason("NewReplicaSetAvailable") => None,
        Some(condition) => Some(format!("the rollout is not finished: {}", condition.words())),
        None => Some("the rollout is not finished".to_owned()),
    }
}

fn unavailability(object: &Object) -> Option<String> {
    match conditions::find(object, "Available") {
        Some(condition) if condition.is_true() => None,
        Some(condition) => Some(format!("Deployment is not available: {}", condition.words())),
        None => Some("Deployment is not available".to_owned()),
    }
}

/// Current when all pods are ready and have the revision they should have.
pub(super) fn stateful_set(object: &Object) -> Health {
    if text(object, "/spec/updateStrategy/type") == Some("OnDelete") {
        return Health::current("StatefulSet updates a pod when somebody deletes it");
    }
    let Replicas { wanted, existing, updated, ready, .. } = Replicas::read(object);
    let waiting = short(existing, wanted, "replicas exist")
        .or_else(|| short(ready, wanted, "replicas are ready"))
        .or_else(|| surplus(existing, wanted));
    if let Some(waiting) = waiting {
        return Health::in_progress(waiting);
    }
    // The API server sets the partition to 0 where it is left out: nearly all live objects have one.
    if let Some(partition) = integer(object, "/spec/updateStrategy/rollingUpdate/partition") {
        let waiting = short(updated, wanted.saturating_sub(partition), "replicas are updated");
        return Health::waiting_for(waiting, || {
            Health::current(format!("StatefulSet is ready. Replicas: {existing}, updated: {updated}"))
        });
    }
    let waiting = short(count(object, "/status/currentReplicas"), wanted, "replicas have the current revision")
        .or_else(|| unfinished_update(object));
    Health::waiting_for(waiting, || Health::current(format!("StatefulSet is ready. Replicas: {existing}")))
}

fn unfinished_update(object: &Object) -> Option<String> {
    let (current, update) = (text(object, "/status/currentRevision"), text(object, "/status/updateRevision"));
    (current != update).then(|| match update {
        Some(update) => format!("the update to revision {update} is not finished"),
        None => "the update is not finished".to_owned(),
    })
}

/// Current when all pods exist, with the labels of the template, and are ready.
pub(super) fn replica_set(object: &Object) -> Health {
    if let Some(failure) = conditions::find_true(object, "ReplicaFailure") {
        return Health::in_progress(failure.reason_and_words());
    }
    let Replicas { wanted, existing, ready, available, .. } = Replicas::read(object);
    let labelled = count(object, "/status/fullyLabeledReplicas");
    let waiting = short(labelled, wanted, "replicas have all labels")
        .or_else(|| short(available, wanted, "replicas are available"))
        .or_else(|| short(ready, wanted, "replicas are ready"))
        .or_else(|| surplus(existing, wanted));
    Health::waiting_for(waiting, || Health::current(format!("ReplicaSet is available. Replicas: {existing}")))
}

/// Current when every node that should have a pod has an updated one that is ready.
///
/// The counts of an object that its controller has not seen are all 0 and would do, hence the
/// generations, which have to be there. That they are equal was checked for all kinds.
pub(super) fn daemon_set(object: &Object) -> Health {
    let is_seen =
        integer(object, "/metadata/generation").is_some() && integer(object, "/status/observedGeneration").is_some();
    let wanted = integer(object, "/status/desiredNumberScheduled").filter(|_| is_seen);
    let Some(wanted) = wanted else {
        return Health::in_progress("the controller has not seen the object yet");
    };
    let number = |field| count(object, field);
    let waiting = short(number("/status/currentNumberScheduled"), wanted, "pods exist")
        .or_else(|| short(number("/status/updatedNumberScheduled"), wanted, "pods are updated"))
        .or_else(|| short(number("/status/numberAvailable"), wanted, "pods are available"))
        .or_else(|| short(number("/status/numberReady"), wanted, "pods are ready"));
    Health::waiting_for(waiting, || Health::current(format!("DaemonSet is ready. Pods: {wanted}")))
}

/// The counts that kinds with replicas share.
struct Replicas {
    wanted: i64,
    existing: i64,
    updated: i64,
    ready: i64,
    available: i64,
}

impl Replicas {
    fn read(object: &Object) -> Self {
        Self {
            wanted: integer(object, "/spec/replicas").unwrap_or(1),
            existing: count(object, "/status/replicas"),
            updated: count(object, "/status/updatedReplicas"),
            ready: count(object, "/status/readyReplicas"),
            available: count(object, "/status/availableReplicas"),
        }
    }
}

/// Says that there are fewer than needed.
fn short(number: i64, needed: i64, what: &str) -> Option<String> {
    (number < needed).then(|| format!("{number} of {needed} {what}"))
}

/// Says that some have to go.
fn surplus(existing: i64, wanted: i64) -> Option<String> {
    (existing > wanted).then(|| format!("{existing} replicas exist, {wanted} should"))
}
