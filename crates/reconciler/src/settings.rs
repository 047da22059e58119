//! What the annotations of a FluxInstance say about how it is run.

use std::time::Duration;

use flux_operator_api::{GoDuration, annotations};
use kube::core::ObjectMeta;

/// How an instance is run. A value that cannot be read counts as absent, as documented in
/// `docs/operating.md`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether nothing is done at all: `fluxcd.controlplane.io/reconcile: disabled`.
    pub is_disabled: bool,
    /// How long after a run the next one begins without a reason; none where it does not.
    /// Default 60 min.
    pub every: Option<Duration>,
    /// How long after a look at the distribution artifact the next one is; none where there is none.
    /// Default 10 min.
    pub artifact_every: Option<Duration>,
    /// How long a run waits for objects to become ready. Default 5 min.
    pub timeout: Duration,
    /// Whether objects are watched, and corrected as soon as somebody else changes them.
    pub corrects_drift: bool,
    /// The token of a request to run now.
    pub requested_at: Option<String>,
    /// The token of a request to migrate stored objects whether it seems necessary or not.
    pub force_at: Option<String>,
}

const EVERY: GoDuration = GoDuration::from_secs(60 * 60);
const ARTIFACT_EVERY: GoDuration = GoDuration::from_secs(10 * 60);
const TIMEOUT: GoDuration = GoDuration::from_secs(5 * 60);

impl Settings {
    /// The settings of an instance.
    pub fn of(metadata: &ObjectMeta) -> Self {
        let value = |key: &str| metadata.annotations.as_ref().and_then(|all| all.get(key)).map(String::as_str);
        let says_disabled = |key: &str| value(key).is_some_and(annotations::is_disabled);
        let duration = |key: &str, default| value(key).and_then(|text| text.parse().ok()).unwrap_or(default);
        let is_disabled = says_disabled(annotations::RECONCILE);
        let interval = |duration: GoDuration| duration.to_std().filter(|duration| !duration.is_zero() && !is_disabled);
        Self {
            is_disabled,
            every: interval(duration(annotations::RECONCILE_EVERY, EVERY)),
            artifact_every: interval(duration(annotations::RECONCILE_ARTIFACT_EVERY, ARTIFACT_EVERY)),
            timeout: duration(annotations::RECONCILE_TIMEOUT, TIMEOUT).to_std().unwrap_or_default(),
            corrects_drift: !says_disabled(annotations::DRIFT_DETECTION),
            requested_at: value(annotations::REQUESTED_AT).map(str::to_owned),
            force_at: value(annotations::FORCE_AT).map(str::to_owned),
        }
    }

    /// Whether a migration is asked for, and was not carried out yet.
    ///
    /// The token counts as handled when it was acted upon, and not before: a run that fails earlier
    /// leaves it to the next one.
    pub fn forces_migration(&self, last_handled: Option<&str>) -> bool {
        self.force_at.is_some() && self.force_at == self.requested_at && self.force_at.as_deref() != last_handled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(annotations: &[(&str, &str)]) -> Settings {
        let annotations = annotations.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        Settings::of(&ObjectMeta { annotations: Some(annotations), ..ObjectMeta::default() })
    }

    #[track_caller]
    fn check_every(value: &str, expected: Option<u64>) {
        let every = settings(&[(annotations::RECONCILE_EVERY, value)]).every;
        assert_eq!(every, expected.map(Duration::from_secs), "{value}");
    }

    #[test]
    fn intervals_are_go_durations_and_anything_else_is_the_default() {
        check_every("90s", Some(90));
        check_every("1h30m", Some(5400));
        for unreadable in ["", "1d", "60", "soon"] {
            check_every(unreadable, Some(3600));
        }
        for never in ["0", "0s", "-1m"] {
            check_every(never, None);
        }
        assert_eq!(Settings::of(&ObjectMeta::default()).every, Some(Duration::from_secs(3600)));
    }

    #[test]
    fn artifacts_have_an_interval_of_their_own() {
        let every = |value| settings(&[(annotations::RECONCILE_ARTIFACT_EVERY, value)]).artifact_every;
        assert_eq!(every("30s"), Some(Duration::from_secs(30)));
        assert_eq!(every("soon"), Some(Duration::from_secs(600)));
        assert_eq!(every("0"), None);
    }

    #[test]
    fn a_timeout_may_be_nothing() {
        let timeout = |value| settings(&[(annotations::RECONCILE_TIMEOUT, value)]).timeout;
        assert_eq!(timeout("30s"), Duration::from_secs(30));
        assert_eq!(timeout("0s"), Duration::ZERO);
        assert_eq!(timeout("-1s"), Duration::ZERO);
        assert_eq!(timeout("?"), Duration::from_secs(300));
    }

    #[test]
    fn disabled_in_whatever_case_stops_the_interval_and_not_the_timeout() {
        for value in ["disabled", "Disabled", "DISABLED"] {
            let settings = settings(&[(annotations::RECONCILE, value), (annotations::RECONCILE_EVERY, "1m")]);
            assert!(settings.is_disabled);
            let intervals = (settings.every, settings.artifact_every);
            assert_eq!((intervals, settings.timeout), ((None, None), Duration::from_secs(300)));
        }
        assert!(!settings(&[(annotations::RECONCILE, "no")]).is_disabled);
    }

    #[test]
    fn a_migration_is_forced_by_two_equal_tokens_once() {
        let force = |requested, force, handled| {
            settings(&[(annotations::REQUESTED_AT, requested), (annotations::FORCE_AT, force)])
                .forces_migration(handled)
        };
        assert!(force("1", "1", None));
        assert!(force("2", "2", Some("1")));
        assert!(!force("1", "1", Some("1")));
        assert!(!force("1", "2", None));
        assert!(!settings(&[(annotations::FORCE_AT, "1")]).forces_migration(None));
    }
}
