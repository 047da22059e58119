//! `--output-dir`: one file an instance, all of them or none.
//!
//! Files are rendered into a hidden folder inside the directory, where they can be moved from
//! without copying. Only when the last one is complete do they move to their places, and when one
//! of them cannot, those before it go back to what they were.

mod names;
mod publish;

use std::error::Error as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

pub(crate) use names::assign;

use crate::error::Advise;
use publish::Publishing;

/// A directory that is about to get new files.
///
/// Dropping it removes everything that was made on the way, so that only [`Staging::publish`]
/// changes anything.
#[derive(Debug)]
pub(crate) struct Staging {
    root: PathBuf,
    // Dropped in this order: the hidden folder lies in the created ones.
    hidden: TempDir,
    created: Created,
}

/// Folders that are removed again unless they are kept.
#[derive(Debug, Default)]
struct Created(Vec<PathBuf>);

/// A directory that cannot be written to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    #[error("cannot create the directory `{}`", .path.display())]
    Create { path: PathBuf, source: io::Error },
    #[error("cannot write to the directory `{}`", .root.display())]
    Stage { root: PathBuf, source: io::Error },
    #[error("cannot write the file `{}`", .path.display())]
    Replace { path: PathBuf, source: io::Error },
    #[error("cannot write the file `{}`, it is a directory", .path.display())]
    IsDirectory { path: PathBuf },
}

impl Staging {
    /// Makes the directory ready to be written to; it is created if it is not there.
    pub(crate) fn open(root: &Path) -> Result<Self, OutputError> {
        let mut created = Created::default();
        created.make(root)?;
        let hidden = tempfile::Builder::new().prefix(".flux-operator-").tempdir_in(root);
        let hidden = hidden.map_err(|error| OutputError::Stage { root: root.to_owned(), source: plain(&error) })?;
        Ok(Self { root: root.to_owned(), hidden, created })
    }

    /// Writes the text of a file that is to be published. Files are told apart by number.
    pub(crate) fn write(&self, number: usize, text: &[u8]) -> Result<(), OutputError> {
        let written = fs::write(self.staged(number), text);
        written.map_err(|source| OutputError::Stage { root: self.root.clone(), source })
    }

    /// Moves every file to its path, from the directory.
    ///
    /// # Errors
    /// A file cannot be moved. Then the directory is what it was.
    pub(crate) fn publish(mut self, paths: &[PathBuf]) -> Result<(), OutputError> {
        for path in paths {
            let target = self.root.join(path);
            if target.is_dir() {
                return Err(OutputError::IsDirectory { path: target });
            }
            if let Some(folder) = target.parent() {
                self.created.make(folder)?;
            }
        }
        let mut publishing = Publishing::new(self.hidden.path());
        for (number, path) in paths.iter().enumerate() {
            let target = self.root.join(path);
            let replaced = publishing.replace(&self.staged(number), &target);
            replaced.map_err(|source| OutputError::Replace { path: target, source })?;
        }
        publishing.keep();
        self.created.0.clear();
        Ok(())
    }

    fn staged(&self, number: usize) -> PathBuf {
        self.hidden.path().join(number.to_string())
    }
}

impl Created {
    /// Creates a folder and those it lies in.
    fn make(&mut self, folder: &Path) -> Result<(), OutputError> {
        if folder.as_os_str().is_empty() || folder.is_dir() {
            return Ok(());
        }
        if let Some(above) = folder.parent() {
            self.make(above)?;
        }
        fs::create_dir(folder).map_err(|source| OutputError::Create { path: folder.to_owned(), source })?;
        self.0.push(folder.to_owned());
        Ok(())
    }
}

impl Drop for Created {
    fn drop(&mut self) {
        for folder in self.0.iter().rev() {
            // Somebody else may have put something into it.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// The error without the path that `tempfile` adds: a random name says nothing to anybody.
fn plain(error: &io::Error) -> io::Error {
    let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    match source.and_then(io::Error::raw_os_error) {
        Some(code) => io::Error::from_raw_os_error(code),
        None => error.kind().into(),
    }
}

impl Advise for OutputError {
    fn hint(&self) -> Option<String> {
        let source = match self {
            Self::Create { source, .. } | Self::Stage { source, .. } | Self::Replace { source, .. } => source,
            Self::IsDirectory { .. } => return Some("remove it, or choose another `--output-dir`".to_owned()),
        };
        let hint = match source.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                "a file is in the way, choose another `--output-dir`"
            }
            io::ErrorKind::StorageFull => "free some space; the files take up to 500 KiB an instance",
            _ => "choose an `--output-dir` that you may write to",
        };
        Some(hint.to_owned())
    }
}
