//! Flags that several commands have.

use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};
use flux_operator_api::GoDuration;

use crate::cluster::{Cluster, Scope};

/// `--all-namespaces`, and what it means without it.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct AllNamespaces {
    /// Look in every namespace.
    #[arg(
        short = 'A',
        long = "all-namespaces",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        hide_possible_values = true
    )]
    all_namespaces: Option<bool>,
}

impl AllNamespaces {
    /// Where to look; `otherwise` in every namespace, where the flag says nothing.
    pub(crate) fn scope(self, cluster: &Cluster, otherwise: bool) -> Scope {
        if self.all_namespaces.unwrap_or(otherwise) {
            Scope::All
        } else {
            Scope::Namespace(cluster.namespace().to_owned())
        }
    }
}

/// `--wait`, which is on unless it is `--wait=false`.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Wait {
    /// Wait for the result; `--wait=false` returns at once.
    #[arg(
        long,
        value_name = "BOOL",
        action = ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true",
        hide_possible_values = true
    )]
    pub(crate) wait: bool,
}

/// A value of the condition `Ready`, or that there is none because of a suspension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub(crate) enum ReadyStatus {
    True,
    False,
    Unknown,
    Suspended,
}

impl ReadyStatus {
    /// Whether a cell says so.
    pub(crate) fn is(self, cell: &str) -> bool {
        cell == match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
            Self::Suspended => "Suspended",
        }
    }
}

/// A time that has passed, such as `30m`.
pub(crate) fn past(text: &str) -> Result<Duration, String> {
    let duration: GoDuration = text.parse().map_err(|error| format!("{error}"))?;
    duration.to_std().ok_or_else(|| "the time must not be negative".to_owned())
}
