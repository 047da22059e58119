//! A distribution, wherever it is.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::str::FromStr;

use flux_operator_api::Digest;
use flux_operator_builder::{Release, ReleaseVersion};
use flux_operator_signature::Verified;

use crate::archive::{Archive, ArchiveError};
use crate::artifacts::{Artifacts, PullError};
use crate::credentials::Credentials;
use crate::directory::{Directory, DirectoryError};
use crate::reference::{Reference, ReferenceError, SCHEME};

/// Where a distribution is: what flags such as `--distribution` take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A folder, or a file made by `flux-operator distro bundle`.
    Path(PathBuf),
    /// An artifact in a registry: `oci://…`.
    Registry(Reference),
}

/// A distribution whose versions can be listed and read.
#[derive(Clone, Debug)]
pub enum Distribution {
    /// A folder.
    Directory(Directory),
    /// An artifact, from a registry or a file.
    Artifact(Artifact),
}

/// A distribution that came as an artifact: proven bytes, from which versions are read when asked for.
#[derive(Clone, Debug)]
pub struct Artifact {
    name: String,
    digest: Digest,
    archive: Archive,
    verified: Option<Verified>,
}

/// A distribution that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DistributionError {
    /// It is a folder.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// It could not be had.
    #[error(transparent)]
    Pull(#[from] PullError),
    /// An artifact has no folder `flux`.
    #[error("`{0}` is not a Flux distribution: it has no folder `flux` with a folder for each version")]
    NotADistribution(String),
    /// A file of an artifact is not UTF-8.
    #[error("`{path}` of `{name}`, line {line}: the file is not UTF-8")]
    NotText {
        /// The artifact.
        name: String,
        /// The file in it.
        path: String,
        /// The line of the first byte that is not.
        line: usize,
    },
    /// The archive of an artifact cannot be read.
    #[error("`{name}` cannot be read")]
    Archive {
        /// The artifact.
        name: String,
        /// Why.
        #[source]
        source: ArchiveError,
    },
}

impl FromStr for Location {
    type Err = ReferenceError;

    /// Everything that starts with `oci://` is a reference, everything else a path.
    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.starts_with(SCHEME) { text.parse().map(Self::Registry) } else { Ok(Self::Path(text.into())) }
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Registry(reference) => reference.fmt(f),
        }
    }
}

impl Distribution {
    /// Opens a distribution wherever it is.
    ///
    /// # Errors
    /// There is none, or the registry does not give it.
    pub async fn find(
        location: &Location,
        artifacts: &Artifacts,
        credentials: &Credentials,
    ) -> Result<Self, DistributionError> {
        match location {
            Location::Path(path) if path.is_file() => Ok(Self::Artifact(artifacts.open(path).await?)),
            Location::Path(path) => Ok(Self::Directory(Directory::open(path)?)),
            Location::Registry(reference) => Ok(Self::Artifact(artifacts.pull(reference, credentials).await?)),
        }
    }

    /// What it is called in messages.
    pub fn name(&self) -> String {
        match self {
            Self::Directory(directory) => directory.root().display().to_string(),
            Self::Artifact(artifact) => artifact.name.clone(),
        }
    }

    /// The digest of the artifact; a folder has none.
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::Directory(_) => None,
            Self::Artifact(artifact) => Some(artifact.digest),
        }
    }

    /// The Flux versions, oldest first. Folders whose names are no versions are left out.
    ///
    /// # Errors
    /// It is no distribution.
    pub fn versions(&self) -> Result<Vec<ReleaseVersion>, DistributionError> {
        match self {
            Self::Directory(directory) => Ok(directory.versions()?),
            Self::Artifact(artifact) => artifact.versions(),
        }
    }

    /// Reads the files of one version. They are parsed later, when a build needs them.
    ///
    /// # Errors
    /// A file cannot be read or is no text.
    pub fn release(&self, version: &ReleaseVersion) -> Result<Release, DistributionError> {
        match self {
            Self::Directory(directory) => Ok(directory.release(version)?),
            Self::Artifact(artifact) => artifact.release(version),
        }
    }
}

impl Artifact {
    pub(crate) fn new(name: String, digest: Digest, archive: Archive, verified: Option<Verified>) -> Self {
        Self { name, digest, archive, verified }
    }

    /// What it is called in messages: its reference, or the path of its file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who signed it, where a policy asked.
    pub fn verified(&self) -> Option<&Verified> {
        self.verified.as_ref()
    }

    /// The digest of what its reference names: of the manifest, or of the index.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Its files.
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    fn versions(&self) -> Result<Vec<ReleaseVersion>, DistributionError> {
        let folders = self.archive.names().filter_map(|(name, _)| name.strip_prefix("flux/")?.split_once('/'));
        let folders: BTreeSet<&str> = folders.map(|(folder, _)| folder).collect();
        if folders.is_empty() {
            return Err(DistributionError::NotADistribution(self.name.clone()));
        }
        let mut versions: Vec<ReleaseVersion> = folders.iter().filter_map(|folder| folder.parse().ok()).collect();
        versions.sort();
        Ok(versions)
    }

    fn release(&self, version: &ReleaseVersion) -> Result<Release, DistributionError> {
        let (manifests, digests) = (format!("flux/{version}/"), format!("flux-images/{version}/"));
        let file = |name: &str, folder: &str| {
            let name = name.strip_prefix(folder).filter(|name| !name.contains('/'))?;
            name.strip_suffix(".yaml").map(str::to_owned)
        };
        let files = self
            .archive
            .files(|name| file(name, &manifests).or_else(|| file(name, &digests)).is_some())
            .map_err(|source| DistributionError::Archive { name: self.name.clone(), source })?;
        let mut release = Release::new(version.clone());
        for (path, bytes) in files {
            let text = self.text(&path, bytes)?;
            if let Some(name) = file(&path, &manifests) {
                release = release.with_manifest(format!("{name}.yaml"), text);
            } else if let Some(variant) = file(&path, &digests) {
                release = release.with_digests(variant, text);
            }
        }
        Ok(release)
    }

    fn text(&self, path: &str, bytes: Vec<u8>) -> Result<String, DistributionError> {
        String::from_utf8(bytes).map_err(|error| DistributionError::NotText {
            name: self.name.clone(),
            path: path.to_owned(),
            line: first_bad_line(&error),
        })
    }
}

/// The line of the first byte that is not UTF-8.
pub(crate) fn first_bad_line(error: &std::string::FromUtf8Error) -> usize {
    let good = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
    1 + good.filter(|byte| **byte == b'\n').count()
}
