//! Past attempts, the last few of each outcome.

use std::{collections::BTreeMap, ops::Deref};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{GoDuration, Reason, conditions::whole_seconds, decode};

/// Past attempts, newest first, at most [`Self::MAX_LEN`] of them after an attempt of a new kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct History(pub Vec<Snapshot>);

/// One attempt, about to be recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// What was attempted, such as `sha256:…`.
    pub digest: String,
    /// When it ended.
    pub now: Timestamp,
    /// How long it took.
    pub duration: GoDuration,
    /// How it ended.
    pub status: Reason,
    /// Facts about it, such as `flux: v2.8.3`.
    pub metadata: BTreeMap<String, String>,
}

/// Attempts with equal digest and equal outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Digest of what was attempted, such as `sha256:…`.
    pub digest: String,

    /// When the first of the attempts ended.
    pub first_reconciled: Time,

    /// When the last of the attempts ended.
    pub last_reconciled: Time,

    /// How long the last of the attempts took, such as `2.818583s`.
    pub last_reconciled_duration: String,

    /// How the attempts ended, such as `ReconciliationSucceeded` or `BuildFailed`.
    pub last_reconciled_status: String,

    /// How many attempts there were.
    pub total_reconciliations: i64,

    /// Facts about the last of the attempts, such as `flux: v2.8.3`.
    #[serde(default, deserialize_with = "decode::or_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

impl History {
    /// How many snapshots remain after an attempt of a new kind.
    pub const MAX_LEN: usize = 5;

    /// Whether nothing was attempted yet.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Records an attempt, which becomes the first snapshot.
    ///
    /// An attempt whose digest and outcome are already there joins that snapshot: it is counted,
    /// its duration and metadata replace the previous ones (also by nothing), the first time stays.
    /// The order of the others does not change. An attempt of a new kind starts a snapshot, and
    /// only then the oldest ones are dropped.
    pub fn record(&mut self, attempt: Attempt) {
        let Attempt { digest, now, duration, status, metadata } = attempt;
        let now = whole_seconds(now);
        let known = self.0.iter().position(|s| s.digest == digest && s.last_reconciled_status == status.as_str());
        let snapshot = match known {
            Some(index) => {
                let previous = self.0.remove(index);
                Snapshot {
                    last_reconciled: now,
                    last_reconciled_duration: duration.to_string(),
                    metadata,
                    total_reconciliations: previous.total_reconciliations.saturating_add(1),
                    ..previous
                }
            }
            None => Snapshot {
                digest,
                first_reconciled: now.clone(),
                last_reconciled: now,
                last_reconciled_duration: duration.to_string(),
                last_reconciled_status: status.to_string(),
                total_reconciliations: 1,
                metadata,
            },
        };
        self.0.insert(0, snapshot);
        if known.is_none() {
            self.0.truncate(Self::MAX_LEN);
        }
    }

    /// The snapshot of the last attempt.
    pub fn latest(&self) -> Option<&Snapshot> {
        self.0.first()
    }
}

impl Deref for History {
    type Target = [Snapshot];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn attempt(digest: &str, status: Reason, second: i64) -> Attempt {
        Attempt {
            digest: digest.to_owned(),
            now: at(second),
            duration: GoDuration::from_nanos(second * MS),
            status,
            metadata: BTreeMap::new(),
        }
    }

    /// Records attempts, given as digest and status, one second apart, and returns
    /// `digest/status*total first-last`.
    #[track_caller]
    fn check(attempts: &[(&str, Reason)], expected: &[&str]) {
        let mut history = History::default();
        for (second, (digest, status)) in (1..).zip(attempts) {
            history.record(attempt(digest, *status, second));
        }
        assert_eq!(summary(&history), expected);
    }

    fn summary(history: &History) -> Vec<String> {
        let line = |s: &Snapshot| {
            let (first, last) = (s.first_reconciled.0.as_second(), s.last_reconciled.0.as_second());
            format!("{}/{}*{} {first}-{last}", s.digest, s.last_reconciled_status, s.total_reconciliations)
        };
        history.iter().map(line).collect()
    }

    #[test]
    fn new_attempts_come_first() {
        use Reason::{BuildFailed, ReconciliationSucceeded};
        check(&[], &[]);
        check(&[("a", BuildFailed)], &["a/BuildFailed*1 1-1"]);
        check(
            &[("a", ReconciliationSucceeded), ("b", ReconciliationSucceeded)],
            &["b/ReconciliationSucceeded*1 2-2", "a/ReconciliationSucceeded*1 1-1"],
        );
    }

    #[test]
    fn equal_digest_and_status_are_counted_together() {
        use Reason::{ReconciliationFailed as Failed, ReconciliationSucceeded as Succeeded};
        check(&[("a", Failed), ("a", Failed)], &["a/ReconciliationFailed*2 1-2"]);
        check(
            &[("a", Failed), ("a", Succeeded), ("b", Succeeded), ("a", Failed)],
            &["a/ReconciliationFailed*2 1-4", "b/ReconciliationSucceeded*1 3-3", "a/ReconciliationSucceeded*1 2-2"],
        );
    }

    #[test]
    fn five_remain_after_a_new_attempt() {
        let attempts = ["a", "b", "c", "d", "e", "f"].map(|digest| (digest, Reason::BuildFailed));
        check(
            &attempts,
            &[
                "f/BuildFailed*1 6-6",
                "e/BuildFailed*1 5-5",
                "d/BuildFailed*1 4-4",
                "c/BuildFailed*1 3-3",
                "b/BuildFailed*1 2-2",
            ],
        );
    }

    #[test]
    fn longer_history_is_cut_on_insert_only() {
        let mut history = History::default();
        for digest in ["a", "b", "c", "d", "e"] {
            history.record(attempt(digest, Reason::BuildFailed, 1));
        }
        let mut extra = history.0[0].clone();
        extra.digest = "z".to_owned();
        history.0.push(extra);
        history.record(attempt("z", Reason::BuildFailed, 2));
        assert_eq!(history.iter().map(|s| s.digest.as_str()).collect::<String>(), "zedcba");
        history.record(attempt("y", Reason::BuildFailed, 3));
        assert_eq!(history.iter().map(|s| s.digest.as_str()).collect::<String>(), "yzedc");
    }

    #[test]
    fn first_of_equal_snapshots_is_continued() {
        let mut history = History::default();
        history.record(attempt("a", Reason::BuildFailed, 1));
        history.0.push(history.0[0].clone());
        history.record(attempt("a", Reason::BuildFailed, 2));
        assert_eq!(summary(&history), ["a/BuildFailed*2 1-2", "a/BuildFailed*1 1-1"]);
    }

    #[test]
    fn metadata_and_duration_are_those_of_the_last_attempt() {
        let mut history = History::default();
        let flux = BTreeMap::from([("flux".to_owned(), "v2.8.3".to_owned())]);
        history.record(Attempt { metadata: flux.clone(), ..attempt("a", Reason::ReconciliationSucceeded, 1500) });
        let latest = history.latest().unwrap();
        assert_eq!((&latest.metadata, latest.last_reconciled_duration.as_str()), (&flux, "1.5s"));
        history.record(attempt("a", Reason::ReconciliationSucceeded, 2));
        let latest = history.latest().unwrap();
        assert_eq!((latest.metadata.len(), latest.last_reconciled_duration.as_str()), (0, "2ms"));
    }
}
