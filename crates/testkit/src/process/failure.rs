//! What can go wrong with any program, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// Why a program cannot be had or run.
///
/// Each text ends in what to do next. The logs that a text names are kept.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// A program has to be built, and Go is not there. Goes away when Go is installed.
    #[error("`{what}` has to be built, and there is no `go` on the path: install Go")]
    NoGo {
        /// The program.
        what: &'static str,
    },
    /// There is no place for programs. Only where the user has no home.
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
pub(crate) trait During<T> {
    /// `action` reads like `write`.
    fn during(self, action: &'static str, path: impl AsRef<Path>) -> Result<T, ProgramError>;
}

impl<T> During<T> for io::Result<T> {
    fn during(self, action: &'static str, path: impl AsRef<Path>) -> Result<T, ProgramError> {
        self.map_err(|source| ProgramError::Io { action, path: path.as_ref().to_owned(), source })
    }
}
