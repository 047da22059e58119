//! How an object is doing, from the object alone.
//!
//! [`of`] reads what the API server answered for one object and says whether its controller has
//! done what the object asks for. The words are those of kstatus, which users know from `flux` and
//! `kubectl`. Nothing here reaches for a cluster, for another object or for a clock: where age
//! matters, the moment is an argument. [`Summary`] then tells how a set of objects is doing.
//!
//! The first of these rules that applies decides:
//!
//! 1. An object that is being deleted is `Terminating`.
//! 2. A controller that has not seen the latest generation still works on it.
//! 3. The condition `Reconciling` says that work is under way, `Stalled` that it is given up.
//! 4. The rule for the kind, for kinds of Kubernetes itself.
//! 5. The condition `Ready`, for all other kinds.
//! 6. What exists and says nothing else is `Current`.
//!
//! What an object cannot know about itself is not told: whether pods of a `StatefulSet` or of a
//! `ReplicaSet` have failed. Such a workload is `InProgress` until its pods are ready. A `Deployment`
//! does know, from its deadline: `ProgressDeadlineExceeded`.
//!
//! A field of another type than the API gives it reads as absent. No input makes these functions
//! panic.

mod assignments;
mod conditions;
mod definitions;
mod fields;
mod jobs;
mod kinds;
mod pods;
mod summary;
mod workloads;

#[cfg(test)]
mod tests;

use std::fmt;

use flux_operator_api::{Object, ObjectId};
use jiff::Timestamp;

use conditions::Condition;
use fields::{integer, text, texts};
pub use summary::{Summary, Verdict};

/// How an object is doing, as one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Its controller is at work, or has not begun.
    InProgress,
    /// Its controller gave up; without a change it stays as it is.
    Failed,
    /// It is as described.
    Current,
    /// It is being deleted.
    Terminating,
    /// It does not exist. [`of`] never says so: whoever looked for the object does.
    NotFound,
    /// It could not be read. [`of`] never says so, either.
    Unknown,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::InProgress => "InProgress",
            Self::Failed => "Failed",
            Self::Current => "Current",
            Self::Terminating => "Terminating",
            Self::NotFound => "NotFound",
            Self::Unknown => "Unknown",
        })
    }
}

/// How an object is doing, and how that shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The word.
    pub status: Status,
    /// Why, in words, such as `2 of 3 replicas are updated`. What a controller wrote is kept as it is.
    pub message: String,
}

impl Health {
    /// A status and why.
    pub fn new(status: Status, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    fn current(message: impl Into<String>) -> Self {
        Self::new(Status::Current, message)
    }

    fn in_progress(message: impl Into<String>) -> Self {
        Self::new(Status::InProgress, message)
    }

    fn failed(message: impl Into<String>) -> Self {
        Self::new(Status::Failed, message)
    }

    /// In progress while there is something to wait for.
    fn waiting_for(what: Option<String>, otherwise: impl FnOnce() -> Self) -> Self {
        what.map_or_else(otherwise, Self::in_progress)
    }
}

/// How an object is doing at the moment `now`, which only matters for pods that cannot be
/// scheduled.
///
/// ```
/// use flux_operator_api::Object;
/// use flux_operator_inventory::health::{self, Status};
/// use serde_json::json;
///
/// let claim = Object::try_from(json!({
///     "apiVersion": "v1", "kind": "PersistentVolumeClaim",
///     "metadata": { "name": "source-controller", "namespace": "flux-system" },
///     "status": { "phase": "Pending" },
/// }))?;
/// let health = health::of(&claim, "2026-01-01T00:00:00Z".parse()?);
/// assert_eq!(health.status, Status::InProgress);
/// assert_eq!(health.message, "the phase of the claim is Pending");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn of(object: &Object, now: Timestamp) -> Health {
    deletion(object)
        .or_else(|| unseen_generation(object))
        .or_else(|| reconciliation(object))
        .or_else(|| kinds::find(object.group(), object.kind()).map(|rule| (rule.health)(object, now)))
        .or_else(|| readiness(object))
        .unwrap_or_else(|| kinds::exists(object, now))
}

/// Whether an object of this kind can be anything but `Current` right after it was written, so
/// that waiting for it makes sense.
///
/// It can when a controller reports back on the kind: true for custom resources, for most kinds
/// that [`of`] has a rule for, and for the few others of Kubernetes that report a generation. It is
/// false for configuration, permissions and everything else that is done once it is stored.
pub fn needs_watching(id: &ObjectId) -> bool {
    kinds::reports_back(&id.group, &id.kind)
}

/// Rule 1.
fn deletion(object: &Object) -> Option<Health> {
    let since = text(object, "/metadata/deletionTimestamp")?;
    let finalizers = texts(object, "/metadata/finalizers").collect::<Vec<_>>().join("`, `");
    let message = if finalizers.is_empty() {
        format!("being deleted since {since}")
    } else {
        format!("being deleted since {since}, held by `{finalizers}`")
    };
    Some(Health::new(Status::Terminating, message))
}

/// Rule 2. The API server leaves out a generation of 0, and controllers of Flux observe -1 before
/// they have seen the object for the first time.
fn unseen_generation(object: &Object) -> Option<Health> {
    let observed = integer(object, "/status/observedGeneration")?;
    let generation = integer(object, "/metadata/generation").unwrap_or(0);
    (observed != generation).then(|| {
        Health::in_progress(if observed < 1 {
            "the controller has not seen the object yet".to_owned()
        } else {
            format!("the controller has not seen generation {generation} yet, the last one was {observed}")
        })
    })
}

/// Rule 3: the two conditions by which controllers tell others what they are up to. They are there
/// only while they hold, so that the first of the list which does is the one to believe.
fn reconciliation(object: &Object) -> Option<Health> {
    conditions::all(object).filter(Condition::is_true).find_map(|condition| match condition.r#type {
        "Reconciling" => Some(Health::in_progress(condition.words())),
        "Stalled" => Some(Health::failed(condition.words())),
        _ => None,
    })
}

/// Rule 5.
fn readiness(object: &Object) -> Option<Health> {
    let ready = conditions::find(object, "Ready")?;
    let status = if ready.is_true() { Status::Current } else { Status::InProgress };
    Some(Health::new(status, ready.words()))
}
