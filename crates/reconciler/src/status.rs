//! The one place where the status of an instance is decided.
//!
//! | outcome | `Ready` | `Reconciling` | `Stalled` |
//! | --- | --- | --- | --- |
//! | initialized | Unknown `Progressing` | True `Progressing` | |
//! | initialized, suspended | True `ReconciliationDisabled` | | |
//! | under way | Unknown `Progressing` | True `Progressing` | |
//! | reconciled | True `ReconciliationSucceeded` | | |
//! | fetch failed | False `ArtifactFailed` | True `ProgressingWithRetry` | |
//! | build failed | False `BuildFailed` | | True `BuildFailed` |
//! | apply, prune or wait failed | False `ReconciliationFailed` | True `ProgressingWithRetry` | |
//! | wait interrupted | False `HealthCheckCanceled` | True `ProgressingWithRetry` | |
//! | uninstalling | False `ReconciliationFailed`, or Unknown `Progressing` | True | |
//!
//! A suspended instance keeps what it had.

use std::collections::BTreeMap;
use std::time::Duration;

use flux_operator_api::{
    Attempt, Condition, ConditionStatus, ConditionType, FluxInstanceStatus, GoDuration, Reason, identity,
};
use jiff::Timestamp;

use crate::outcome::{Failure, Outcome, Reconciled, describe};

/// When and about what something is reported.
#[derive(Clone, Debug)]
pub struct Context {
    /// The generation of the instance the run was about.
    pub generation: Option<i64>,
    /// The namespace of the instance.
    pub namespace: String,
    /// The digest of its spec.
    pub spec_digest: String,
    /// The token of the request that the run answers.
    pub requested_at: Option<String>,
    /// When the run ended.
    pub now: Timestamp,
    /// How long it took.
    pub elapsed: Duration,
}

const IN_PROGRESS: &str = "Reconciliation in progress";

/// The status of an instance about which a run has begun.
pub fn begin(status: &mut FluxInstanceStatus, context: &Context) {
    under_way(status, IN_PROGRESS, context);
}

/// The status of an instance at the end of a run, from the one that it had before the end.
///
/// # Guarantees
/// `Ready` is true only where everything is applied and, if the spec asks for that, was waited for.
/// Conditions of others are left alone. An outcome that there is nobody to tell of changes nothing
/// but the token.
pub fn summarize(mut status: FluxInstanceStatus, outcome: &Outcome, context: &Context) -> FluxInstanceStatus {
    if let Some(token) = &context.requested_at {
        status.last_handled_reconcile_at = Some(token.clone());
    }
    match outcome {
        Outcome::Initialized { is_suspended: false } => under_way(&mut status, IN_PROGRESS, context),
        Outcome::Initialized { is_suspended: true } => {
            let message = "Initialized with reconciliation suspended".to_owned();
            ready(&mut status, ConditionStatus::True, Reason::ReconciliationDisabled, message, context);
        }
        Outcome::Suspended | Outcome::Released => {}
        Outcome::Reconciled(reconciled) => succeed(&mut status, reconciled, context),
        Outcome::Interrupted => {
            let message = format!("New reconciliation triggered by {}", subject(context));
            ready(&mut status, ConditionStatus::False, Reason::HealthCheckCanceled, message, context);
        }
        Outcome::Failed(failure) => fail(&mut status, failure, context),
        Outcome::Uninstalling(remains) => {
            let message = remains.to_string();
            under_way(&mut status, &message, context);
            if remains.failure.is_some() {
                ready(&mut status, ConditionStatus::False, Reason::ReconciliationFailed, message, context);
            }
        }
    }
    status.conditions.settle(context.now);
    status
}

/// What a successful run tells.
pub fn success_message(reconciled: &Reconciled, elapsed: Duration) -> String {
    let mut message = format!("Reconciliation finished in {}", rounded(elapsed));
    let left: Vec<_> = reconciled.left_alone().map(ToString::to_string).collect();
    if !left.is_empty() {
        message = format!("{message}, left alone: {}", left.join(", "));
    }
    message
}

fn subject(context: &Context) -> String {
    format!("{}/{}/{}", identity::KIND, context.namespace, identity::INSTANCE_NAME)
}

fn succeed(status: &mut FluxInstanceStatus, reconciled: &Reconciled, context: &Context) {
    status.last_applied_revision = status.last_attempted_revision.clone();
    status.last_artifact_revision.clone_from(&reconciled.artifact);
    if reconciled.forced.is_some() {
        status.last_handled_force_at.clone_from(&reconciled.forced);
    }
    let message = success_message(reconciled, context.elapsed);
    ready(status, ConditionStatus::True, Reason::ReconciliationSucceeded, message, context);
    record(status, Reason::ReconciliationSucceeded, context);
}

fn fail(status: &mut FluxInstanceStatus, failure: &Failure, context: &Context) {
    let Some(reason) = failure.reason() else {
        return;
    };
    let message = describe(failure);
    ready(status, ConditionStatus::False, reason, message.clone(), context);
    match failure {
        Failure::Build(_) => {
            set(status, ConditionType::Stalled, ConditionStatus::True, reason, message, context);
            status.history.record(attempt(context.spec_digest.clone(), BTreeMap::new(), reason, context));
        }
        Failure::Apply(_) => record(status, reason, context),
        Failure::Instance(_) | Failure::Fetch(_) | Failure::Panicked(_) => {}
    }
}

fn under_way(status: &mut FluxInstanceStatus, message: &str, context: &Context) {
    ready(status, ConditionStatus::Unknown, Reason::Progressing, message.to_owned(), context);
    let reconciling = ConditionType::Reconciling;
    set(status, reconciling, ConditionStatus::True, Reason::Progressing, message.to_owned(), context);
}

fn ready(status: &mut FluxInstanceStatus, is: ConditionStatus, reason: Reason, message: String, context: &Context) {
    set(status, ConditionType::Ready, is, reason, message, context);
}

fn set(
    status: &mut FluxInstanceStatus,
    r#type: ConditionType,
    is: ConditionStatus,
    reason: Reason,
    message: String,
    context: &Context,
) {
    let condition = Condition::new(r#type, is, reason, message, context.now).observed(context.generation);
    status.conditions.set(condition);
}

/// Records the attempt at the revision that was built.
fn record(status: &mut FluxInstanceStatus, reason: Reason, context: &Context) {
    let revision = status.last_attempted_revision.clone().unwrap_or_default();
    let (version, digest) = revision.split_once('@').unwrap_or((&revision, ""));
    let metadata = [("flux".to_owned(), version.to_owned())].into();
    status.history.record(attempt(digest.to_owned(), metadata, reason, context));
}

fn attempt(digest: String, metadata: BTreeMap<String, String>, status: Reason, context: &Context) -> Attempt {
    let duration = GoDuration::try_from(context.elapsed).unwrap_or(GoDuration::MAX);
    Attempt { digest, now: context.now, duration, status, metadata }
}

/// Whole milliseconds below a second, and whole seconds above.
fn rounded(elapsed: Duration) -> GoDuration {
    let unit = if elapsed < Duration::from_secs(1) { 1_000_000 } else { 1_000_000_000 };
    let nanos = (elapsed.as_nanos() + unit / 2) / unit * unit;
    GoDuration::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
