//! What was pulled before, by digest.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use flux_operator_api::Digest;

use crate::content::Content;

/// Bytes that are kept. The oldest go first.
const MAX_BYTES: u64 = 256 << 20;
/// When a file that somebody began to write counts as left behind.
const ABANDONED: Duration = Duration::from_secs(3_600);
/// What files are called while they are written.
const UNFINISHED: &str = ".unfinished-";

/// A folder with proven content, a file for each digest: `sha256/<digest>`.
///
/// # Guarantees
/// A file appears under its name whole or not at all, also under two processes. What is read is
/// compared with its digest each time, so that whoever can write the folder can make the cache
/// useless and nothing else. The folder holds at most 256 MiB, and what was used last stays.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
    max_bytes: u64,
}

impl Cache {
    /// A cache in a folder, which is made when something is first kept.
    pub fn new(folder: impl AsRef<Path>) -> Self {
        Self { folder: folder.as_ref().join(Digest::ALGORITHM), max_bytes: MAX_BYTES }
    }

    /// The content with a digest, if it is there and undamaged.
    pub(crate) fn get(&self, digest: &Digest) -> Option<Content> {
        let path = self.folder.join(digest.hex());
        let bytes = fs::read(&path).ok()?;
        let Ok(content) = Content::expect(bytes, digest) else {
            tracing::warn!(path = %path.display(), "removing a damaged file from the cache of artifacts");
            // Somebody may have replaced it by a good one meanwhile, and then it is pulled once more.
            let _ = fs::remove_file(&path);
            return None;
        };
        // So that what is used is kept; a cache that cannot be written is still good for reading.
        let _ = fs::File::open(&path).and_then(|file| file.set_modified(SystemTime::now()));
        Some(content)
    }

    /// Keeps content.
    ///
    /// # Errors
    /// The folder cannot be written. Nothing is lost by that but time.
    pub(crate) fn put(&self, content: &Content) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&self.folder)?;
        file.write_all(content.bytes())?;
        file.persist(self.folder.join(content.digest().hex())).map_err(|error| error.error)?;
        self.evict(content.digest())
    }

    /// Removes the oldest files until the rest is small enough. `newest` stays.
    fn evict(&self, newest: &Digest) -> io::Result<()> {
        let now = SystemTime::now();
        let mut kept = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let Ok(metadata) = entry.metadata() else { continue };
            let modified = metadata.modified().unwrap_or(now);
            let name = entry.file_name();
            if name.to_string_lossy().starts_with(UNFINISHED) {
                if now.duration_since(modified).is_ok_and(|age| age > ABANDONED) {
                    let _ = fs::remove_file(entry.path());
                }
            } else if *name != *newest.hex() {
                kept.push((modified, metadata.len(), entry.path()));
            } else {
                kept.push((now + ABANDONED, metadata.len(), entry.path()));
            }
        }
        kept.sort_by(|(modified, ..), (other, ..)| other.cmp(modified));
        let mut total = 0;
        for (at, (_, bytes, path)) in kept.iter().enumerate() {
            total += bytes;
            if total > self.max_bytes && at > 0 {
                // Another process may have been quicker.
                let _ = fs::remove_file(path);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(max_bytes: u64) -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache { max_bytes, ..Cache::new(folder.path()) };
        (folder, cache)
    }

    fn names(cache: &Cache) -> Vec<String> {
        let entries = fs::read_dir(&cache.folder).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn gives_back_what_it_was_given() {
        let (_folder, cache) = cache(MAX_BYTES);
        let content = Content::of(b"a".to_vec());
        assert!(cache.get(content.digest()).is_none());
        cache.put(&content).unwrap();
        cache.put(&content).unwrap();
        assert_eq!(cache.get(content.digest()).unwrap().bytes(), content.bytes());
        assert_eq!(names(&cache), [content.digest().hex()]);
    }

    #[test]
    fn what_was_changed_is_not_believed() {
        let (_folder, cache) = cache(MAX_BYTES);
        let content = Content::of(b"a".to_vec());
        cache.put(&content).unwrap();
        fs::write(cache.folder.join(content.digest().hex()), b"b").unwrap();
        assert!(cache.get(content.digest()).is_none());
        assert!(names(&cache).is_empty());
    }

    #[test]
    fn the_oldest_go_first_and_the_newest_stays() {
        let (_folder, cache) = cache(10);
        let contents = [vec![1; 4], vec![2; 4], vec![3; 4], vec![4; 20]].map(Content::of);
        let age = |content: &Content, seconds| {
            let file = fs::File::open(cache.folder.join(content.digest().hex())).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
        };
        cache.put(&contents[0]).unwrap();
        age(&contents[0], 100);
        cache.put(&contents[1]).unwrap();
        age(&contents[1], 200);
        // Reading is use.
        cache.get(contents[1].digest()).unwrap();
        fs::write(cache.folder.join(".unfinished-x"), b"").unwrap();
        cache.put(&contents[2]).unwrap();
        assert!(cache.get(contents[0].digest()).is_none());
        assert!(cache.get(contents[1].digest()).is_some());
        cache.put(&contents[3]).unwrap();
        let mut expected = vec![".unfinished-x".to_owned(), contents[3].digest().hex()];
        expected.sort();
        assert_eq!(names(&cache), expected);
        let file = fs::File::open(cache.folder.join(".unfinished-x")).unwrap();
        file.set_modified(SystemTime::now() - 2 * ABANDONED).unwrap();
        cache.put(&contents[3]).unwrap();
        assert_eq!(names(&cache), [contents[3].digest().hex()]);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error_and_no_panic() {
        let cache = Cache::new("/proc/nowhere");
        assert!(cache.get(Content::of(b"a".to_vec()).digest()).is_none());
        assert!(cache.put(&Content::of(b"a".to_vec())).is_err());
    }
}
