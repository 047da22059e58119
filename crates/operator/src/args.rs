//! The flags of the program.
//!
//! Names and defaults are those of the operator that this one replaces, so that a Deployment can keep
//! its arguments. [`Args`] is what was written; [`Settings`](crate::settings::Settings) is what it means.

mod listen;

use std::path::PathBuf;

use clap::{ArgAction, Parser, ValueEnum};
use flux_operator_api::GoDuration;
use flux_operator_distro::Location;

pub use listen::{Listen, ListenError};

use crate::version;

/// Watch the FluxInstance of a cluster and keep Flux as it says.
///
/// Besides the flags, these variables are read: `KUBECONFIG`; `RUNTIME_NAMESPACE`, the namespace of the
/// instance, by default `flux-system`; `OVERRIDE_MANAGERS`, a comma separated list that replaces
/// `--override-manager`; `REPORTING_INTERVAL`, which replaces `--reporting-interval`;
/// `NOTIFICATION_CONTROLLER_ADDRESS` and `NOTIFICATIONS_DISABLED`.
#[derive(Debug, Parser)]
#[command(name = "flux-operator-controller", version = version::LONG, args_override_self = true)]
pub struct Args {
    /// Where metrics are served, at `/metrics`; `0` turns it off.
    #[arg(long, value_name = "ADDRESS", default_value = ":8080")]
    pub(crate) metrics_addr: Listen,

    /// Where probes are served, at `/healthz` and `/readyz`; `0` turns it off.
    #[arg(long, value_name = "ADDRESS", default_value = ":8081")]
    pub(crate) health_addr: Listen,

    /// Flux distribution for instances without an artifact: a folder, a file made by `flux-operator distro
    /// bundle`, or an `oci://` reference.
    #[arg(long, value_name = "DIR", default_value = "/data")]
    pub(crate) storage_path: Location,

    #[command(flatten)]
    pub(crate) registry: Registry,

    /// Field manager to take fields over from; may be given several times.
    #[arg(long = "override-manager", value_name = "NAME", value_delimiter = ',', action = ArgAction::Append)]
    pub(crate) override_managers: Vec<String>,

    /// Form of the log.
    #[arg(long, value_name = "FORM", default_value = "json")]
    pub(crate) log_encoding: LogEncoding,

    /// What is logged, and everything graver.
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    pub(crate) log_level: LogLevel,

    /// Pause after a first failure; it doubles with every other.
    #[arg(long, value_name = "DURATION", default_value = "750ms", allow_hyphen_values = true)]
    pub(crate) min_retry_delay: GoDuration,

    /// Longest pause after a failure.
    #[arg(long, value_name = "DURATION", default_value = "15m", allow_hyphen_values = true)]
    pub(crate) max_retry_delay: GoDuration,

    /// By how much intervals vary in both directions, less than 100.
    #[arg(long, value_name = "PERCENT", default_value = "5", value_parser = clap::value_parser!(u8).range(0..=99))]
    pub(crate) interval_jitter_percentage: u8,

    /// Whether only one replica at a time does the work.
    #[arg(long, value_name = "BOOL", default_value = "true", default_missing_value = "true", num_args = 0..=1,
        require_equals = true, action = ArgAction::Set, value_parser = go_bool)]
    pub(crate) enable_leader_election: bool,

    /// Whether the lease is given back at the end, so that another replica takes over at once.
    #[arg(long, value_name = "BOOL", default_value = "true", default_missing_value = "true", num_args = 0..=1,
        require_equals = true, action = ArgAction::Set, value_parser = go_bool)]
    pub(crate) leader_election_release_on_cancel: bool,

    /// How long other replicas wait for one that has gone silent.
    #[arg(long, value_name = "DURATION", default_value = "35s", allow_hyphen_values = true)]
    pub(crate) leader_election_lease_duration: GoDuration,

    /// How long a replica works on without having renewed its lease; less than the lease duration.
    #[arg(long, value_name = "DURATION", default_value = "30s", allow_hyphen_values = true)]
    pub(crate) leader_election_renew_deadline: GoDuration,

    /// Pause between two looks at the lease; less than the renew deadline.
    #[arg(long, value_name = "DURATION", default_value = "5s", allow_hyphen_values = true)]
    pub(crate) leader_election_retry_period: GoDuration,

    /// How often the FluxReport is looked over without a reason; `0` for never.
    #[arg(long, value_name = "DURATION", default_value = "5m", allow_hyphen_values = true)]
    pub(crate) reporting_interval: GoDuration,

    #[command(flatten)]
    pub(crate) inert: Inert,
}

/// How registries are asked for artifacts.
#[derive(Debug, Default, clap::Args)]
pub struct Registry {
    /// Folder that keeps what was pulled, at most 256 MiB, by default in the folder for temporary files.
    #[arg(long, value_name = "DIR")]
    pub(crate) artifact_cache: Option<PathBuf>,

    /// Registry that may be asked over plain HTTP; may be given several times. This machine always may.
    #[arg(long = "insecure-registry", value_name = "HOST[:PORT]", action = ArgAction::Append)]
    pub(crate) insecure_registries: Vec<String>,

    /// File with certificates of authorities that registries are trusted by, besides those of the system.
    #[arg(long = "registry-ca-file", value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,

    /// Take only artifacts signed with this public key, a PEM file; may be given several times.
    #[arg(long = "verify-key", value_name = "FILE", action = ArgAction::Append)]
    pub(crate) verify_keys: Vec<PathBuf>,

    /// Take only artifacts signed by an identity that this Sigstore trust root vouches for.
    #[arg(long, value_name = "FILE")]
    pub(crate) verify_trust_root: Option<PathBuf>,

    /// Who has to say who signed.
    #[arg(long, value_name = "URL")]
    pub(crate) verify_issuer: Option<String>,

    /// The same as a regular expression for the whole of it.
    #[arg(long, value_name = "REGEXP")]
    pub(crate) verify_issuer_regexp: Option<String>,

    /// Who has to have signed.
    #[arg(long, value_name = "SUBJECT")]
    pub(crate) verify_subject: Option<String>,

    /// The same as a regular expression for the whole of it.
    #[arg(long, value_name = "REGEXP")]
    pub(crate) verify_subject_regexp: Option<String>,
}

/// Flags of features that there are not, or not yet. They are accepted and checked.
#[derive(Debug, Default, clap::Args)]
pub struct Inert {
    #[arg(long, hide = true)]
    pub(crate) concurrent: Option<u32>,
    #[arg(long, hide = true, allow_hyphen_values = true)]
    pub(crate) requeue_dependency: Option<GoDuration>,
    #[arg(long, hide = true)]
    pub(crate) default_service_account: Option<String>,
    #[arg(long, hide = true)]
    pub(crate) default_workload_identity_service_account: Option<String>,
    #[arg(long, hide = true)]
    pub(crate) watch_configs_label_selector: Option<String>,
    #[arg(long, hide = true)]
    pub(crate) web_server_port: Option<u16>,
    #[arg(long, hide = true, default_missing_value = "true", num_args = 0..=1, require_equals = true,
        action = ArgAction::Set, value_parser = go_bool)]
    pub(crate) web_server_only: Option<bool>,
    #[arg(long, hide = true)]
    pub(crate) web_config: Option<String>,
    #[arg(long, hide = true)]
    pub(crate) web_config_secret_name: Option<String>,
    #[arg(long, hide = true, allow_hyphen_values = true)]
    pub(crate) token_cache_max_size: Option<i64>,
    #[arg(long, hide = true, allow_hyphen_values = true)]
    pub(crate) token_cache_max_duration: Option<GoDuration>,
}

/// Forms of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogEncoding {
    /// An object in a line for each event.
    Json,
    /// For people.
    Console,
}

/// Levels of the log. There is none for warnings: they are logged where information is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Everything.
    Trace,
    /// What helps to find a fault in the operator.
    Debug,
    /// What happens.
    Info,
    /// What went wrong.
    Error,
}

/// How the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// Its form.
    pub encoding: LogEncoding,
    /// What is in it.
    pub level: LogLevel,
}

impl Args {
    /// How the log looks: what is wrong with everything else is logged already.
    pub fn log(&self) -> Log {
        Log { encoding: self.log_encoding, level: self.log_level }
    }
}

impl Inert {
    /// The flags that were given, as they are written.
    pub(crate) fn given(&self) -> Vec<&'static str> {
        let flags = [
            ("--concurrent", self.concurrent.is_some()),
            ("--requeue-dependency", self.requeue_dependency.is_some()),
            ("--default-service-account", self.default_service_account.is_some()),
            ("--default-workload-identity-service-account", self.default_workload_identity_service_account.is_some()),
            ("--watch-configs-label-selector", self.watch_configs_label_selector.is_some()),
            ("--web-server-port", self.web_server_port.is_some()),
            ("--web-server-only", self.web_server_only.is_some()),
            ("--web-config", self.web_config.is_some()),
            ("--web-config-secret-name", self.web_config_secret_name.is_some()),
            ("--token-cache-max-size", self.token_cache_max_size.is_some()),
            ("--token-cache-max-duration", self.token_cache_max_duration.is_some()),
        ];
        flags.into_iter().filter_map(|(name, given)| given.then_some(name)).collect()
    }
}

/// A boolean in the words of Go's `strconv.ParseBool`.
fn go_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("expected `true` or `false`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(args: &[&str]) -> Result<Args, String> {
        Args::try_parse_from([&["flux-operator-controller"], args].concat()).map_err(|error| error.to_string())
    }

    #[test]
    fn clap_agrees() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_flag_of_a_deployment_is_accepted() {
        let args = parse(&[
            "--concurrent=10",
            "--reporting-interval=5m",
            "--requeue-dependency=5s",
            "--metrics-addr=:8080",
            "--health-addr=:8081",
            "--storage-path=/data",
            "--default-service-account=flux",
            "--default-workload-identity-service-account=flux",
            "--override-manager=a",
            "--override-manager=b,c",
            "--watch-configs-label-selector=reconcile.fluxcd.io/watch=Enabled",
            "--web-server-port=9080",
            "--web-server-only=false",
            "--web-config=/web/config.yaml",
            "--web-config-secret-name=",
            "--token-cache-max-size=100",
            "--token-cache-max-duration=1h",
            "--log-encoding=json",
            "--log-level=info",
            "--min-retry-delay=750ms",
            "--max-retry-delay=15m",
            "--interval-jitter-percentage=5",
            "--enable-leader-election",
            "--leader-election-release-on-cancel=true",
            "--leader-election-lease-duration=35s",
            "--leader-election-renew-deadline=30s",
            "--leader-election-retry-period=5s",
        ])
        .unwrap();
        assert_eq!(args.override_managers, ["a", "b", "c"]);
        assert_eq!(args.inert.given().len(), 11);
    }

    #[test]
    fn nothing_given_is_nothing_without_effect() {
        assert!(parse(&[]).unwrap().inert.given().is_empty());
    }

    #[test]
    fn booleans_are_those_of_go() {
        let election = |args: &[&str]| parse(args).map(|args| args.enable_leader_election);
        assert_eq!(election(&[]), Ok(true));
        assert_eq!(election(&["--enable-leader-election"]), Ok(true));
        assert_eq!(election(&["--enable-leader-election=F"]), Ok(false));
        assert_eq!(election(&["--enable-leader-election=false", "--enable-leader-election=true"]), Ok(true));
        assert!(election(&["--enable-leader-election=no"]).is_err());
        // As in Go, the value of a boolean has to be joined to it.
        assert!(election(&["--enable-leader-election", "false"]).is_err());
    }

    #[test]
    fn the_last_of_equal_flags_counts() {
        let args = parse(&["--log-level=debug", "--log-level", "error"]).unwrap();
        assert_eq!(args.log_level, LogLevel::Error);
    }

    #[track_caller]
    fn check_refused(arg: &str, expected: &[&str]) {
        let error = parse(&[arg]).unwrap_err();
        for expected in expected {
            assert!(error.contains(expected), "expected {expected:?} in: {error}");
        }
    }

    #[test]
    fn a_wrong_value_is_refused_by_the_name_of_its_flag() {
        check_refused("--interval-jitter-percentage=100", &["--interval-jitter-percentage", "100 is not in 0..=99"]);
        check_refused("--min-retry-delay=5d", &["--min-retry-delay", "5d"]);
        check_refused("--metrics-addr=8080", &["--metrics-addr", "8080"]);
        check_refused("--log-level=warn", &["--log-level", "trace, debug, info, error"]);
        check_refused("--web-server-port=x", &["--web-server-port"]);
        check_refused("--kubeconfig=x", &["--kubeconfig"]);
    }

    #[test]
    fn help_is_silent_about_what_has_no_effect() {
        let help = Args::command().render_long_help().to_string();
        assert!(
            help.contains("--storage-path") && !help.contains("--web-") && !help.contains("--concurrent"),
            "{help}"
        );
    }
}
