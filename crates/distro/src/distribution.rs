//! A distribution, wherever it is.

use std::path::PathBuf;
use std::str::FromStr;

use flux_operator_api::Digest;
use flux_operator_builder::{Release, ReleaseVersion};

use crate::artifact::{Artifact, ArtifactError};
use crate::artifacts::Artifacts;
use crate::credentials::Credentials;
use crate::directory::{Directory, DirectoryError};
use crate::origin::PullError;
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

/// A distribution that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DistributionError {
    /// It is a folder.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// It could not be had.
    #[error(transparent)]
    Pull(#[from] PullError),
    /// It is an artifact.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
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
            Self::Artifact(artifact) => artifact.name().to_owned(),
        }
    }

    /// The digest of the artifact; a folder has none.
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::Directory(_) => None,
            Self::Artifact(artifact) => Some(artifact.digest()),
        }
    }

    /// The Flux versions, oldest first. Folders whose names are no versions are left out.
    ///
    /// # Errors
    /// It is no distribution.
    pub fn versions(&self) -> Result<Vec<ReleaseVersion>, DistributionError> {
        match self {
            Self::Directory(directory) => Ok(directory.versions()?),
            Self::Artifact(artifact) => Ok(artifact.versions()?),
        }
    }

    /// Reads the files of one version. They are parsed later, when a build needs them.
    ///
    /// # Errors
    /// A file cannot be read or is no text.
    pub fn release(&self, version: &ReleaseVersion) -> Result<Release, DistributionError> {
        match self {
            Self::Directory(directory) => Ok(directory.release(version)?),
            Self::Artifact(artifact) => Ok(artifact.release(version)?),
        }
    }
}
