//! Conditions: the types and reasons the operator uses, one condition, and the list that keeps them
//! consistent.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::closed_set::closed_set;

mod list;

pub use list::Conditions;

/// How many characters a message may have: the limit of the schema, and that of Kubernetes' own
/// condition type.
pub const MAX_MESSAGE_CHARS: usize = 32_768;

closed_set! {
    /// The conditions the operator owns, in the order in which they are stored.
    pub enum ConditionType: "a condition type" {
        /// The last run ended without a chance that the next one does better.
        Stalled = "Stalled",
        /// A run is under way, or will be repeated.
        Reconciling = "Reconciling",
        /// The instance is as described.
        Ready = "Ready",
    }
}

closed_set! {
    /// Whether a condition holds.
    pub enum ConditionStatus: "a condition status" {
        /// It does.
        True = "True",
        /// It does not.
        False = "False",
        /// It cannot be told.
        Unknown = "Unknown",
    }
}

closed_set! {
    /// Reasons: of conditions, of events, of history entries.
    pub enum Reason: "a reason" {
        /// A run started.
        Progressing = "Progressing",
        /// A run failed and will be repeated.
        ProgressingWithRetry = "ProgressingWithRetry",
        /// Reconciliation is switched off by annotation.
        ReconciliationDisabled = "ReconciliationDisabled",
        /// The distribution artifact could not be pulled.
        ArtifactFailed = "ArtifactFailed",
        /// The instance asks for something that cannot be built.
        BuildFailed = "BuildFailed",
        /// Apply, prune or the readiness wait failed.
        ReconciliationFailed = "ReconciliationFailed",
        /// The readiness wait gave way to a newer trigger.
        HealthCheckCanceled = "HealthCheckCanceled",
        /// The instance is as described.
        ReconciliationSucceeded = "ReconciliationSucceeded",
        /// A newer version is available. Of events only.
        OutdatedVersion = "OutdatedVersion",
        /// Everything could be looked at. Of reports only.
        Succeeded = "Succeeded",
        /// Something could not be looked at. Of reports only.
        Failed = "Failed",
    }
}

/// One aspect of the state of an instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Aspect of the state: `Ready`, `Reconciling`, `Stalled`, or one of somebody else's.
    #[schemars(
        length(max = 316),
        regex(
            pattern = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
        )
    )]
    pub r#type: String,

    /// Whether the condition holds: `True`, `False` or `Unknown`.
    pub status: ConditionStatus,

    /// Generation of the instance the condition is about. Less than `metadata.generation` means out
    /// of date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,

    /// When status, reason or message last changed.
    pub last_transition_time: Time,

    /// Why, as one word, such as `ReconciliationSucceeded`.
    #[schemars(length(min = 1, max = 1024), regex(pattern = "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"))]
    pub reason: String,

    /// Why, in words, such as `Reconciliation finished in 52s`. May be empty.
    #[schemars(length(max = 32768))]
    pub message: String,
}

impl Condition {
    /// A condition as of `now`, of which whole seconds are kept, with its message trimmed to
    /// [`MAX_MESSAGE_CHARS`].
    pub fn new(
        r#type: ConditionType,
        status: ConditionStatus,
        reason: Reason,
        message: impl Into<String>,
        now: Timestamp,
    ) -> Self {
        Self {
            r#type: r#type.to_string(),
            status,
            observed_generation: None,
            last_transition_time: whole_seconds(now),
            reason: reason.to_string(),
            message: trim_message(message.into()),
        }
    }

    /// The condition, about `generation` of the instance.
    #[must_use]
    pub fn observed(mut self, generation: Option<i64>) -> Self {
        self.observed_generation = generation;
        self
    }

    /// Whether the two say the same: only then does a condition keep its transition time.
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.status == other.status && self.reason == other.reason && self.message == other.message
    }
}

/// Shortens a message to [`MAX_MESSAGE_CHARS`] characters, the last of them `…`, and leaves shorter
/// ones alone.
pub fn trim_message(mut message: String) -> String {
    // Characters, not bytes: the API server counts code points.
    if message.char_indices().nth(MAX_MESSAGE_CHARS).is_some()
        && let Some((end, _)) = message.char_indices().nth(MAX_MESSAGE_CHARS - 1)
    {
        message.truncate(end);
        message.push('…');
    }
    message
}

/// A moment as Kubernetes keeps it, without fractions of a second.
pub(crate) fn whole_seconds(moment: Timestamp) -> Time {
    // Falls back to the moment itself at the very edges of time; it is printed without fractions
    // anyway.
    Time(Timestamp::from_second(moment.as_second()).unwrap_or(moment))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_trim(message: &str, expected: &str) {
        let trimmed = trim_message(message.to_owned());
        assert!(trimmed == expected, "{} bytes, expected {}", trimmed.len(), expected.len());
    }

    #[test]
    fn messages_are_trimmed_on_a_character_boundary() {
        let limit = MAX_MESSAGE_CHARS;
        check_trim("", "");
        check_trim("ready", "ready");
        check_trim(&"a".repeat(limit), &"a".repeat(limit));
        check_trim(&"a".repeat(limit + 1), &format!("{}…", "a".repeat(limit - 1)));
        check_trim(&"é".repeat(limit), &"é".repeat(limit));
        check_trim(&"é".repeat(2 * limit), &format!("{}…", "é".repeat(limit - 1)));
        check_trim(&"😀".repeat(limit + 5), &format!("{}…", "😀".repeat(limit - 1)));
    }

    #[test]
    fn condition_is_written_as_kubernetes_does() {
        let now = "2026-11-22T10:11:12.987654321Z".parse().unwrap();
        let ready =
            Condition::new(ConditionType::Ready, ConditionStatus::True, Reason::ReconciliationSucceeded, "done", now);
        let written = serde_json::json!({
            "type": "Ready",
            "status": "True",
            "observedGeneration": 3,
            "lastTransitionTime": "2026-11-22T10:11:12Z",
            "reason": "ReconciliationSucceeded",
            "message": "done",
        });
        let ready = ready.observed(Some(3));
        assert_eq!(serde_json::to_value(&ready).unwrap(), written);
        assert_eq!(serde_json::from_value::<Condition>(written).unwrap(), ready);
    }
}
