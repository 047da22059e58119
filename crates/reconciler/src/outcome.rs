//! What a run came to, and what kind of failure a failure is.

use std::fmt;
use std::path::PathBuf;

use flux_operator_api::{ObjectId, Reason};
use flux_operator_builder::upgrade::ChoiceError;
use flux_operator_builder::{BuildError, Violations};
use flux_operator_distro::credentials::KeychainError;
use flux_operator_distro::{DistributionError, PullError};
pub use flux_operator_inventory::describe;
use flux_operator_inventory::{ApplyError, ChangeSet, Entry, RequestError};

use crate::instance::UnreadableSpec;

/// What a run came to.
#[derive(Debug)]
pub enum Outcome {
    /// The finalizer was added; everything else is left to the next run.
    Initialized {
        /// Whether the instance is suspended from the start.
        is_suspended: bool,
    },
    /// The instance is suspended, and nothing was done.
    Suspended,
    /// Flux is as described.
    Reconciled(Box<Reconciled>),
    /// Everything was applied, and the wait for it was given up because there is something newer to do.
    Interrupted,
    /// It did not work.
    Failed(Failure),
    /// The instance is deleted, and parts of the installation are still there.
    Uninstalling(Remains),
    /// The instance is deleted, and so is what belonged to it, or was left to the user.
    Released,
}

/// A Flux that is as described.
#[derive(Debug, Default)]
pub struct Reconciled {
    /// The version of Flux, such as `v2.9.4`.
    pub version: String,
    /// The digest of the artifact the manifests came in, if they did.
    pub artifact: Option<String>,
    /// What was done to get there.
    pub changes: ChangeSet,
    /// Why objects were different from what the last run left.
    pub cause: ChangeCause,
    /// The force token that was acted upon.
    pub forced: Option<String>,
}

/// Why objects had to be changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChangeCause {
    /// Nothing was installed before.
    #[default]
    Install,
    /// Something else was described before.
    Update,
    /// The same was described before, so somebody else changed them.
    Drift,
}

/// What is left of an installation that is being removed.
#[derive(Debug, Default)]
pub struct Remains {
    /// Objects that are still there.
    pub left: Vec<Entry>,
    /// Why, where something failed.
    pub failure: Option<String>,
}

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The instance itself cannot be read or written. There is nowhere to tell the user.
    #[error("the FluxInstance cannot be updated")]
    Instance(#[source] RequestError),
    /// The distribution could not be had.
    #[error("fetch failed")]
    Fetch(#[source] FetchError),
    /// The instance asks for something that cannot be built.
    #[error("build failed")]
    Build(#[source] BuildFailure),
    /// Objects could not be applied or deleted, or did not become ready.
    #[error("reconciliation failed")]
    Apply(#[source] ApplyFailure),
    /// A fault of the operator.
    #[error("the operator has a fault, please report it: {0}")]
    Panicked(String),
}

/// Why the distribution could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The Secret with the credentials cannot be read.
    #[error("cannot read Secret/{secret}, which `spec.distribution.artifactPullSecret` names")]
    PullSecret {
        /// Namespace and name.
        secret: String,
        /// Why.
        #[source]
        source: RequestError,
    },
    /// The Secret with the credentials holds something else.
    #[error("Secret/{secret} holds no credentials for registries")]
    Keychain {
        /// Namespace and name.
        secret: String,
        /// Why.
        #[source]
        source: KeychainError,
    },
    /// The registry did not give it, or gave something else.
    #[error(transparent)]
    Pull(#[from] PullError),
}

/// Why an instance cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildFailure {
    /// Nobody can tell what it says.
    #[error(transparent)]
    Spec(#[from] UnreadableSpec),
    /// It says something that is not legal.
    #[error(transparent)]
    Violations(#[from] Violations),
    /// There are no manifests.
    #[error("storage path {} does not exist", .0.display())]
    NoStorage(PathBuf),
    /// The manifests cannot be read.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
    /// There is no version to install.
    #[error(transparent)]
    Choice(#[from] ChoiceError),
    /// The version cannot be built as described.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// Why an installation is not as it was built.
#[derive(Debug, thiserror::Error)]
pub enum ApplyFailure {
    /// The objects, or the record of them, could not be written.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// Objects are stored in a version that a CRD is about to drop, and cannot be stored in another.
    #[error("objects cannot be stored in a newer version")]
    Migrate(#[source] RequestError),
    /// They are not ready. The text lists those that are not.
    #[error("{0}")]
    NotReady(String),
    /// Nobody can tell whether they are ready.
    #[error("the objects cannot be watched")]
    Watch(#[source] RequestError),
}

impl From<ApplyFailure> for Failure {
    fn from(failure: ApplyFailure) -> Self {
        Self::Apply(failure)
    }
}

/// What helps against a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Only a change of the instance or of the distribution does.
    Terminal,
    /// Time may.
    Transient,
}

impl Failure {
    /// What helps.
    pub fn class(&self) -> Class {
        match self {
            Self::Build(_) => Class::Terminal,
            Self::Instance(_) | Self::Fetch(_) | Self::Apply(_) | Self::Panicked(_) => Class::Transient,
        }
    }

    /// The reason that conditions, events and history give. None where nobody can be told.
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Instance(_) => None,
            Self::Fetch(_) => Some(Reason::ArtifactFailed),
            Self::Build(_) => Some(Reason::BuildFailed),
            Self::Apply(_) | Self::Panicked(_) => Some(Reason::ReconciliationFailed),
        }
    }
}

impl Outcome {
    /// Whether the next run is to wait longer for each of these in a row.
    pub fn is_failure(&self) -> bool {
        match self {
            Self::Failed(_) => true,
            Self::Uninstalling(remains) => remains.failure.is_some(),
            _ => false,
        }
    }
}

impl fmt::Display for Remains {
    /// What is left and why, as the user is told.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LISTED: usize = 5;
        if let Some(failure) = &self.failure {
            return write!(f, "uninstall failed: {failure}");
        }
        let names: Vec<_> = self.left.iter().take(LISTED).map(|entry| entry.id.to_string()).collect();
        write!(f, "uninstalling, waiting for {} to be gone", names.join(", "))?;
        match self.left.len().checked_sub(LISTED) {
            Some(more @ 1..) => write!(f, " and {more} more"),
            _ => Ok(()),
        }
    }
}

impl Reconciled {
    /// Objects that were left alone because somebody annotated them so, or keeps changing them.
    pub fn left_alone(&self) -> impl Iterator<Item = &ObjectId> {
        use flux_operator_inventory::{Action, SkipReason};
        let is_left =
            |action: Action| matches!(action, Action::Skipped(SkipReason::ReconcileDisabled | SkipReason::Held));
        self.changes.iter().filter(move |change| is_left(change.action)).map(|change| &change.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_with_its_causes_once() {
        let failure = Failure::Build(BuildFailure::NoStorage(PathBuf::from("/data/flux")));
        assert_eq!(describe(&failure), "build failed: storage path /data/flux does not exist");
        let failure = Failure::Build(UnreadableSpec::missing().into());
        assert_eq!(describe(&failure), "build failed: `spec` cannot be read: it is missing");
        let apply = ApplyError::NotReady("timeout waiting for: []".to_owned());
        let failure = Failure::Apply(apply.into());
        assert_eq!(describe(&failure), "reconciliation failed: timeout waiting for: []");
    }

    #[test]
    fn remains_are_named_up_to_a_few() {
        let entry = |n: usize| Entry { id: ObjectId::cluster("g", "Kind", format!("n{n}")), version: "v1".into() };
        let remains = |count| Remains { left: (0..count).map(entry).collect(), failure: None }.to_string();
        assert_eq!(remains(1), "uninstalling, waiting for Kind/n0 to be gone");
        let five = "uninstalling, waiting for Kind/n0, Kind/n1, Kind/n2, Kind/n3, Kind/n4 to be gone";
        assert_eq!(remains(5), five);
        assert_eq!(remains(7), format!("{five} and 2 more"));
    }
}
