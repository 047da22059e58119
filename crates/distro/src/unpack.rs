//! A distribution as a folder, for images and for people who want to look.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::archive::ArchiveError;
use crate::artifact::Artifact;

/// A folder that was not written.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// There is something in it.
    #[error("`{}` is not empty", .0.display())]
    NotEmpty(PathBuf),
    /// A file or folder cannot be written.
    #[error("cannot write `{}`", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The archive cannot be read.
    #[error("cannot unpack the artifact")]
    Archive(#[source] ArchiveError),
}

impl Artifact {
    /// Writes the files into a folder that is empty or not there: all of them, or nothing.
    ///
    /// Names were checked when the archive was opened: none leads out of the folder.
    ///
    /// # Errors
    /// The folder has something in it, or cannot be written.
    pub fn unpack(&self, folder: &Path) -> Result<(), UnpackError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| UnpackError::File { path, source }
        };
        if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(UnpackError::NotEmpty(folder.to_owned()));
        }
        let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(failed(parent))?;
        let staging = tempfile::Builder::new().prefix(".unpack-").tempdir_in(parent).map_err(failed(parent))?;
        let root = staging.path().join("distribution");
        fs::create_dir(&root).map_err(failed(&root))?;
        for (name, bytes) in self.archive().files(|_| true).map_err(UnpackError::Archive)? {
            let path = root.join(name);
            if let Some(above) = path.parent() {
                fs::create_dir_all(above).map_err(failed(above))?;
            }
            fs::write(&path, bytes).map_err(failed(&path))?;
        }
        // Replaces an empty folder, and nothing else.
        fs::rename(&root, folder).map_err(failed(folder))
    }
}
