//! What the API server is asked, by script, with paused time.

use flux_operator_api::Reason;
use flux_operator_testkit::apiserver::{self, Step, create, patch};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::tests::{at, subject};
use super::super::{Event, Severity};
use super::*;

/// The event that first came so many seconds after the first of the test.
fn event(second: i64) -> String {
    format!("events/flux-system/flux.{:x}", at(second).as_nanosecond())
}

/// Answers as an API server does, which adds what it has to.
fn created(step: Step) -> Step {
    step.reply_json(json!({ "apiVersion": "v1", "kind": "Event", "metadata": {}, "involvedObject": {} }))
}

fn terminating() -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403,
        "message": "unable to create new content in namespace flux-system because it is being terminated",
        "details": { "causes": [{ "reason": "NamespaceTerminating", "field": "metadata.namespace", "message": "" }] },
    })
}

/// Records a warning for each second and message, plays the script, and returns how long it took.
async fn play(script: impl IntoIterator<Item = Step>, warnings: &[(i64, &str)]) -> Duration {
    let (client, api) = apiserver::new();
    let played = api.play(script);
    let began = Instant::now();
    let mut recorder = Recorder::new(client, "host".to_owned());
    for (second, message) in warnings {
        let event = Event::warning(Reason::BuildFailed, *message).about("v2.8.3@sha256:abc");
        recorder.record(&Occurrence { subject: subject(), event, at: at(*second) }).await;
    }
    let took = began.elapsed();
    played.complete().await;
    took
}

#[tokio::test(start_paused = true)]
async fn an_event_is_one_request() {
    let sent = json!({
        "metadata": { "annotations": { "fluxcd.controlplane.io/revision": "v2.8.3@sha256:abc" } },
        "involvedObject": { "kind": "FluxInstance", "name": "flux", "namespace": "flux-system", "uid": "u-1" },
        "type": "Warning", "reason": "BuildFailed", "message": "a", "count": 1,
        "source": { "component": "flux-operator" },
        "reportingComponent": "flux-operator", "reportingInstance": "host",
    });
    let again = json!({ "count": 2, "lastTimestamp": "2026-11-22T10:01:00Z", "message": "a" });
    let script = [
        created(create(&event(0)).group("").sends(&sent).query("fieldManager=flux-operator")),
        created(patch(&event(0)).sends(&again).query("fieldManager=flux-operator")),
        created(create(&event(61)).sends(&json!({ "message": "b", "count": 1 }))),
    ];
    play(script, &[(0, "a"), (60, "a"), (61, "b")]).await;
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_gone_is_created_again() {
    let again =
        json!({ "count": 2, "firstTimestamp": "2026-11-22T10:00:00Z", "lastTimestamp": "2026-11-22T10:01:00Z" });
    let script = [created(create(&event(0))), patch(&event(0)).not_found(), created(create(&event(0)).sends(&again))];
    play(script, &[(0, "a"), (60, "a")]).await;
}

#[tokio::test(start_paused = true)]
async fn a_failing_api_server_is_asked_three_times() {
    let script = [create(&event(0)).fail(StatusCode::SERVICE_UNAVAILABLE).times(3), created(create(&event(1)))];
    let took = play(script, &[(0, "a"), (1, "b")]).await;
    assert_eq!(took.as_secs(), 1 + 2);
}

#[tokio::test(start_paused = true)]
async fn a_silent_api_server_is_given_up() {
    let took = play([create(&event(0)).hang().times(3)], &[(0, "a")]).await;
    assert_eq!(took.as_secs(), 3 * TIMEOUT.as_secs() + 1 + 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_lost_is_no_failure() {
    play([create(&event(0)).broken(), create(&event(0)).conflict()], &[(0, "a")]).await;
}

#[tokio::test(start_paused = true)]
async fn who_may_not_does_not_insist() {
    let took = play([create(&event(0)).forbidden(), create(&event(1)).not_found()], &[(0, "a"), (1, "b")]).await;
    assert_eq!(took, Duration::ZERO);
}

#[test]
fn a_namespace_that_goes_away_is_no_news() {
    let refused = |status: Value| WriteError::Refused(Box::new(serde_json::from_value(status).unwrap()));
    let mut forbidden = terminating();
    assert!(refused(forbidden.clone()).is_about_namespace());
    assert!(!refused(forbidden.clone()).is_transient());
    forbidden["details"] = json!({});
    assert!(!refused(forbidden).is_about_namespace());
    assert!(!WriteError::TimedOut.is_about_namespace());
}

#[tokio::test(start_paused = true)]
async fn a_flood_costs_no_more_than_its_burst() {
    let (client, api) = apiserver::new();
    let played = api.play([created(create(&event(0))), created(patch(&event(0))).times(24)]);
    let mut recorder = Recorder::new(client, "host".to_owned());
    for _ in 0..100 {
        let event = Event { severity: Severity::Normal, ..Event::warning(Reason::Progressing, "a") };
        recorder.record(&Occurrence { subject: subject(), event, at: at(0) }).await;
    }
    played.complete().await;
}
