//! A distribution that came as an artifact.

use std::collections::BTreeSet;

use flux_operator_api::Digest;
use flux_operator_builder::{Release, ReleaseVersion};
use flux_operator_signature::Verified;

use crate::archive::{Archive, ArchiveError};
use crate::text::first_bad_line;

/// A distribution that came as an artifact: proven bytes, from which versions are read when asked for.
#[derive(Clone, Debug)]
pub struct Artifact {
    name: String,
    digest: Digest,
    archive: Archive,
    verified: Option<Verified>,
}

/// An artifact that cannot be read as a distribution.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// It has no folder `flux`.
    #[error("`{0}` is not a Flux distribution: it has no folder `flux` with a folder for each version")]
    NotADistribution(String),
    /// One of its files is not UTF-8.
    #[error("`{path}` of `{name}`, line {line}: the file is not UTF-8")]
    NotText {
        /// The artifact.
        name: String,
        /// The file in it.
        path: String,
        /// The line of the first byte that is not.
        line: usize,
    },
    /// Its archive cannot be read.
    #[error("`{name}` cannot be read")]
    Archive {
        /// The artifact.
        name: String,
        /// Why.
        #[source]
        source: ArchiveError,
    },
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

    pub(crate) fn versions(&self) -> Result<Vec<ReleaseVersion>, ArtifactError> {
        let folders = self.archive.names().filter_map(|(name, _)| name.strip_prefix("flux/")?.split_once('/'));
        let folders: BTreeSet<&str> = folders.map(|(folder, _)| folder).collect();
        if folders.is_empty() {
            return Err(ArtifactError::NotADistribution(self.name.clone()));
        }
        let mut versions: Vec<ReleaseVersion> = folders.iter().filter_map(|folder| folder.parse().ok()).collect();
        versions.sort();
        Ok(versions)
    }

    pub(crate) fn release(&self, version: &ReleaseVersion) -> Result<Release, ArtifactError> {
        let (manifests, digests) = (format!("flux/{version}/"), format!("flux-images/{version}/"));
        let file = |name: &str, folder: &str| {
            let name = name.strip_prefix(folder).filter(|name| !name.contains('/'))?;
            name.strip_suffix(".yaml").map(str::to_owned)
        };
        let files = self
            .archive
            .files(|name| file(name, &manifests).or_else(|| file(name, &digests)).is_some())
            .map_err(|source| ArtifactError::Archive { name: self.name.clone(), source })?;
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

    fn text(&self, path: &str, bytes: Vec<u8>) -> Result<String, ArtifactError> {
        String::from_utf8(bytes).map_err(|error| ArtifactError::NotText {
            name: self.name.clone(),
            path: path.to_owned(),
            line: first_bad_line(&error),
        })
    }
}
