//! Where a registry keeps signatures: names for whoever fetches them.

use flux_operator_api::Digest;

/// The artifact type of a referrer that holds a bundle, and the media type of its one layer.
///
/// Go by the manifest of the referrer or its layer: some registries list another artifact type in
/// the index of referrers, that of the configuration.
pub const BUNDLE_MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// The annotation of such a referrer that tells what its bundle is about. It is not signed and only
/// good for leaving out what would be refused: a value other than [`SIGN_PREDICATE`].
pub const PREDICATE_ANNOTATION: &str = "dev.sigstore.bundle.predicateType";

/// The predicate of a bundle that is a signature, and no other statement about an artifact.
pub const SIGN_PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";

/// The media type of a layer that is a signature of the tag scheme.
pub const SIMPLE_SIGNING_MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// The annotation of such a layer with the signature.
pub const SIGNATURE_ANNOTATION: &str = "dev.cosignproject.cosign/signature";

/// The annotation of such a layer with the certificate of a keyless signature.
pub const CERTIFICATE_ANNOTATION: &str = "dev.sigstore.cosign/certificate";

/// The annotation of such a layer with the entry in the transparency log.
pub const LOG_ENTRY_ANNOTATION: &str = "dev.sigstore.cosign/bundle";

/// The tag, in the repository of the artifact, of the manifest whose layers are its signatures by the
/// tag scheme.
///
/// ```
/// use flux_operator_api::Digest;
/// use flux_operator_signature::registry;
///
/// let artifact = Digest::new([0xab; 32]);
/// assert_eq!(registry::signature_tag(&artifact), format!("sha256-{}.sig", "ab".repeat(32)));
/// ```
pub fn signature_tag(artifact: &Digest) -> String {
    format!("{}.sig", referrers_tag(artifact))
}

/// The tag of the index of referrers, in registries without the referrers API: the referrers tag
/// schema of the OCI distribution specification.
pub fn referrers_tag(artifact: &Digest) -> String {
    format!("{}-{}", Digest::ALGORITHM, artifact.hex())
}
