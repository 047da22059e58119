//! Whether an object has done what was asked of it.
//!
//! How it is doing says [`health`], as for the operator. What is added here is the protocol by which
//! people ask: an object handles a request when it says so, and is not waited for while suspended.

use flux_operator_api::{Object, annotations};
use flux_operator_inventory::health::{self, Status};
use jiff::Timestamp;
use serde_json::Value;

use crate::kinds::{FluxKind, Suspension};

/// How far an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It works on it; why, in words.
    Waiting(String),
    /// It is ready; what it says about it.
    Ready(String),
    /// It failed; why.
    Failed(String),
}

/// What to say where an object says nothing about its success.
const COMPLETED: &str = "Reconciliation completed successfully";

/// The reason of a run that gave way to a newer one.
const CANCELED: &str = "HealthCheckCanceled";

/// Judges an object, with the token of the request that it has to handle first, if there is one.
///
/// A run that failed and is tried again is waited for, unless it is the one that was asked for: its
/// result is the answer.
pub(crate) fn judge(object: &Object, request: Option<&str>, now: Timestamp) -> Progress {
    if is_suspended(object) {
        return Progress::Failed(format!("Reconciliation is disabled for {}", object.name()));
    }
    if let Some(token) = request
        && text(object, "/status/lastHandledReconcileAt") != Some(token)
    {
        return Progress::Waiting("the controller has not handled the request yet".to_owned());
    }
    let ready = condition(object, "Ready");
    let health = health::of(object, now);
    let answers = ready.as_ref().is_some_and(|ready| {
        let observed = ready.observed_generation.or_else(|| integer(object, "/status/observedGeneration"));
        observed.is_none() || observed == integer(object, "/metadata/generation")
    });
    let is_retried = condition(object, "Reconciling").is_some_and(|condition| condition.status == "True");
    match (&ready, health.status) {
        (Some(ready), Status::Failed) => Progress::Failed(ready.why()),
        (None, Status::Failed) => Progress::Failed(health.message),
        (Some(ready), Status::Current) if answers => Progress::Ready(ready.message_or(COMPLETED)),
        (Some(ready), Status::InProgress)
            if answers && ready.status == "False" && ready.reason != CANCELED && (!is_retried || request.is_some()) =>
        {
            Progress::Failed(ready.why())
        }
        (Some(ready), _) => Progress::Waiting(ready.why()),
        (None, _) => Progress::Waiting("there is no condition `Ready` yet".to_owned()),
    }
}

/// Whether an object is suspended, in the way of its kind.
pub(crate) fn is_suspended(object: &Object) -> bool {
    let has = |name: &str| {
        let mut entries = object.annotations().chain(object.labels());
        entries.any(|(key, value)| key == name && annotations::is_disabled(value))
    };
    let by_kind = match FluxKind::of(object.group(), object.kind()).map(|kind| kind.suspension) {
        Some(Suspension::Annotation(key)) => has(key),
        _ => object.pointer("/spec/suspend") == Some(&Value::Bool(true)),
    };
    by_kind || has(annotations::RECONCILE)
}

/// A condition as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) status: String,
    pub(crate) reason: String,
    pub(crate) message: String,
    /// When the status last changed, as it is stored.
    pub(crate) since: Option<String>,
    observed_generation: Option<i64>,
}

impl Condition {
    fn why(&self) -> String {
        match (self.reason.as_str(), self.message.as_str()) {
            ("", message) => message.to_owned(),
            (reason, "") => reason.to_owned(),
            (reason, message) => format!("{reason}: {message}"),
        }
    }

    fn message_or(&self, otherwise: &str) -> String {
        if self.message.is_empty() { otherwise.to_owned() } else { self.message.clone() }
    }
}

/// The condition of a type, where the object has it.
pub(crate) fn condition(object: &Object, r#type: &str) -> Option<Condition> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    let found = conditions.iter().find(|condition| condition.get("type").is_some_and(|found| found == r#type))?;
    let text = |field: &str| found.get(field).and_then(Value::as_str).map(str::to_owned);
    Some(Condition {
        status: text("status").unwrap_or_default(),
        reason: text("reason").unwrap_or_default(),
        message: text("message").unwrap_or_default(),
        since: text("lastTransitionTime"),
        observed_generation: found.get("observedGeneration").and_then(Value::as_i64),
    })
}

/// A text of an object.
pub(crate) fn text<'o>(object: &'o Object, pointer: &str) -> Option<&'o str> {
    object.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn integer(object: &Object, pointer: &str) -> Option<i64> {
    object.pointer(pointer).and_then(Value::as_i64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(kind: &str, status: &Value) -> Object {
        let group = if kind == "FluxInstance" { "fluxcd.controlplane.io" } else { "kustomize.toolkit.fluxcd.io" };
        let metadata = json!({"name": "a", "namespace": "n", "generation": 2});
        let object = json!({"apiVersion": format!("{group}/v1"), "kind": kind, "metadata": metadata, "status": status});
        Object::try_from(object).unwrap()
    }

    fn ready(status: &str, reason: &str, generation: i64) -> Value {
        json!({"type": "Ready", "status": status, "reason": reason, "message": "it", "observedGeneration": generation})
    }

    #[track_caller]
    fn check(status: &Value, request: Option<&str>, expected: &Progress) {
        assert_eq!(&judge(&object("Kustomization", status), request, Timestamp::UNIX_EPOCH), expected);
    }

    #[test]
    fn readiness_is_of_the_generation_and_the_request() {
        let waiting = |why: &str| Progress::Waiting(why.to_owned());
        let failed = |why: &str| Progress::Failed(why.to_owned());
        check(&json!({}), None, &waiting("there is no condition `Ready` yet"));
        let of = |ready: Value| json!({"conditions": [ready]});
        check(&of(ready("True", "Succeeded", 2)), None, &Progress::Ready("it".to_owned()));
        check(&of(ready("True", "Succeeded", 1)), None, &waiting("Succeeded: it"));
        check(&of(ready("Unknown", "Progressing", 2)), None, &waiting("Progressing: it"));
        check(&of(ready("False", "BuildFailed", 2)), None, &failed("BuildFailed: it"));
        check(&of(ready("False", "HealthCheckCanceled", 2)), None, &waiting("HealthCheckCanceled: it"));
        let handled = json!({"conditions": [ready("True", "Succeeded", 2)], "lastHandledReconcileAt": "t1"});
        check(&handled, Some("t1"), &Progress::Ready("it".to_owned()));
        check(&handled, Some("t2"), &waiting("the controller has not handled the request yet"));
    }

    #[test]
    fn a_retry_is_waited_for_unless_it_is_the_answer() {
        let retried = json!({"type": "Reconciling", "status": "True", "reason": "ProgressingWithRetry"});
        let status =
            json!({"conditions": [retried, ready("False", "HealthCheckFailed", 2)], "lastHandledReconcileAt": "t"});
        check(&status, None, &Progress::Waiting("HealthCheckFailed: it".to_owned()));
        check(&status, Some("t"), &Progress::Failed("HealthCheckFailed: it".to_owned()));
        let stalled = json!({"type": "Stalled", "status": "True", "reason": "BuildFailed"});
        check(
            &json!({"conditions": [stalled, ready("False", "BuildFailed", 2)]}),
            None,
            &Progress::Failed("BuildFailed: it".to_owned()),
        );
    }

    #[test]
    fn the_suspended_are_not_waited_for() {
        let mut value = object("Kustomization", &json!({})).into_value();
        value["spec"] = json!({"suspend": true});
        let suspended = Object::try_from(value).unwrap();
        assert!(is_suspended(&suspended));
        assert_eq!(
            judge(&suspended, None, Timestamp::UNIX_EPOCH),
            Progress::Failed("Reconciliation is disabled for a".to_owned())
        );
        let mut value = object("FluxInstance", &json!({})).into_value();
        value["metadata"]["annotations"] = json!({annotations::RECONCILE: "Disabled"});
        assert!(is_suspended(&Object::try_from(value).unwrap()));
    }
}
