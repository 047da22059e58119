//! What the flags and the environment mean, checked once.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use flux_operator_api::GoDuration;
use flux_operator_distro::{Text, Trust};
use flux_operator_reconciler::Options;
use flux_operator_reconciler::events::Notifications;
use flux_operator_reconciler::schedule::Backoff;

use crate::args::{Args, Listen, Registry};
use crate::lease::{Timing, TimingError};
use crate::version::VERSION;

/// Where the instance is, unless `RUNTIME_NAMESPACE` says otherwise.
const DEFAULT_NAMESPACE: &str = "flux-system";

/// What the program is to do. Nothing in here needs to be checked again.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// What the controller is told; pauses are more than none, and the first is not longer than the
    /// longest.
    pub controller: Options,
    /// How registries are asked for artifacts.
    pub artifacts: ArtifactSettings,
    /// Where metrics are served.
    pub metrics: Listen,
    /// Where probes are served.
    pub probes: Listen,
    /// How replicas agree on who works; `None` where there is only this one.
    pub election: Option<Election>,
    /// Flags and variables that were given and have no effect.
    pub without_effect: Vec<&'static str>,
}

/// How registries are asked for artifacts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactSettings {
    /// The folder that keeps what was pulled.
    pub cache: PathBuf,
    /// Registries that may be asked over plain HTTP.
    pub insecure: BTreeSet<String>,
    /// A file with certificates that are trusted besides those of the system.
    pub certificates: Option<PathBuf>,
    /// Whose signature artifacts need.
    pub trust: Trust,
}

/// How replicas agree on who works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Election {
    /// Durations that fit each other.
    pub timing: Timing,
    /// Whether the lease is given back at the end.
    pub release: bool,
}

/// Flags or variables that make no sense.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A pause that would be none.
    #[error("expected more than zero in `{flag}`, found `{found}`")]
    NotPositive {
        /// The flag.
        flag: &'static str,
        /// Its value.
        found: GoDuration,
    },
    /// A variable that cannot be read.
    #[error("expected {expected} in the variable `{name}`, found `{found}`")]
    Variable {
        /// The variable.
        name: &'static str,
        /// What it holds otherwise.
        expected: &'static str,
        /// Its value.
        found: String,
    },
    /// Durations of the leader election that do not fit each other.
    #[error("cannot elect a leader")]
    Election(#[source] TimingError),
    /// A program that is to do nothing of what this one can.
    #[error("`--web-server-only` asks for a web server and no controllers, but this operator has no web server")]
    NoWebServer,
}

impl Settings {
    /// Joins flags and environment. `variable` looks a variable up; an empty one is none.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn new(args: Args, variable: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        if args.inert.web_server_only == Some(true) {
            return Err(SettingsError::NoWebServer);
        }
        let without_effect = without_effect(&args, variable)?;
        let predecessors = match variable("OVERRIDE_MANAGERS") {
            Some(list) => list.split(',').map(str::to_owned).collect(),
            None => args.override_managers,
        };
        let predecessors = predecessors.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        let min = positive("--min-retry-delay", args.min_retry_delay)?;
        let max = positive("--max-retry-delay", args.max_retry_delay)?;
        let timing = || {
            Timing::new(
                positive("--leader-election-lease-duration", args.leader_election_lease_duration)?,
                positive("--leader-election-renew-deadline", args.leader_election_renew_deadline)?,
                positive("--leader-election-retry-period", args.leader_election_retry_period)?,
            )
            .map_err(SettingsError::Election)
        };
        let election = if args.enable_leader_election {
            Some(Election { timing: timing()?, release: args.leader_election_release_on_cancel })
        } else {
            None
        };
        let reporting_interval = match variable("REPORTING_INTERVAL") {
            Some(found) => {
                let (name, expected) = ("REPORTING_INTERVAL", "a duration such as `5m`");
                found.parse().map_err(|_| SettingsError::Variable { name, expected, found })?
            }
            None => args.reporting_interval,
        };
        let namespace = variable("RUNTIME_NAMESPACE").unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned());
        Ok(Self {
            controller: Options {
                // A least pause beyond the longest would never be made.
                backoff: Backoff { min: min.min(max), max },
                jitter_percent: args.interval_jitter_percentage,
                predecessors: predecessors.collect(),
                notifications: Notifications::read(variable),
                version: VERSION.to_owned(),
                reporting_interval: reporting_interval.to_std().filter(|interval| !interval.is_zero()),
                ..Options::new(namespace, args.storage_path)
            },
            artifacts: ArtifactSettings::from(args.registry),
            metrics: args.metrics_addr,
            probes: args.health_addr,
            election,
            without_effect,
        })
    }
}

impl From<Registry> for ArtifactSettings {
    fn from(flags: Registry) -> Self {
        Self {
            cache: flags.artifact_cache.unwrap_or_else(|| std::env::temp_dir().join("flux-operator")),
            insecure: flags.insecure_registries.into_iter().collect(),
            certificates: flags.ca_file,
            trust: Trust {
                keys: flags.verify_keys,
                root: flags.verify_trust_root,
                issuer: Text { exact: flags.verify_issuer, regexp: flags.verify_issuer_regexp },
                subject: Text { exact: flags.verify_subject, regexp: flags.verify_subject_regexp },
            },
        }
    }
}

/// What was given in vain. That it cannot be read is an error nevertheless.
fn without_effect(args: &Args, variable: impl Fn(&str) -> Option<String>) -> Result<Vec<&'static str>, SettingsError> {
    let mut names = args.inert.given();
    for name in ["DEFAULT_SERVICE_ACCOUNT", "DEFAULT_WORKLOAD_IDENTITY_SERVICE_ACCOUNT", "WEB_CONFIG_SECRET_NAME"] {
        names.extend(variable(name).map(|_| name));
    }
    if let Some(found) = variable("WEB_SERVER_PORT") {
        let (name, expected) = ("WEB_SERVER_PORT", "a port");
        found.parse::<u16>().map_err(|_| SettingsError::Variable { name, expected, found })?;
        names.push(name);
    }
    Ok(names)
}

fn positive(flag: &'static str, found: GoDuration) -> Result<Duration, SettingsError> {
    found.to_std().filter(|duration| !duration.is_zero()).ok_or(SettingsError::NotPositive { flag, found })
}

#[cfg(test)]
mod tests {
    use flux_operator_distro::Location;
    use std::error::Error as _;

    use clap::Parser as _;

    use super::*;

    fn settings(args: &[&str], variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let args = Args::try_parse_from([&["flux-operator-controller"], args].concat()).unwrap();
        let variable = |name: &str| variables.iter().find(|(known, _)| *known == name);
        Settings::new(args, |name| variable(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn defaults() {
        let seconds = Duration::from_secs;
        assert_eq!(
            settings(&[], &[]).unwrap(),
            Settings {
                controller: Options {
                    namespace: "flux-system".to_owned(),
                    storage: Location::Path("/data".into()),
                    backoff: Backoff::default(),
                    jitter_percent: 5,
                    predecessors: Vec::new(),
                    notifications: Notifications::default(),
                    host: "flux-operator".to_owned(),
                    version: VERSION.to_owned(),
                    reporting_interval: Some(seconds(300)),
                },
                artifacts: Registry::default().into(),
                metrics: Listen::At { host: String::new(), port: 8080 },
                probes: Listen::At { host: String::new(), port: 8081 },
                election: Some(Election {
                    timing: Timing::new(seconds(35), seconds(30), seconds(5)).unwrap(),
                    release: true
                }),
                without_effect: Vec::new(),
            }
        );
    }

    #[test]
    fn variables_replace_flags_and_empty_ones_do_not() {
        let predecessors = |variables: &[(&str, &str)]| {
            settings(&["--override-manager=a", "--override-manager=b"], variables).unwrap().controller.predecessors
        };
        assert_eq!(predecessors(&[]), ["a", "b"]);
        assert_eq!(predecessors(&[("OVERRIDE_MANAGERS", "")]), ["a", "b"]);
        assert_eq!(predecessors(&[("OVERRIDE_MANAGERS", "c, d,")]), ["c", "d"]);
        assert_eq!(settings(&[], &[("RUNTIME_NAMESPACE", "flux")]).unwrap().controller.namespace, "flux");
    }

    #[test]
    fn the_variable_for_reports_replaces_the_flag() {
        let interval = |variable: &str| {
            let settings = settings(&["--reporting-interval=1m"], &[("REPORTING_INTERVAL", variable)]);
            settings.unwrap().controller.reporting_interval.map(|interval| interval.as_secs())
        };
        assert_eq!([interval(""), interval("30s"), interval("0")], [Some(60), Some(30), None]);
    }

    #[test]
    fn an_address_for_notifications_may_hold_a_secret() {
        let settings = settings(&[], &[("NOTIFICATION_CONTROLLER_ADDRESS", "http://canary@n/")]).unwrap();
        assert_eq!(settings.controller.notifications.address.as_deref(), Some("http://canary@n/"));
        assert!(!format!("{settings:?}").contains("canary"));
    }

    #[test]
    fn names_what_has_no_effect() {
        let variables = [("WEB_SERVER_PORT", "0"), ("DEFAULT_SERVICE_ACCOUNT", "flux")];
        assert_eq!(
            settings(&["--concurrent=5", "--token-cache-max-size=0"], &variables).unwrap().without_effect,
            ["--concurrent", "--token-cache-max-size", "DEFAULT_SERVICE_ACCOUNT", "WEB_SERVER_PORT"]
        );
    }

    #[test]
    fn without_election_its_durations_do_not_matter() {
        let args = ["--enable-leader-election=false", "--leader-election-retry-period=0s"];
        assert_eq!(settings(&args, &[]).unwrap().election, None);
    }

    #[test]
    fn the_first_pause_is_never_beyond_the_longest() {
        let second = Duration::from_secs(1);
        assert_eq!(
            settings(&["--max-retry-delay=1s", "--min-retry-delay=2s"], &[]).unwrap().controller.backoff.min,
            second
        );
    }

    #[track_caller]
    fn check_refused(args: &[&str], variables: &[(&str, &str)], expected: &str) {
        let error = settings(args, variables).unwrap_err();
        let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
        assert_eq!(format!("{error}{source}"), expected);
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        check_refused(&["--min-retry-delay=0s"], &[], "expected more than zero in `--min-retry-delay`, found `0s`");
        check_refused(&["--max-retry-delay=-1s"], &[], "expected more than zero in `--max-retry-delay`, found `-1s`");
        check_refused(
            &[],
            &[("REPORTING_INTERVAL", "5 minutes")],
            "expected a duration such as `5m` in the variable `REPORTING_INTERVAL`, found `5 minutes`",
        );
        check_refused(
            &[],
            &[("WEB_SERVER_PORT", "http")],
            "expected a port in the variable `WEB_SERVER_PORT`, found `http`",
        );
        check_refused(
            &["--leader-election-renew-deadline=40s"],
            &[],
            "cannot elect a leader: expected a renew deadline shorter than the lease of `35s`, found `40s`",
        );
        check_refused(
            &["--web-server-only"],
            &[],
            "`--web-server-only` asks for a web server and no controllers, but this operator has no web server",
        );
    }
}
