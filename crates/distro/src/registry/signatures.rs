//! Where the signatures of an artifact are: under a tag made from its digest, which older versions of
//! cosign write, and in manifests that refer to it, which newer ones do.

use flux_operator_api::Digest;
use flux_operator_signature::Material;
use flux_operator_signature::registry::signature_tag;

use super::error::RegistryError;
use super::session::Session;
use crate::reference::Version;

/// A manifest that may hold signatures.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) digest: Digest,
    /// What it is found by.
    pub(crate) version: Version,
}

impl Session {
    /// The manifests in a registry that may hold signatures of a digest.
    ///
    /// Everything that refers to it counts: some registries list a bundle as something else.
    pub(crate) async fn signatures(&self, digest: &Digest) -> Result<Vec<Found>, RegistryError> {
        let tag = Version::Tag(signature_tag(digest));
        let mut found = match self.resolve(&tag).await {
            Ok(digest) => vec![Found { digest, version: tag }],
            Err(RegistryError::NotFound { .. }) => Vec::new(),
            Err(error) => return Err(error),
        };
        let referrers = self.referrers(digest).await?.into_iter().map(|referrer| referrer.digest);
        let referrers = referrers.map(|digest| Found { digest, version: Version::Digest(digest) });
        found.extend(referrers.take(Material::MAX_COUNT));
        Ok(found)
    }
}
