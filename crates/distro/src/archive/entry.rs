//! Which entries of a tar archive are files, and whether all of them may be there.

use std::collections::BTreeSet;
use std::io::{self, Read};

use tar::{EntryType, PaxExtensions};

use super::{ArchiveError, Limits};

/// Bytes of a header that gives the next entry a longer name or more attributes.
const MAX_HEADER_BYTES: u64 = 64 << 10;

/// A walk over the entries of an archive.
pub(super) struct Entries<'a> {
    limits: &'a Limits,
    seen: BTreeSet<String>,
    count: usize,
    /// The name that a header gave to the next entry.
    long_name: Option<Vec<u8>>,
}

impl<'a> Entries<'a> {
    pub(super) fn new(limits: &'a Limits) -> Self {
        Self { limits, seen: BTreeSet::new(), count: 0, long_name: None }
    }

    /// Shows every file to `visit`, by its name, size and content.
    ///
    /// Headers are read here and not by `tar`, which would keep a name of any length in memory and
    /// let one header overrule the size in the next.
    pub(super) fn walk(
        mut self,
        archive: &mut impl Read,
        visit: &mut dyn FnMut(String, u64, &mut dyn Read) -> io::Result<()>,
    ) -> Result<(), ArchiveError> {
        let mut archive = tar::Archive::new(archive);
        for entry in archive.entries().map_err(ArchiveError::Damaged)?.raw(true) {
            let mut entry = entry.map_err(ArchiveError::Damaged)?;
            self.count += 1;
            if self.count > self.limits.max_entries {
                return Err(ArchiveError::TooMany(self.limits.max_entries));
            }
            let kind = entry.header().entry_type();
            if is_header(kind) {
                let size = entry.size();
                if size > MAX_HEADER_BYTES {
                    let name = "header".to_owned();
                    return Err(ArchiveError::FileTooLarge { name, size, limit: MAX_HEADER_BYTES });
                }
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).map_err(ArchiveError::Damaged)?;
                self.header(kind, bytes)?;
                continue;
            }
            let raw = self.long_name.take().unwrap_or_else(|| entry.path_bytes().into_owned());
            let shown = || printable(&raw);
            let name = normalize(&raw, self.limits.max_depth)
                .map_err(|reason| ArchiveError::Name { name: shown(), reason })?;
            match kind {
                // The root itself is an entry of many archives.
                EntryType::Directory if name.is_empty() => continue,
                EntryType::Directory => {}
                EntryType::Regular | EntryType::Continuous => self.check_size(&name, entry.size())?,
                other => return Err(ArchiveError::Kind { name: shown(), kind: describe(other) }),
            }
            if name.is_empty() {
                return Err(ArchiveError::Name { name: shown(), reason: "which is no name for a file" });
            }
            if !self.seen.insert(name.clone()) {
                return Err(ArchiveError::Duplicate(name));
            }
            if kind != EntryType::Directory {
                let size = entry.size();
                visit(name, size, &mut entry).map_err(ArchiveError::Damaged)?;
            }
        }
        Ok(())
    }

    fn check_size(&self, name: &str, size: u64) -> Result<(), ArchiveError> {
        let limit = self.limits.max_file_bytes;
        if size > limit {
            return Err(ArchiveError::FileTooLarge { name: name.to_owned(), size, limit });
        }
        Ok(())
    }

    /// Reads what a header says about the next entry.
    fn header(&mut self, kind: EntryType, mut bytes: Vec<u8>) -> Result<(), ArchiveError> {
        match kind {
            EntryType::GNULongName => {
                while bytes.last() == Some(&0) {
                    bytes.pop();
                }
                self.long_name = Some(bytes);
            }
            EntryType::XHeader => {
                for extension in PaxExtensions::new(&bytes) {
                    let extension = extension.map_err(ArchiveError::Damaged)?;
                    match extension.key_bytes() {
                        b"path" => self.long_name = Some(extension.value_bytes().to_vec()),
                        // A second size would let two readers see two archives.
                        b"size" => return Err(odd_header("a size that overrules the entry's own")),
                        key if key.starts_with(b"GNU.sparse.") => return Err(odd_header("a sparse file")),
                        _ => {}
                    }
                }
            }
            // A global header says nothing about names or sizes that we would follow.
            _ => {}
        }
        Ok(())
    }
}

fn is_header(kind: EntryType) -> bool {
    matches!(kind, EntryType::GNULongName | EntryType::XHeader | EntryType::XGlobalHeader)
}

fn odd_header(kind: &'static str) -> ArchiveError {
    ArchiveError::Kind { name: "header".to_owned(), kind }
}

fn describe(kind: EntryType) -> &'static str {
    match kind {
        EntryType::Symlink => "a symbolic link",
        EntryType::Link => "a hard link",
        EntryType::Char | EntryType::Block => "a device",
        EntryType::Fifo => "a pipe",
        EntryType::GNUSparse => "a sparse file",
        EntryType::GNULongLink => "a link with a long name",
        _ => "of an unknown kind",
    }
}

/// The name without `.` and final slashes; empty for the root.
fn normalize(raw: &[u8], max_depth: usize) -> Result<String, &'static str> {
    let name = str::from_utf8(raw).map_err(|_| "which is not UTF-8")?;
    if name.starts_with('/') {
        return Err("which is absolute");
    }
    if name.contains('\\') || name.contains(char::is_control) {
        return Err("which has a backslash or a control character");
    }
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return Err("which leads out of the archive");
    }
    if parts.len() > max_depth {
        return Err("which is too deep");
    }
    Ok(parts.join("/"))
}

/// A name that a terminal can be trusted with.
fn printable(raw: &[u8]) -> String {
    let name = String::from_utf8_lossy(raw);
    name.chars().take(200).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
