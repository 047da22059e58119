//! What can go wrong with a cluster, and what to do about it.

use std::path::PathBuf;
use std::time::Duration;

use crate::process::ProgramError;

/// Why there is no cluster.
///
/// Each text ends in what to do next. The logs that a text names are kept.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Programs have to be built, and Go is not there. Goes away when Go is installed.
    #[error(
        "the programs of the control plane have to be built, and there is no `go` on the path: install Go 1.24 or \
         newer, or set KUBEBUILDER_ASSETS to a folder with `etcd` and `kube-apiserver`"
    )]
    NoGo,
    /// A folder with programs was named and lacks one that every cluster needs.
    #[error(
        "`{}` has no program `{name}`: put it there, name another folder, or unset KUBEBUILDER_ASSETS to have it built",
        .folder.display()
    )]
    NoProgram {
        /// What `KUBEBUILDER_ASSETS` or the options name.
        folder: PathBuf,
        /// The file that is missing or cannot be executed.
        name: &'static str,
    },
    /// The keys of the cluster could not be made.
    #[error("cannot make keys, see `{}`\n{tail}", .log.display())]
    Keys {
        /// All that was said.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// A program ended when it should have run. A clash of ports is not reported like this: it is retried first.
    #[error("`{program}` ended with status {status}, see `{}`\n{tail}", .log.display())]
    Ended {
        /// The program.
        program: &'static str,
        /// What it ended with; 137 means that it was killed, most often for want of memory.
        status: i32,
        /// All that it said.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// The cluster did not come up in time. Give it more where the machine is slow.
    #[error(
        "the cluster is not ready after {} s, see `{}`; a slow machine needs a longer `Options::within`\n{tail}",
        .after.as_secs(), .logs.display()
    )]
    NotReady {
        /// What the options allow.
        after: Duration,
        /// The folder with the logs of all programs.
        logs: PathBuf,
        /// What was missing last.
        tail: String,
    },
    /// The process that should own a cluster in the background gave up.
    #[error("the cluster in the background did not start, see `{}`\n{tail}", .log.display())]
    Worker {
        /// All that it said.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// A cluster in the background has a name that is no plain word.
    #[error("`{name}` cannot be the name of a cluster: expected letters, digits and dashes")]
    Name {
        /// What was given.
        name: String,
    },
    /// A program cannot be built or run, or a file cannot be used.
    #[error(transparent)]
    Program(ProgramError),
}

impl From<ProgramError> for ClusterError {
    fn from(error: ProgramError) -> Self {
        match error {
            ProgramError::NoGo { .. } => Self::NoGo,
            error => Self::Program(error),
        }
    }
}
