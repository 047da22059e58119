//! Files that flags name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A file that a flag names and that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{}`, which `{flag}` names", .path.display())]
pub struct FlagFileError {
    flag: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// Reads a file, whole.
pub(crate) fn read(flag: &'static str, path: &Path) -> Result<Vec<u8>, FlagFileError> {
    fs::read(path).map_err(|source| error(flag, path, source))
}

/// Reads a file, whole, that has to be text.
pub(crate) fn read_text(flag: &'static str, path: &Path) -> Result<String, FlagFileError> {
    fs::read_to_string(path).map_err(|source| error(flag, path, source))
}

fn error(flag: &'static str, path: &Path, source: io::Error) -> FlagFileError {
    FlagFileError { flag, path: path.to_owned(), source }
}
