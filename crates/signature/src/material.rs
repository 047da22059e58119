//! Signatures as a registry has them, not yet believed.

use std::collections::BTreeMap;

use crate::registry::{CERTIFICATE_ANNOTATION, LOG_ENTRY_ANNOTATION, SIGNATURE_ANNOTATION};

/// A signature as it was fetched. Nothing of it is checked before
/// [`Policy::verify`](crate::Policy::verify).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Material {
    /// A Sigstore bundle, as JSON: the layer of a referrer with the artifact type
    /// [`BUNDLE_MEDIA_TYPE`](crate::registry::BUNDLE_MEDIA_TYPE).
    Bundle(Vec<u8>),
    /// A layer of the manifest with the tag [`signature_tag`](crate::registry::signature_tag).
    SimpleSigning(SimpleSigning),
}

/// A signature of the tag scheme: a layer with what is signed, and annotations with the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SimpleSigning {
    /// The content of the layer: which artifact is signed.
    pub payload: Vec<u8>,
    /// The signature, in Base64.
    pub signature: String,
    /// The certificate of a keyless signature, in PEM.
    pub certificate: Option<String>,
    /// The entry of the transparency log, as JSON.
    pub log_entry: Option<String>,
}

impl SimpleSigning {
    /// Puts together a layer and its annotations. What is missing becomes empty and is told when the
    /// signature is verified.
    pub fn new(payload: Vec<u8>, annotations: &BTreeMap<String, String>) -> Self {
        let annotation = |name: &str| annotations.get(name).filter(|value| !value.is_empty()).cloned();
        Self {
            payload,
            signature: annotation(SIGNATURE_ANNOTATION).unwrap_or_default(),
            certificate: annotation(CERTIFICATE_ANNOTATION),
            log_entry: annotation(LOG_ENTRY_ANNOTATION),
        }
    }
}

impl Material {
    /// Larger signatures are refused unread. A real one has some 10 KiB.
    pub const MAX_BYTES: usize = 4 * 1024 * 1024;

    /// How many signatures of one artifact are looked at.
    pub const MAX_COUNT: usize = 64;

    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Bundle(bundle) => bundle.len(),
            Self::SimpleSigning(layer) => [
                layer.payload.len(),
                layer.signature.len(),
                layer.certificate.as_ref().map_or(0, String::len),
                layer.log_entry.as_ref().map_or(0, String::len),
            ]
            .into_iter()
            .fold(0, usize::saturating_add),
        }
    }

    pub(crate) fn scheme(&self) -> &'static str {
        match self {
            Self::Bundle(_) => "bundle",
            Self::SimpleSigning(_) => "tag scheme",
        }
    }
}
