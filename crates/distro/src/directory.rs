//! A distribution in a folder.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use flux_operator_builder::{Release, ReleaseVersion};

use crate::text::first_bad_line;

/// What is read from a folder before it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Entries of one folder. Default 1,000; a Flux version has about ten files.
    pub max_entries: usize,
    /// Bytes of one file. Default 10 MiB; the largest file of Flux 2.9 has 100 KiB.
    pub max_file_bytes: u64,
}

/// A distribution in a folder.
///
/// Only what is asked for is read: the names of the versions, then the files of one version.
///
/// # Guarantees
/// No file outside of the folder is ever opened, whatever symbolic links it holds, and no more is
/// read than the [`Limits`] say.
///
/// ```no_run
/// use flux_operator_distro::Directory;
///
/// let distribution = Directory::open("testdata/distribution")?;
/// let versions = distribution.versions()?;
/// let release = distribution.release(&versions[0])?;
/// # Ok::<(), flux_operator_distro::DirectoryError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Directory {
    root: PathBuf,
    /// The root without links, which every file has to lie below.
    canonical: PathBuf,
    limits: Limits,
}

/// A folder that cannot be read as a distribution.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The folder or a file in it cannot be opened or read.
    #[error("cannot read `{}`", .path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The folder has no `flux` folder.
    #[error("`{}` is not a Flux distribution: it has no folder `flux` with a folder for each version", .path.display())]
    NotADistribution {
        /// The folder.
        path: PathBuf,
    },
    /// A symbolic link leads out of the distribution.
    #[error("`{}` is a link that leads out of the distribution", .path.display())]
    Escapes {
        /// The link.
        path: PathBuf,
    },
    /// A file has more bytes than [`Limits::max_file_bytes`].
    #[error("`{}` has more than {limit} bytes", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
    /// A folder has more entries than [`Limits::max_entries`].
    #[error("`{}` has more than {limit} entries", .path.display())]
    TooMany {
        /// The folder.
        path: PathBuf,
        /// The limit.
        limit: usize,
    },
    /// A file is not UTF-8.
    #[error("`{}`, line {line}: the file is not UTF-8", .path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// The line of the first byte that is not.
        line: usize,
    },
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_entries: 1_000, max_file_bytes: 10 << 20 }
    }
}

impl Directory {
    /// Opens a distribution with the default limits.
    ///
    /// # Errors
    /// The folder is not there, or has no folder `flux`.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, DirectoryError> {
        Self::open_with(root, Limits::default())
    }

    /// Opens a distribution.
    ///
    /// # Errors
    /// The folder is not there, or has no folder `flux`.
    pub fn open_with(root: impl Into<PathBuf>, limits: Limits) -> Result<Self, DirectoryError> {
        let root = root.into();
        let canonical = fs::canonicalize(&root).map_err(|source| unreadable(&root, source))?;
        let directory = Self { root, canonical, limits };
        if !directory.root.join("flux").is_dir() {
            return Err(DirectoryError::NotADistribution { path: directory.root });
        }
        Ok(directory)
    }

    /// The folder, as given.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The Flux versions of the distribution, oldest first. Folders whose names are no versions are
    /// left out.
    ///
    /// # Errors
    /// The folder `flux` cannot be listed.
    pub fn versions(&self) -> Result<Vec<ReleaseVersion>, DirectoryError> {
        let flux = self.root.join("flux");
        let mut versions = Vec::new();
        for name in self.entries(&flux)? {
            if let Ok(version) = name.parse::<ReleaseVersion>()
                && flux.join(&name).is_dir()
            {
                versions.push(version);
            }
        }
        versions.sort();
        Ok(versions)
    }

    /// Reads the files of one version. They are parsed later, when a build needs them.
    ///
    /// # Errors
    /// A file cannot be read, is too large or no text, or is a link to somewhere else.
    pub fn release(&self, version: &ReleaseVersion) -> Result<Release, DirectoryError> {
        let mut release = Release::new(version.clone());
        for (name, text) in self.yaml_files(&self.root.join("flux").join(version.as_str()))? {
            release = release.with_manifest(name, text);
        }
        let images = self.root.join("flux-images").join(version.as_str());
        if images.is_dir() {
            for (name, text) in self.yaml_files(&images)? {
                release = release.with_digests(name.strip_suffix(".yaml").unwrap_or(&name), text);
            }
        }
        Ok(release)
    }

    fn yaml_files(&self, folder: &Path) -> Result<Vec<(String, String)>, DirectoryError> {
        let names = self.entries(folder)?;
        names
            .into_iter()
            .filter(|name| name.strip_suffix(".yaml").is_some())
            .map(|name| self.read(&folder.join(&name)).map(|text| (name, text)))
            .collect()
    }

    /// The names in a folder that are UTF-8, sorted.
    fn entries(&self, folder: &Path) -> Result<Vec<String>, DirectoryError> {
        self.check_inside(folder)?;
        let mut names = Vec::new();
        for entry in fs::read_dir(folder).map_err(|source| unreadable(folder, source))? {
            let entry = entry.map_err(|source| unreadable(folder, source))?;
            if names.len() == self.limits.max_entries {
                return Err(DirectoryError::TooMany { path: folder.to_owned(), limit: self.limits.max_entries });
            }
            names.extend(entry.file_name().into_string());
        }
        names.sort();
        Ok(names)
    }

    fn read(&self, path: &Path) -> Result<String, DirectoryError> {
        self.check_inside(path)?;
        let limit = self.limits.max_file_bytes;
        // A pipe or a device would wait for somebody to write to it.
        if !path.is_file() {
            return Err(unreadable(path, io::Error::other("not a file")));
        }
        let file = fs::File::open(path).map_err(|source| unreadable(path, source))?;
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes).map_err(|source| unreadable(path, source))?;
        if bytes.len() as u64 > limit {
            return Err(DirectoryError::TooLarge { path: path.to_owned(), limit });
        }
        String::from_utf8(bytes)
            .map_err(|error| DirectoryError::NotText { path: path.to_owned(), line: first_bad_line(&error) })
    }

    fn check_inside(&self, path: &Path) -> Result<(), DirectoryError> {
        let canonical = fs::canonicalize(path).map_err(|source| unreadable(path, source))?;
        if canonical.starts_with(&self.canonical) {
            Ok(())
        } else {
            Err(DirectoryError::Escapes { path: path.to_owned() })
        }
    }
}

fn unreadable(path: &Path, source: io::Error) -> DirectoryError {
    DirectoryError::Unreadable { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn distribution(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("flux")).unwrap();
        for (name, content) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        root
    }

    fn version(name: &str) -> ReleaseVersion {
        name.parse().unwrap()
    }

    #[test]
    fn lists_folders_that_are_versions() {
        let root = distribution(&[
            ("flux/v2.10.0/a.yaml", b""),
            ("flux/v2.9.4/a.yaml", b""),
            ("flux/next/a.yaml", b""),
            ("flux/v2.8.0", b"a file"),
        ]);
        let versions = Directory::open(root.path()).unwrap().versions().unwrap();
        assert_eq!(versions, [version("v2.9.4"), version("v2.10.0")]);
    }

    #[test]
    fn a_version_without_digests_is_a_release() {
        let root = distribution(&[("flux/v2.9.4/policies.yaml", b"apiVersion: v1\nkind: A\nmetadata: {name: a}\n")]);
        let release = Directory::open(root.path()).unwrap().release(&version("v2.9.4")).unwrap();
        assert_eq!(release.objects("policies.yaml").unwrap().len(), 1);
    }

    #[test]
    fn refuses_what_is_no_distribution() {
        let root = tempfile::tempdir().unwrap();
        assert!(matches!(Directory::open(root.path()), Err(DirectoryError::NotADistribution { .. })));
        assert!(matches!(Directory::open(root.path().join("no")), Err(DirectoryError::Unreadable { .. })));
    }

    #[test]
    fn links_may_stay_inside_but_not_lead_out() {
        let root = distribution(&[("flux/v2.9.4/a.yaml", b"")]);
        symlink("a.yaml", root.path().join("flux/v2.9.4/b.yaml")).unwrap();
        let directory = Directory::open(root.path()).unwrap();
        assert!(directory.release(&version("v2.9.4")).is_ok());

        symlink("/etc/hostname", root.path().join("flux/v2.9.4/c.yaml")).unwrap();
        assert!(matches!(directory.release(&version("v2.9.4")), Err(DirectoryError::Escapes { .. })));

        let elsewhere = tempfile::tempdir().unwrap();
        symlink(elsewhere.path(), root.path().join("flux/v2.9.5")).unwrap();
        assert!(matches!(directory.release(&version("v2.9.5")), Err(DirectoryError::Escapes { .. })));
    }

    #[test]
    fn limits_hold() {
        let root = distribution(&[("flux/v2.9.4/a.yaml", b"0123456789"), ("flux/v2.9.4/b.yaml", b"")]);
        let open = |limits| Directory::open_with(root.path(), limits).unwrap().release(&version("v2.9.4"));
        assert!(open(Limits { max_file_bytes: 10, ..Limits::default() }).is_ok());
        let error = open(Limits { max_file_bytes: 9, ..Limits::default() }).unwrap_err();
        assert!(matches!(error, DirectoryError::TooLarge { limit: 9, .. }));
        let error = open(Limits { max_entries: 1, ..Limits::default() }).unwrap_err();
        assert!(matches!(error, DirectoryError::TooMany { limit: 1, .. }));
    }

    #[test]
    fn a_file_that_is_no_text_is_named_with_its_line() {
        let root = distribution(&[("flux/v2.9.4/a.yaml", b"a: 1\nb: \xff\n")]);
        let error = Directory::open(root.path()).unwrap().release(&version("v2.9.4")).unwrap_err();
        assert!(error.to_string().ends_with("flux/v2.9.4/a.yaml`, line 2: the file is not UTF-8"), "{error}");
    }
}
