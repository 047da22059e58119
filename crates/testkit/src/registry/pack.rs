//! Archives for tests: the same bytes for the same files, on every machine.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

/// A gzipped tar archive with files in the given order, all of them regular, owned by nobody and dated 1970.
///
/// A name is written as it is given, so that an archive may have `../a` in it, or the same name twice.
///
/// # Panics
/// If a name is longer than a header can have, which is 100 bytes.
#[expect(clippy::expect_used, reason = "what is written to memory fails for names only, and this is how a test fails")]
pub fn pack(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        let field = header.as_old_mut().name.get_mut(..name.len()).expect("a name of at most 100 bytes");
        field.copy_from_slice(name.as_bytes());
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        header.set_cksum();
        archive.extend_from_slice(header.as_bytes());
        archive.extend_from_slice(content);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    gzip(&archive).expect("a place in memory")
}

/// A gzipped tar archive with the files below a folder, by their path in it and in the order of these.
///
/// # Errors
/// The folder cannot be read. What is neither file nor folder is left out.
pub fn pack_dir(folder: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let folder = folder.as_ref();
    let mut builder = tar::Builder::new(Vec::new());
    for path in files(folder)? {
        let content = fs::read(&path)?;
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, path.strip_prefix(folder).unwrap_or(&path), &*content)?;
    }
    gzip(&builder.into_inner()?)
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            match entry.file_type()? {
                kind if kind.is_dir() => folders.push(entry.path()),
                kind if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found.sort();
    Ok(found)
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    // Without a time and a name of a file, which is the default.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn unpack(archive: &[u8]) -> Vec<(String, String)> {
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(archive));
        let read = |entry: io::Result<tar::Entry<'_, _>>| {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            (entry.path().unwrap().to_string_lossy().into_owned(), text)
        };
        archive.entries().unwrap().map(read).collect()
    }

    fn files(files: &[(&str, &str)]) -> Vec<(String, String)> {
        files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn keeps_every_name() {
        let archive = pack(&[("b", b"1"), ("../a", b"2"), ("b", &[b'x'; 512]), ("/c", b"")]);
        assert_eq!(unpack(&archive), files(&[("b", "1"), ("../a", "2"), ("b", &"x".repeat(512)), ("/c", "")]));
    }

    #[test]
    fn packs_a_folder_always_alike() {
        let pack = |order: [&str; 3]| {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir(folder.path().join("b")).unwrap();
            for name in order {
                fs::write(folder.path().join(name), name).unwrap();
            }
            pack_dir(folder.path()).unwrap()
        };
        let archive = pack(["c", "b/a", "a"]);
        assert_eq!(unpack(&archive), files(&[("a", "a"), ("b/a", "b/a"), ("c", "c")]));
        assert_eq!(archive, pack(["a", "c", "b/a"]));
    }
}
