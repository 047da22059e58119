//! What can go wrong with a cluster, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

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
    /// There is no place for the programs. Only where the user has no home.
    #[error("there is no folder for caches: set XDG_CACHE_HOME or HOME")]
    NoCache,
    /// Go refused to build. Most often it could not download modules; then a retry helps.
    #[error(
        "go cannot build `{what}`, see `{}`; downloads need a connection or GOPROXY\n{tail}",
        .log.display()
    )]
    Build {
        /// The program.
        what: &'static str,
        /// All that Go said.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
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
    /// A file, a folder, a process or a socket could not be used.
    #[error("cannot {action} `{}`: look at its permissions, and whether there is space left", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Adds to an error of the system what was tried with which file.
pub(super) trait During<T> {
    /// `action` reads like `write`.
    fn during(self, action: &'static str, path: impl AsRef<Path>) -> Result<T, ClusterError>;
}

impl<T> During<T> for io::Result<T> {
    fn during(self, action: &'static str, path: impl AsRef<Path>) -> Result<T, ClusterError> {
        self.map_err(|source| ClusterError::Io { action, path: path.as_ref().to_owned(), source })
    }
}
