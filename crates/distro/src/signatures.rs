//! Where the signatures of an artifact are.
//!
//! There are two places: a tag made from the digest, which older versions of cosign write, and
//! manifests that refer to the artifact, which newer ones do.

use flux_operator_api::Digest;

use crate::reference::Version;
use crate::registry::{RegistryError, Session};

/// What the media type of bundles starts with.
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle";
/// Signatures of one artifact that are looked at.
const MAX_SIGNATURES: usize = 16;

/// A manifest with a signature.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) digest: Digest,
    /// What it is found by.
    pub(crate) version: Version,
    /// What it is called in files.
    pub(crate) name: String,
}

/// The tag that has the signatures of a digest.
pub(crate) fn tag(digest: &Digest) -> String {
    format!("{}-{}.sig", Digest::ALGORITHM, digest.hex())
}

/// The manifests with signatures of a digest.
pub(crate) async fn find(session: &Session, digest: &Digest) -> Result<Vec<Found>, RegistryError> {
    let mut found = Vec::new();
    let tag = tag(digest);
    match session.resolve(&Version::Tag(tag.clone())).await {
        Ok(digest) => found.push(Found { digest, version: Version::Tag(tag.clone()), name: tag }),
        Err(RegistryError::NotFound { .. }) => {}
        Err(error) => return Err(error),
    }
    let referrers = session.referrers(digest).await?;
    let bundles = referrers.into_iter().filter(|referrer| {
        referrer.artifact_type.as_deref().is_some_and(|artifact_type| artifact_type.starts_with(BUNDLE))
    });
    found.extend(bundles.take(MAX_SIGNATURES).map(|referrer| Found {
        digest: referrer.digest,
        version: Version::Digest(referrer.digest),
        name: referrer.digest.to_string(),
    }));
    Ok(found)
}
