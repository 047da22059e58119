//! The files of an archive, read under limits and never unpacked.
//!
//! A layer of an artifact is a tar archive, usually compressed. [`Archive::open`] reads all of it
//! once, keeps no content and refuses what breaks a limit or a rule; [`Archive::files`] then reads
//! the files that somebody asks for. Nothing is written anywhere, so a name that leads out of a
//! folder has no folder to lead out of; such names are refused all the same, because an archive that
//! holds one was not made by somebody who means well.

mod compression;
mod entry;
mod limits;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use compression::{Compression, Opened};
use entry::Entries;
pub use limits::Limits;

/// An archive whose every byte was read once, and found to keep all [`Limits`] and rules:
///
/// - only regular files and folders: no links, devices, sparse files;
/// - names are UTF-8, relative, without `..`, `\` or control characters, and no two are equal;
/// - a compressed archive is one gzip member or one zstd frame, with a right checksum, and nothing
///   after it.
///
/// Clones share the bytes.
#[derive(Clone)]
pub struct Archive {
    bytes: Arc<[u8]>,
    compression: Compression,
    limits: Limits,
    /// Sizes of the files, by name.
    files: BTreeMap<String, u64>,
}

/// An archive that breaks a limit or a rule, or is damaged.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It is no tar archive, or its compression is damaged.
    #[error("the archive is damaged")]
    Damaged(#[source] io::Error),
    /// Bytes follow the end of the compressed data.
    #[error("the archive has {0} bytes after its end; it has to be one gzip member or one zstd frame")]
    Trailing(usize),
    /// It has more entries than [`Limits::max_entries`].
    #[error("the archive has more than {0} entries")]
    TooMany(usize),
    /// It unpacks to more than [`Limits::max_bytes`].
    #[error("the archive unpacks to more than {0} bytes")]
    TooLarge(u64),
    /// It unpacks to more than [`Limits::max_ratio`] times its size.
    #[error("the archive unpacks to more than {0} times its size")]
    Bomb(u64),
    /// A file has more bytes than [`Limits::max_file_bytes`].
    #[error("`{name}` in the archive has {size} bytes, more than {limit}")]
    FileTooLarge {
        /// The file.
        name: String,
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// A name breaks a rule.
    #[error("the archive has an entry `{name}`, {reason}")]
    Name {
        /// The name, with what cannot be shown replaced.
        name: String,
        /// Which rule.
        reason: &'static str,
    },
    /// An entry is neither a file nor a folder.
    #[error("`{name}` in the archive is {kind}, only files and folders are read")]
    Kind {
        /// The name.
        name: String,
        /// What it is.
        kind: &'static str,
    },
    /// Two entries have the same name.
    #[error("the archive has `{0}` twice")]
    Duplicate(String),
}

impl Archive {
    /// Reads an archive whose bytes were proven, with the default limits.
    ///
    /// gzip, zstd and plain tar are told apart by their first bytes.
    ///
    /// # Errors
    /// The archive breaks a limit or a rule. What is refused is refused while it is read, before
    /// memory is spent on it.
    pub fn open(bytes: impl Into<Arc<[u8]>>) -> Result<Self, ArchiveError> {
        Self::open_with(bytes, Limits::default())
    }

    /// Reads an archive whose bytes were proven.
    ///
    /// # Errors
    /// The archive breaks a limit or a rule.
    pub fn open_with(bytes: impl Into<Arc<[u8]>>, limits: Limits) -> Result<Self, ArchiveError> {
        let bytes = bytes.into();
        let compression = Compression::of(&bytes);
        let mut archive = Self { bytes, compression, limits, files: BTreeMap::new() };
        let mut files = BTreeMap::new();
        archive.each_file(|name, size, _| {
            files.insert(name, size);
            Ok(())
        })?;
        archive.files = files;
        Ok(archive)
    }

    /// The names of all files and their sizes in bytes, sorted by name.
    pub fn names(&self) -> impl Iterator<Item = (&str, u64)> {
        self.files.iter().map(|(name, size)| (name.as_str(), *size))
    }

    /// The content of the files that are wanted.
    ///
    /// # Errors
    /// None that [`Archive::open`] would not have found.
    pub fn files(&self, is_wanted: impl Fn(&str) -> bool) -> Result<BTreeMap<String, Vec<u8>>, ArchiveError> {
        let mut wanted = BTreeMap::new();
        self.each_file(|name, size, content| {
            if is_wanted(&name) {
                // The size was compared with the limits.
                let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
                content.read_to_end(&mut bytes)?;
                wanted.insert(name, bytes);
            }
            Ok(())
        })?;
        Ok(wanted)
    }

    /// Walks over the whole archive, to its last byte.
    fn each_file(
        &self,
        mut visit: impl FnMut(String, u64, &mut dyn io::Read) -> io::Result<()>,
    ) -> Result<(), ArchiveError> {
        let mut opened = Opened::new(&self.bytes, self.compression, &self.limits)?;
        let walked = Entries::new(&self.limits).walk(&mut opened, &mut visit);
        // A limit shows as a read error inside of tar, which knows nothing about limits.
        if let Some(broken) = opened.broken() {
            return Err(broken);
        }
        walked?;
        opened.finish()
    }
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive")
            .field("bytes", &self.bytes.len())
            .field("files", &self.files.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
