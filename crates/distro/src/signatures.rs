//! The signatures of an artifact, read for a policy.

use flux_operator_api::Digest;
use flux_operator_signature::registry::SIMPLE_SIGNING_MEDIA_TYPE;
use flux_operator_signature::{Material, SimpleSigning};

use crate::manifest::Manifest;
use crate::origin::{Origin, PullError};

/// What the media types of bundles start with; their version follows.
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle";

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
