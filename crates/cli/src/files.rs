//! Reading what users name: the one place that opens their files.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flux_operator_builder::yaml::Limits;

use crate::error::Advise;

/// The endings of the files that a directory is searched for.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// A file or folder that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("cannot be read")]
    Unreadable(#[source] io::Error),
    #[error("has more than {} MiB, which is more than is read", Limits::INPUT.max_bytes >> 20)]
    TooLarge,
    #[error("line {line} is not UTF-8")]
    NotText { line: usize },
}

impl Advise for FileError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Unreadable(error) => match error.kind() {
                io::ErrorKind::NotFound => "check the path of `--filename`, or use `-` for stdin",
                io::ErrorKind::PermissionDenied => "give yourself permission to read it",
                _ => return None,
            },
            Self::TooLarge => "split it into several files and name their directory",
            Self::NotText { .. } => "save it as UTF-8",
        };
        Some(hint.to_owned())
    }
}

/// Reads a file.
pub(crate) fn read(path: &Path) -> Result<String, FileError> {
    read_text(File::open(path).map_err(FileError::Unreadable)?)
}

/// Reads stdin to its end.
pub(crate) fn read_stdin() -> Result<String, FileError> {
    read_text(io::stdin().lock())
}

/// The YAML and JSON files of a folder and of the folders in it, sorted, and the folders that
/// cannot be listed.
///
/// Hidden entries are left out, and so are the folder `except` and links to folders, which may
/// lead in circles. Links to files are followed: that is how Kubernetes mounts a `ConfigMap`.
pub(crate) fn search(folder: &Path, except: Option<&Path>) -> (Vec<PathBuf>, Vec<(PathBuf, FileError)>) {
    let (mut files, mut failed) = (Vec::new(), Vec::new());
    visit(folder, except, &mut files, &mut failed);
    (files, failed)
}

fn visit(folder: &Path, except: Option<&Path>, files: &mut Vec<PathBuf>, failed: &mut Vec<(PathBuf, FileError)>) {
    let listed = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries = match listed {
        Ok(entries) => entries,
        Err(error) => {
            failed.push((folder.to_owned(), FileError::Unreadable(error)));
            return;
        }
    };
    entries.retain(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."));
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let is_except = except.is_some_and(|except| fs::canonicalize(&path).is_ok_and(|path| path == except));
            if !is_except {
                visit(&path, except, files, failed);
            }
        } else if has_known_ending(&path) && !path.is_dir() {
            files.push(path);
        }
    }
}

/// True for `*.yaml`, `*.yml` and `*.json`.
pub(crate) fn has_known_ending(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

fn read_text(source: impl Read) -> Result<String, FileError> {
    let limit = Limits::INPUT.max_bytes;
    let mut bytes = Vec::new();
    source.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(FileError::Unreadable)?;
    if bytes.len() > limit {
        return Err(FileError::TooLarge);
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
        FileError::NotText { line: 1 + good.filter(|byte| **byte == b'\n').count() }
    })
}
