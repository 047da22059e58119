//! Moving files into place in a way that can be taken back.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Files that are being moved into place.
///
/// Unless it is told to [`keep`](Self::keep) them, dropping it brings back what was there before.
#[derive(Debug)]
pub(super) struct Publishing<'a> {
    /// Where the old files stay in the meantime.
    attic: &'a Path,
    /// The files in their places, each with what it replaced.
    done: Vec<(PathBuf, Option<PathBuf>)>,
}

impl<'a> Publishing<'a> {
    pub(super) fn new(attic: &'a Path) -> Self {
        Self { attic, done: Vec::new() }
    }

    /// Moves a file into its place. At every moment there is either the old file or the new one.
    pub(super) fn replace(&mut self, staged: &Path, target: &Path) -> io::Result<()> {
        let old = if fs::symlink_metadata(target).is_ok() { Some(self.save(target)?) } else { None };
        fs::rename(staged, target)?;
        self.done.push((target.to_owned(), old));
        Ok(())
    }

    /// Keeps the new files.
    pub(super) fn keep(mut self) {
        self.done.clear();
    }

    fn save(&self, target: &Path) -> io::Result<PathBuf> {
        let old = self.attic.join(format!("{}.old", self.done.len()));
        // Not every file system knows hard links.
        fs::hard_link(target, &old).or_else(|_| fs::copy(target, &old).map(drop))?;
        Ok(old)
    }
}

impl Drop for Publishing<'_> {
    fn drop(&mut self) {
        for (target, old) in self.done.drain(..).rev() {
            // What fails here was possible a moment ago; there is nothing else to try.
            let _ = match old {
                Some(old) => fs::rename(old, target),
                None => fs::remove_file(target),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_that_fails_takes_the_others_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("attic")).unwrap();
        for (name, text) in [("old", "before"), ("0", "after"), ("1", "new")] {
            fs::write(path(name), text).unwrap();
        }

        let attic = path("attic");
        let mut publishing = Publishing::new(&attic);
        publishing.replace(&path("0"), &path("old")).unwrap();
        publishing.replace(&path("1"), &path("new")).unwrap();
        assert_eq!(fs::read_to_string(path("old")).unwrap(), "after");
        publishing.replace(&path("2"), &path("never")).unwrap_err();
        drop(publishing);

        assert_eq!(fs::read_to_string(path("old")).unwrap(), "before");
        assert!(!path("new").exists());
    }
}
