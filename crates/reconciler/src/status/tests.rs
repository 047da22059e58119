//! What is reported after what.

use ConditionStatus::{False, True, Unknown};
use flux_operator_api::{Conditions, ObjectId};
use flux_operator_distro::{ManifestError, PullError};
use flux_operator_inventory::{Action, ApplyError, Change, Entry, SkipReason};

use super::*;
use crate::instance::UnreadableSpec;
use crate::outcome::{ApplyFailure, Remains};

fn context(second: i64) -> Context {
    Context {
        generation: Some(3),
        namespace: "flux-system".to_owned(),
        spec_digest: "sha256:spec".to_owned(),
        requested_at: None,
        now: Timestamp::from_second(second).unwrap(),
        elapsed: Duration::from_millis(272),
    }
}

fn reconciled() -> Outcome {
    Outcome::Reconciled(Box::default())
}

fn apply_failed() -> Outcome {
    Outcome::Failed(ApplyFailure::Apply(ApplyError::NotReady("timeout waiting for: [a]".to_owned())).into())
}

fn build_failed() -> Outcome {
    Outcome::Failed(Failure::Build(UnreadableSpec::missing().into()))
}

fn fetch_failed() -> Outcome {
    let source = ManifestError::NoPlatform;
    Outcome::Failed(Failure::Fetch(PullError::Manifest { reference: "oci://r".to_owned(), source }.into()))
}

/// Conditions as `Type=Status Reason`.
fn told(conditions: &Conditions) -> Vec<String> {
    let tell = |condition: &Condition| format!("{}={} {}", condition.r#type, condition.status, condition.reason);
    conditions.iter().map(tell).collect()
}

/// The status after an outcome of a run that began with another status.
fn after(before: &FluxInstanceStatus, outcome: &Outcome) -> FluxInstanceStatus {
    let mut status = before.clone();
    begin(&mut status, &context(1));
    status.last_attempted_revision = Some("v2.9.4@sha256:new".to_owned());
    summarize(status, outcome, &context(2))
}

#[track_caller]
fn check(outcome: &Outcome, expected: &[&str], message: &str) {
    // Whatever was before makes no difference.
    for before in [&reconciled(), &build_failed(), &apply_failed()] {
        let before = after(&FluxInstanceStatus::default(), before);
        let status = after(&before, outcome);
        assert_eq!(told(&status.conditions), expected);
        let ready = status.conditions.find(ConditionType::Ready).unwrap();
        assert!(ready.message.contains(message), "{}", ready.message);
        assert!(status.conditions.iter().all(|condition| condition.observed_generation == Some(3)));
    }
}

#[test]
fn conditions_of_every_outcome() {
    check(&reconciled(), &["Ready=True ReconciliationSucceeded"], "Reconciliation finished in 272ms");
    check(
        &Outcome::Interrupted,
        &["Reconciling=True ProgressingWithRetry", "Ready=False HealthCheckCanceled"],
        "New reconciliation triggered by FluxInstance/flux-system/flux",
    );
    check(
        &fetch_failed(),
        &["Reconciling=True ProgressingWithRetry", "Ready=False ArtifactFailed"],
        "fetch failed: `oci://r`",
    );
    check(
        &build_failed(),
        &["Stalled=True BuildFailed", "Ready=False BuildFailed"],
        "build failed: `spec` cannot be read",
    );
    check(
        &apply_failed(),
        &["Reconciling=True ProgressingWithRetry", "Ready=False ReconciliationFailed"],
        "reconciliation failed: timeout waiting for: [a]",
    );
    let entry = Entry { id: ObjectId::cluster("", "Namespace", "a"), version: "v1".to_owned() };
    let waiting = Outcome::Uninstalling(Remains { left: vec![entry.clone()], failure: None });
    check(&waiting, &["Reconciling=True Progressing", "Ready=Unknown Progressing"], "waiting for Namespace/a");
    let failed = Outcome::Uninstalling(Remains { left: vec![entry], failure: Some("no".to_owned()) });
    check(
        &failed,
        &["Reconciling=True ProgressingWithRetry", "Ready=False ReconciliationFailed"],
        "uninstall failed: no",
    );
}

#[test]
fn a_new_instance_is_under_way_or_suspended() {
    let of = |is_suspended| {
        let outcome = Outcome::Initialized { is_suspended };
        told(&summarize(FluxInstanceStatus::default(), &outcome, &context(1)).conditions)
    };
    assert_eq!(of(false), ["Reconciling=True Progressing", "Ready=Unknown Progressing"]);
    assert_eq!(of(true), ["Ready=True ReconciliationDisabled"]);
}

#[test]
fn suspended_instances_keep_what_they_had_and_answer_requests() {
    let before = after(&FluxInstanceStatus::default(), &reconciled());
    let asked = Context { requested_at: Some("now".to_owned()), ..context(9) };
    let status = summarize(before.clone(), &Outcome::Suspended, &asked);
    assert_eq!(status.last_handled_reconcile_at.as_deref(), Some("now"));
    assert_eq!(status.conditions, before.conditions);
}

#[test]
fn only_success_moves_what_is_applied() {
    let first = after(&FluxInstanceStatus::default(), &reconciled());
    assert_eq!(first.last_applied_revision.as_deref(), Some("v2.9.4@sha256:new"));
    let old = FluxInstanceStatus { last_applied_revision: Some("v2.8.8@sha256:old".to_owned()), ..first };
    for outcome in [apply_failed(), build_failed(), fetch_failed(), Outcome::Interrupted] {
        assert_eq!(after(&old, &outcome).last_applied_revision.as_deref(), Some("v2.8.8@sha256:old"));
    }
}

#[test]
fn history_has_an_entry_for_each_digest_and_end() {
    let told = |status: &FluxInstanceStatus| -> Vec<String> {
        let tell = |snapshot: &flux_operator_api::Snapshot| {
            let version = snapshot.metadata.get("flux").map_or("", String::as_str);
            format!(
                "{} {} {version} x{}",
                snapshot.digest, snapshot.last_reconciled_status, snapshot.total_reconciliations
            )
        };
        status.history.iter().map(tell).collect()
    };
    let mut status = FluxInstanceStatus::default();
    for outcome in [reconciled(), reconciled(), apply_failed(), fetch_failed(), Outcome::Interrupted, build_failed()] {
        status = after(&status, &outcome);
    }
    assert_eq!(
        told(&status),
        [
            "sha256:spec BuildFailed  x1",
            "sha256:new ReconciliationFailed v2.9.4 x1",
            "sha256:new ReconciliationSucceeded v2.9.4 x2",
        ]
    );
}

#[test]
fn a_force_token_is_handled_when_it_was_acted_upon() {
    let forced = Outcome::Reconciled(Box::new(Reconciled { forced: Some("1".to_owned()), ..Reconciled::default() }));
    let handled = after(&FluxInstanceStatus::default(), &forced);
    assert_eq!(handled.last_handled_force_at.as_deref(), Some("1"));
    assert_eq!(after(&handled, &reconciled()).last_handled_force_at.as_deref(), Some("1"));
    assert_eq!(after(&FluxInstanceStatus::default(), &apply_failed()).last_handled_force_at, None);
}

#[test]
fn what_is_left_alone_is_listed() {
    let mut reconciled = Reconciled::default();
    for (name, reason) in
        [("a", SkipReason::ReconcileDisabled), ("b", SkipReason::PruneDisabled), ("c", SkipReason::Held)]
    {
        let id = ObjectId::new("apps", "Deployment", "flux-system", name);
        reconciled.changes.push(Change::new(id, Action::Skipped(reason)));
    }
    assert_eq!(
        success_message(&reconciled, Duration::from_secs(65)),
        "Reconciliation finished in 1m5s, left alone: Deployment/flux-system/a, Deployment/flux-system/c",
    );
}

#[test]
fn transition_times_move_with_what_is_said() {
    let first = summarize(FluxInstanceStatus::default(), &reconciled(), &context(10));
    let again = summarize(first.clone(), &reconciled(), &context(20));
    assert_eq!(first.conditions, again.conditions, "nothing else is said, so nothing moves");
    let failed = summarize(first, &build_failed(), &context(30));
    let at = |r#type| failed.conditions.find(r#type).unwrap().last_transition_time.0.as_second();
    assert_eq!((at(ConditionType::Ready), at(ConditionType::Stalled)), (30, 30));
    assert_eq!([True, False, Unknown].map(|status| status.to_string()), ["True", "False", "Unknown"]);
}

#[test]
fn times_are_rounded_as_people_read_them() {
    let shown = |millis| rounded(Duration::from_micros(millis)).to_string();
    assert_eq!(shown(272_400), "272ms");
    assert_eq!(shown(999_499), "999ms");
    assert_eq!(shown(1_499_000), "1s");
    assert_eq!(shown(51_600_000), "52s");
}
