//! Where the parts of an artifact come from, and why they could not be had.

use std::sync::Arc;

use flux_operator_api::Digest;
use flux_operator_signature::{Material, VerifyError};

use crate::archive::ArchiveError;
use crate::content::Content;
use crate::credentials::AmbientError;
use crate::layout::{Layout, LayoutError};
use crate::manifest::{Descriptor, ManifestError};
use crate::reference::Version;
use crate::registry::{RawManifest, RegistryError, Session};

/// An artifact that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The registry did not give it.
    #[error("cannot pull `{reference}`")]
    Registry {
        /// The artifact.
        reference: String,
        /// Why.
        #[source]
        source: RegistryError,
    },
    /// Its manifest is not one of a distribution.
    #[error("`{reference}` is no distribution")]
    Manifest {
        /// The artifact.
        reference: String,
        /// Why.
        #[source]
        source: ManifestError,
    },
    /// Its layer is not one of a distribution.
    #[error("`{reference}` is no distribution")]
    Archive {
        /// The artifact.
        reference: String,
        /// Why.
        #[source]
        source: ArchiveError,
    },
    /// Nobody who is trusted signed it.
    #[error("`{reference}` is not trusted")]
    Signature {
        /// The artifact.
        reference: String,
        /// Why.
        #[source]
        source: VerifyError,
    },
    /// The cloud does not say who we are.
    #[error("no credentials for `{reference}` from the cloud that this runs in")]
    Identity {
        /// The artifact.
        reference: String,
        /// Why.
        #[source]
        source: AmbientError,
    },
    /// The file is none, or damaged.
    #[error(transparent)]
    Layout(#[from] LayoutError),
}

/// A place with manifests and blobs.
pub(crate) enum Origin {
    Registry(Arc<Session>),
    Layout(Layout),
}

impl PullError {
    /// Whether a registry would perhaps give it to somebody with credentials.
    pub fn wants_credentials(&self) -> bool {
        matches!(self, Self::Registry { source: RegistryError::NoCredentials { .. }, .. })
    }
}

impl Origin {
    pub(crate) async fn manifest(&self, name: &str, digest: Digest) -> Result<RawManifest, PullError> {
        match self {
            Self::Registry(session) => {
                let pulled = session.manifest(&Version::Digest(digest)).await;
                pulled.map_err(|source| PullError::Registry { reference: name.to_owned(), source })
            }
            Self::Layout(layout) => Ok(RawManifest { content: layout.content(&digest)?, media_type: None }),
        }
    }

    /// The digests of manifests that may hold signatures.
    pub(crate) async fn signatures(&self, name: &str, digest: &Digest) -> Result<Vec<Digest>, PullError> {
        match self {
            Self::Registry(session) => {
                let found = session.signatures(digest).await;
                let found = found.map_err(|source| PullError::Registry { reference: name.to_owned(), source })?;
                Ok(found.into_iter().map(|found| found.digest).collect())
            }
            Self::Layout(layout) => {
                let others = layout.manifests().iter().map(|manifest| manifest.digest);
                Ok(others.filter(|other| other != digest).take(Material::MAX_COUNT).collect())
            }
        }
    }

    pub(crate) async fn blob(&self, name: &str, descriptor: &Descriptor, limit: u64) -> Result<Content, PullError> {
        match self {
            Self::Registry(session) => {
                let pulled = session.blob(descriptor, limit).await;
                pulled.map_err(|source| PullError::Registry { reference: name.to_owned(), source })
            }
            Self::Layout(layout) => Ok(layout.content(&descriptor.digest)?),
        }
    }
}
