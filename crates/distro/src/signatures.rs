//! Where the signatures of an artifact are: under a tag made from its digest, which older versions of
//! cosign write, and in manifests that refer to it, which newer ones do.

use flux_operator_api::Digest;
use flux_operator_signature::registry::{SIMPLE_SIGNING_MEDIA_TYPE, signature_tag};
use flux_operator_signature::{Material, SimpleSigning};

use crate::artifacts::{Origin, PullError};
use crate::manifest::Manifest;
use crate::reference::Version;
use crate::registry::{RegistryError, Session};

/// What the media types of bundles start with; their version follows.
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle";

/// A manifest that may hold signatures.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) digest: Digest,
    /// What it is found by.
    pub(crate) version: Version,
}

/// The manifests in a registry that may hold signatures of a digest.
///
/// Everything that refers to it counts: some registries list a bundle as something else.
pub(crate) async fn find(session: &Session, digest: &Digest) -> Result<Vec<Found>, RegistryError> {
    let tag = Version::Tag(signature_tag(digest));
    let mut found = match session.resolve(&tag).await {
        Ok(digest) => vec![Found { digest, version: tag }],
        Err(RegistryError::NotFound { .. }) => Vec::new(),
        Err(error) => return Err(error),
    };
    let referrers = session.referrers(digest).await?.into_iter().map(|referrer| referrer.digest);
    let referrers = referrers.map(|digest| Found { digest, version: Version::Digest(digest) });
    found.extend(referrers.take(Material::MAX_COUNT));
    Ok(found)
}

/// The signatures of a digest, not yet believed.
pub(crate) async fn fetch(origin: &Origin, name: &str, digest: &Digest) -> Result<Vec<Material>, PullError> {
    let mut materials = Vec::new();
    for found in origin.signatures(name, digest).await? {
        let raw = origin.manifest(name, found).await?;
        // What cannot be read as a signature is none.
        let Ok(Manifest::Image(image)) = Manifest::parse(raw.content.bytes(), raw.media_type.as_deref()) else {
            continue;
        };
        for layer in &image.layers {
            let is_bundle = layer.media_type.starts_with(BUNDLE);
            if !is_bundle && layer.media_type != SIMPLE_SIGNING_MEDIA_TYPE || materials.len() == Material::MAX_COUNT {
                continue;
            }
            let content = origin.blob(name, layer, Material::MAX_BYTES as u64).await?.bytes().to_vec();
            materials.push(if is_bundle {
                Material::Bundle(content)
            } else {
                Material::SimpleSigning(SimpleSigning::new(content, &layer.annotations))
            });
        }
    }
    Ok(materials)
}
