//! Pods.

use flux_operator_api::Object;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::fields::{list, text, text_in};
use super::{Health, conditions};

/// How long a pod may be without a node before that counts as failure. Schedulers need a moment, and
/// autoscalers react to pods that wait.
const SCHEDULING_GRACE: SignedDuration = SignedDuration::from_secs(15);

/// A pod that runs is current when it is ready. One that has ended is current either way: whoever
/// made it judges the result.
pub(super) fn pod(object: &Object, now: Timestamp) -> Health {
    match text(object, "/status/phase") {
        Some("Succeeded") => Health::current("Pod has succeeded"),
        Some("Failed") => Health::current("Pod has ended with a failure"),
        Some("Running") => running(object),
        Some("Pending") => pending(object, now),
        Some(phase) => Health::in_progress(format!("the phase of the pod is {phase}")),
        None => Health::in_progress("the pod has no phase yet"),
    }
}

fn running(object: &Object) -> Health {
    let ready = conditions::find(object, "Ready");
    if ready.is_some_and(|condition| condition.is_true()) {
        return Health::current("Pod is ready");
    }
    if let Some(crashing) = waiting_containers(object).find(|container| container.reason == "CrashLoopBackOff") {
        return Health::failed(crashing.words());
    }
    Health::in_progress(match ready {
        Some(condition) => format!("Pod is not ready: {}", condition.words()),
        None => "Pod is not ready".to_owned(),
    })
}

fn pending(object: &Object, now: Timestamp) -> Health {
    let unschedulable =
        conditions::find_false(object, "PodScheduled").filter(|condition| condition.has_reason("Unschedulable"));
    if let Some(condition) = unschedulable {
        let is_overdue = condition.since.is_some_and(|since| now.duration_since(since) > SCHEDULING_GRACE);
        let message = condition.reason_and_words();
        return if is_overdue { Health::failed(message) } else { Health::in_progress(message) };
    }
    Health::in_progress(
        waiting_containers(object).next().map_or_else(|| "Pod is pending".to_owned(), |container| container.words()),
    )
}

/// A container that does not run because of something.
struct WaitingContainer<'o> {
    name: &'o str,
    reason: &'o str,
    message: Option<&'o str>,
}

impl WaitingContainer<'_> {
    fn words(&self) -> String {
        let Self { name, reason, message } = self;
        match message {
            Some(message) => format!("{reason}: container `{name}`: {message}"),
            None => format!("{reason}: container `{name}`"),
        }
    }
}

/// Containers that wait for a reason, those that run before and beside the main ones first.
fn waiting_containers(object: &Object) -> impl Iterator<Item = WaitingContainer<'_>> {
    let containers = list(object, "/status/initContainerStatuses").chain(list(object, "/status/containerStatuses"));
    containers.filter_map(|container: &Value| {
        let waiting = container.pointer("/state/waiting")?;
        Some(WaitingContainer {
            name: text_in(container, "name").unwrap_or_default(),
            reason: text_in(waiting, "reason")?,
            message: text_in(waiting, "message"),
        })
    })
}
