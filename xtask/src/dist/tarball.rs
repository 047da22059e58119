//! Archives that depend on nothing but what is in them: no clock, no owner, no order of a file system.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use flate2::{Compression, GzBuilder};

/// A file or a folder of an archive.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    path: String,
    mode: u32,
    /// None of a folder.
    bytes: Option<Vec<u8>>,
}

impl Entry {
    pub(super) fn file(path: impl Into<String>, mode: u32, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), mode, bytes: Some(bytes.into()) }
    }

    pub(super) fn folder(path: impl Into<String>, mode: u32) -> Self {
        Self { path: path.into(), mode, bytes: None }
    }

    /// Writes it below a folder, with its mode.
    pub(super) fn write(&self, below: &Path) -> anyhow::Result<()> {
        let path = below.join(&self.path);
        let folder = if self.bytes.is_some() { path.parent().unwrap_or(below) } else { &path };
        let written = fs::create_dir_all(folder).and_then(|()| match &self.bytes {
            Some(bytes) => fs::write(&path, bytes),
            None => Ok(()),
        });
        let written = written.and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(self.mode)));
        written.with_context(|| format!("cannot write `{}`", path.display()))
    }
}

/// A tar archive, of entries in the order of their paths.
pub(super) fn pack(mut entries: Vec<Entry>) -> anyhow::Result<Vec<u8>> {
    entries.sort();
    let mut archive = tar::Builder::new(Vec::new());
    for entry in entries {
        let mut header = tar::Header::new_ustar();
        header.set_mode(entry.mode);
        let bytes = entry.bytes.unwrap_or_else(|| {
            header.set_entry_type(tar::EntryType::Directory);
            Vec::new()
        });
        header.set_size(bytes.len() as u64);
        let added = archive.append_data(&mut header, &entry.path, bytes.as_slice());
        added.with_context(|| format!("cannot pack `{}`", entry.path))?;
    }
    archive.into_inner().context("cannot pack an archive")
}

/// Compressed, without a name or a time.
pub(super) fn gzip(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).context("cannot compress an archive")
}

/// Everything in a folder, to be packed below a path.
pub(super) fn collect(folder: &Path, below: &str) -> anyhow::Result<Vec<Entry>> {
    let mut entries = vec![Entry::folder(format!("{below}/"), 0o755)];
    let reads = || format!("cannot read the folder `{}`", folder.display());
    for entry in fs::read_dir(folder).with_context(reads)? {
        let path = entry.with_context(reads)?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let name = format!("{below}/{}", name.with_context(|| format!("`{}` is no text", path.display()))?);
        if path.is_dir() {
            entries.extend(collect(&path, &name)?);
        } else {
            let bytes = fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
            entries.push(Entry::file(name, 0o644, bytes));
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_content_is_the_same_archive() {
        let entries = vec![Entry::file("b", 0o755, "b"), Entry::folder("a/", 0o755), Entry::file("a/c", 0o644, "c")];
        let mut reversed = entries.clone();
        reversed.reverse();
        let archive = pack(entries).unwrap();
        assert_eq!(archive, pack(reversed).unwrap());
        assert_eq!(gzip(&archive).unwrap(), gzip(&archive).unwrap());
        let mut archive = tar::Archive::new(archive.as_slice());
        let paths = archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string());
        assert_eq!(paths.collect::<Vec<_>>(), ["a/", "a/c", "b"]);
    }
}
