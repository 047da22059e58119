//! Artifacts as registries keep them: a manifest, and the blobs that it names.

use flux_operator_api::Digest;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The media type of a manifest.
pub const IMAGE_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// The media type of an index.
pub const IMAGE_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// The media type of a configuration that says nothing.
pub const EMPTY_CONFIG: &str = "application/vnd.oci.empty.v1+json";

/// The media type that `flux push artifact` gives to layers.
pub const FLUX_LAYER: &str = "application/vnd.cncf.flux.content.v1.tar+gzip";

/// One blob of an artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// What the manifest says it is.
    pub media_type: String,
    /// All of it.
    pub bytes: Vec<u8>,
}

/// A manifest with all of its blobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// What the registry is told it is.
    pub media_type: String,
    /// The manifest as it is stored. Change it to have one that does not fit.
    pub manifest: Vec<u8>,
    /// The configuration, and after it the layers.
    pub blobs: Vec<Vec<u8>>,
}

impl Artifact {
    /// The digest of the manifest.
    pub fn digest(&self) -> Digest {
        digest(&self.manifest)
    }

    /// The digest of the first layer; without layers, that of the configuration.
    pub fn layer_digest(&self) -> Digest {
        digest(self.blobs.get(1).or(self.blobs.first()).map_or(&[], Vec::as_slice))
    }

    /// The entry for it in an index.
    pub fn descriptor(&self) -> Value {
        descriptor(&self.media_type, &self.manifest)
    }

    /// The same with another member of the manifest, like `annotations`, `subject` or `artifactType`.
    ///
    /// # Panics
    /// If the manifest is no JSON object.
    #[must_use]
    #[expect(clippy::expect_used, reason = "this is how a test fails")]
    pub fn with(mut self, member: &str, value: Value) -> Self {
        let mut manifest: Value = serde_json::from_slice(&self.manifest).expect("a manifest in JSON");
        manifest.as_object_mut().expect("an object").insert(member.to_owned(), value);
        self.manifest = manifest.to_string().into_bytes();
        self
    }
}

/// The digest of some bytes.
pub fn digest(bytes: &[u8]) -> Digest {
    Digest::new(Sha256::digest(bytes).into())
}

/// An artifact with one layer and an empty configuration.
pub fn artifact(layer: &[u8], media_type: &str) -> Artifact {
    let layer = Layer { media_type: media_type.to_owned(), bytes: layer.to_vec() };
    manifest_of((EMPTY_CONFIG, b"{}"), &[layer])
}

/// An artifact with a configuration, given by media type and content, and any number of layers.
pub fn manifest_of((config_type, config): (&str, &[u8]), layers: &[Layer]) -> Artifact {
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": IMAGE_MANIFEST,
        "config": descriptor(config_type, config),
        "layers": layers.iter().map(|layer| descriptor(&layer.media_type, &layer.bytes)).collect::<Vec<_>>(),
    });
    let mut blobs = vec![config.to_vec()];
    blobs.extend(layers.iter().map(|layer| layer.bytes.clone()));
    Artifact { media_type: IMAGE_MANIFEST.to_owned(), manifest: manifest.to_string().into_bytes(), blobs }
}

/// An index of artifacts, each with a platform like `linux/amd64` or without. It has no blobs of its own; push what it
/// names first.
///
/// # Panics
/// If a platform is not of this form.
#[expect(clippy::expect_used, reason = "this is how a test fails")]
pub fn index_of(entries: &[(&Artifact, Option<&str>)]) -> Artifact {
    let entry = |(artifact, platform): &(&Artifact, Option<&str>)| {
        let mut entry = artifact.descriptor();
        if let Some(platform) = platform {
            let (os, architecture) = platform.split_once('/').expect("a platform like `linux/amd64`");
            let platform = json!({"os": os, "architecture": architecture});
            entry.as_object_mut().expect("an object").insert("platform".to_owned(), platform);
        }
        entry
    };
    let index = json!({
        "schemaVersion": 2,
        "mediaType": IMAGE_INDEX,
        "manifests": entries.iter().map(entry).collect::<Vec<_>>(),
    });
    Artifact { media_type: IMAGE_INDEX.to_owned(), manifest: index.to_string().into_bytes(), blobs: Vec::new() }
}

/// How one document names another.
pub(super) fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": digest(bytes).to_string(), "size": bytes.len()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_it_holds() {
        let artifact = artifact(b"layer", "application/x").with("annotations", json!({"a": "b"}));
        let manifest: Value = serde_json::from_slice(&artifact.manifest).unwrap();
        assert_eq!(manifest["layers"][0]["digest"], artifact.layer_digest().to_string());
        assert_eq!(manifest["config"]["digest"], digest(&artifact.blobs[0]).to_string());
        assert_eq!(manifest["annotations"]["a"], "b");

        let index = index_of(&[(&artifact, Some("linux/amd64")), (&artifact, None)]);
        let index: Value = serde_json::from_slice(&index.manifest).unwrap();
        assert_eq!(index["manifests"][0]["digest"], artifact.digest().to_string());
        assert_eq!(index["manifests"][0]["platform"]["architecture"], "amd64");
        assert_eq!(index["manifests"][1].get("platform"), None);
    }
}
