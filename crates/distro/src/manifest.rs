//! Manifests: which blobs an artifact is made of.
//!
//! OCI image manifests and indexes, and the formats of Docker that they were made from. The rules are
//! those of the OCI image specification, sections "Manifest" and "Image Index".

use std::collections::BTreeMap;

use flux_operator_api::Digest;
use serde::{Deserialize, Deserializer, Serialize};

/// Bytes of a manifest that is read. The distribution specification asks registries for 4 MiB.
pub(crate) const MAX_BYTES: u64 = 4 << 20;
/// Blobs or manifests that one manifest may list.
const MAX_DESCRIPTORS: usize = 1_000;

/// Media types that a manifest may have, as a registry is told.
pub(crate) const ACCEPT: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.list.v2+json";

/// The media type of an image of one platform, or of an artifact.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of an index: of images of several platforms.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// What a digest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manifest {
    /// An image or an artifact: a configuration and layers.
    Image(Image),
    /// One manifest for each platform.
    Index(Vec<Descriptor>),
}

/// A configuration and layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// What programs would want to know to run it. Artifacts often have an empty one.
    pub config: Option<Descriptor>,
    /// Archives, the lowest first.
    pub layers: Vec<Descriptor>,
}

/// One thing that a manifest lists.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is. Empty where nobody says.
    #[serde(default)]
    pub media_type: String,
    /// What all of its bytes are compared with.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// Whom a manifest in an index is for. `None` is for everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// What kind of artifact a manifest is, in an index of referrers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// What else is said about it.
    #[serde(default, deserialize_with = "null_is_none", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// What a manifest in an index is for, in the words of Go: `linux` and `amd64`.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub struct Platform {
    /// Of the processor.
    pub architecture: String,
    /// The operating system.
    pub os: String,
}

/// Bytes that are no manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// They are not JSON of the expected form.
    #[error("the manifest cannot be read")]
    Unreadable(#[source] serde_json::Error),
    /// They are a manifest of a kind that is not read.
    #[error("the manifest has the media type `{0}`, expected an OCI or Docker image manifest or index")]
    MediaType(String),
    /// They lack what the format demands.
    #[error("the manifest {0}")]
    Invalid(&'static str),
    /// An index has no manifest for the platform.
    #[error("the index has no manifest for linux/amd64")]
    NoPlatform,
    /// An index lists an index.
    #[error("the index lists another index for linux/amd64, expected an image manifest")]
    Nested,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    schema_version: u32,
    media_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
}

impl Manifest {
    /// Reads proven bytes.
    ///
    /// `content_type` is what the registry said they are; it counts where they do not say it
    /// themselves.
    ///
    /// # Errors
    /// They are not a manifest, or one of a kind that is not read.
    pub fn parse(bytes: &[u8], content_type: Option<&str>) -> Result<Self, ManifestError> {
        let wire: Wire = serde_json::from_slice(bytes).map_err(ManifestError::Unreadable)?;
        if wire.schema_version != 2 {
            return Err(ManifestError::Invalid("has no `schemaVersion` 2"));
        }
        let listed = wire.layers.as_ref().or(wire.manifests.as_ref()).map_or(0, Vec::len);
        if listed > MAX_DESCRIPTORS {
            return Err(ManifestError::Invalid("lists more than 1,000 blobs"));
        }
        let said = content_type.map(|text| text.split(';').next().unwrap_or_default().trim());
        let media_type = wire.media_type.as_deref().or(said).unwrap_or_default();
        match (wire.layers, wire.manifests) {
            (Some(_), Some(_)) => Err(ManifestError::Invalid("has both `layers` and `manifests`")),
            (Some(layers), None) if is_image(media_type) => Ok(Self::Image(Image { config: wire.config, layers })),
            (None, Some(manifests)) if is_index(media_type) => Ok(Self::Index(manifests)),
            (None, None) => Err(ManifestError::Invalid("has neither `layers` nor `manifests`")),
            _ => Err(ManifestError::MediaType(media_type.chars().take(100).collect())),
        }
    }

    /// What to call it in a registry: what it says itself or was called before, and otherwise what it is.
    pub(crate) fn media_type<'a>(&self, said: Option<&'a str>) -> &'a str {
        let fits = |said: &&str| match self {
            Self::Image(_) => matches!(*said, OCI_MANIFEST | DOCKER_MANIFEST),
            Self::Index(_) => matches!(*said, OCI_INDEX | DOCKER_LIST),
        };
        said.filter(fits).unwrap_or(match self {
            Self::Image(_) => OCI_MANIFEST,
            Self::Index(_) => OCI_INDEX,
        })
    }

    /// Everything it lists, in its order, the configuration first.
    pub fn descriptors(&self) -> Vec<&Descriptor> {
        match self {
            Self::Image(image) => image.config.iter().chain(&image.layers).collect(),
            Self::Index(manifests) => manifests.iter().collect(),
        }
    }
}

/// The manifest of an index that holds the files. Flux artifacts are the same for every platform, so
/// the usual one is taken; one that names no platform counts as that.
///
/// # Errors
/// No manifest is for that platform, or the one that is is an index itself.
pub fn choose(manifests: &[Descriptor]) -> Result<&Descriptor, ManifestError> {
    let fits = |descriptor: &&Descriptor| {
        descriptor.platform.as_ref().is_none_or(|platform| platform.os == "linux" && platform.architecture == "amd64")
    };
    let chosen = manifests.iter().find(fits).ok_or(ManifestError::NoPlatform)?;
    if matches!(chosen.media_type.as_str(), OCI_INDEX | DOCKER_LIST) { Err(ManifestError::Nested) } else { Ok(chosen) }
}

/// Programs in Go write `null` for a map that was never made.
fn null_is_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Absent in older OCI manifests; registries that know no better say that they are JSON.
fn is_unsaid(media_type: &str) -> bool {
    matches!(media_type, "" | "application/json" | "application/octet-stream" | "text/plain")
}

fn is_image(media_type: &str) -> bool {
    matches!(media_type, OCI_MANIFEST | DOCKER_MANIFEST) || is_unsaid(media_type)
}

fn is_index(media_type: &str) -> bool {
    matches!(media_type, OCI_INDEX | DOCKER_LIST) || is_unsaid(media_type)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn descriptor(media_type: &str) -> Value {
        json!({"mediaType": media_type, "digest": format!("sha256:{}", "a".repeat(64)), "size": 3})
    }

    fn parse(manifest: &Value, content_type: Option<&str>) -> Result<Manifest, String> {
        Manifest::parse(manifest.to_string().as_bytes(), content_type).map_err(|error| error.to_string())
    }

    #[test]
    fn oci_and_docker_call_the_same_things_by_other_names() {
        let layers = json!([descriptor("application/vnd.docker.image.rootfs.diff.tar.gzip")]);
        for (in_body, in_header) in [
            (Some(OCI_MANIFEST), None),
            (Some(DOCKER_MANIFEST), Some("text/html")),
            (None, Some(OCI_MANIFEST)),
            (None, Some("application/json; charset=utf-8")),
            (None, None),
        ] {
            let mut manifest = json!({"schemaVersion": 2, "layers": layers});
            if let Some(media_type) = in_body {
                manifest["mediaType"] = media_type.into();
            }
            assert!(matches!(parse(&manifest, in_header), Ok(Manifest::Image(image)) if image.layers.len() == 1));
        }
        for media_type in [OCI_INDEX, DOCKER_LIST] {
            let index = json!({"schemaVersion": 2, "mediaType": media_type, "manifests": [descriptor(OCI_MANIFEST)]});
            assert!(matches!(parse(&index, None), Ok(Manifest::Index(manifests)) if manifests.len() == 1));
        }
    }

    #[test]
    fn refuses_what_is_no_manifest() {
        let sha512 = format!("sha512:{}", "a".repeat(128));
        for (manifest, reason) in [
            (json!([]), "cannot be read"),
            (json!({"schemaVersion": 1, "layers": []}), "`schemaVersion` 2"),
            (json!({"schemaVersion": 2}), "neither `layers` nor `manifests`"),
            (json!({"schemaVersion": 2, "layers": [], "manifests": []}), "both `layers` and `manifests`"),
            (json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "layers": []}), "the media type"),
            (json!({"schemaVersion": 2, "mediaType": "text/html", "layers": []}), "`text/html`"),
            (json!({"schemaVersion": 2, "layers": [{"digest": sha512, "size": 1}]}), "cannot be read"),
            (json!({"schemaVersion": 2, "layers": [{"digest": "a", "size": -1}]}), "cannot be read"),
            (json!({"schemaVersion": 2, "layers": vec![descriptor(""); 1_001]}), "more than 1,000"),
        ] {
            let error = parse(&manifest, None).unwrap_err();
            assert!(error.contains(reason), "expected `{reason}`, got `{error}`");
        }
    }

    #[test]
    fn an_index_is_read_for_one_platform() {
        let of = |architecture: &str, os: &str| {
            let mut descriptor: Descriptor = serde_json::from_value(descriptor(OCI_MANIFEST)).unwrap();
            descriptor.platform = Some(Platform { architecture: architecture.to_owned(), os: os.to_owned() });
            descriptor
        };
        let anywhere: Descriptor = serde_json::from_value(descriptor(OCI_MANIFEST)).unwrap();
        let nested: Descriptor = serde_json::from_value(descriptor(OCI_INDEX)).unwrap();
        let (arm, amd, windows) = (of("arm64", "linux"), of("amd64", "linux"), of("amd64", "windows"));
        assert_eq!(choose(&[arm.clone(), windows.clone(), amd.clone()]).unwrap(), &amd);
        assert_eq!(choose(&[arm.clone(), anywhere.clone()]).unwrap(), &anywhere);
        assert!(matches!(choose(&[arm, windows]), Err(ManifestError::NoPlatform)));
        assert!(matches!(choose(&[nested]), Err(ManifestError::Nested)));
    }
}
