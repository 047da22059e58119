//! Signatures in Sigstore bundles.
//!
//! cosign signs a statement, in an envelope (DSSE), that has the digest of the artifact as its
//! subject. A signature of the manifest itself is fine as well: it is one of the digest.

use flux_operator_api::Digest;
use sigstore_verify::types::{
    Bundle, DsseEnvelope, MediaType, MessageSignature, Sha256Hash, SignatureContent, Statement,
};

use crate::error::Rejection;
use crate::key::PublicKey;
use crate::registry::SIGN_PREDICATE;
use crate::signer::Signer;
use crate::text::shown;
use crate::trust_root::TrustRoot;

const STATEMENT_MEDIA_TYPE: &str = "application/vnd.in-toto+json";
const STATEMENT_TYPES: [&str; 2] = ["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"];

/// The key that signed the artifact.
pub(crate) fn key<'a>(json: &[u8], artifact: &Digest, keys: &'a [PublicKey]) -> Result<&'a PublicKey, Rejection> {
    let bundle = read(json)?;
    if bundle.signing_certificate().is_some() {
        return Err(Rejection::Keyless);
    }
    claimed(&bundle, artifact)?;
    let signed = |key: &&PublicKey| match &bundle.content {
        SignatureContent::DsseEnvelope(envelope) => key.signed(&envelope.pae(), &envelope.signature.sig),
        SignatureContent::MessageSignature(message) => key.signed_digest(artifact, &message.signature),
        _ => false,
    };
    keys.iter()
        .find(signed)
        .ok_or_else(|| Rejection::WrongKey { keys: keys.iter().map(PublicKey::fingerprint).collect() })
}

/// Who signed the artifact, with proof.
pub(crate) fn signer(json: &[u8], artifact: &Digest, root: &TrustRoot) -> Result<Signer, Rejection> {
    let bundle = read(json)?;
    if bundle.signing_certificate().is_none() {
        return Err(Rejection::Keyed);
    }
    claimed(&bundle, artifact)?;
    Signer::prove(Sha256Hash::from(*artifact.as_bytes()), &bundle, root)
}

fn read(json: &[u8]) -> Result<Bundle, Rejection> {
    let unreadable = |detail: String| Rejection::Unreadable { part: "bundle", detail: shown(&detail) };
    let json = str::from_utf8(json).map_err(|error| unreadable(error.to_string()))?;
    let bundle = Bundle::from_json(json).map_err(|error| unreadable(error.to_string()))?;
    if bundle.media_type() != MediaType::Bundle0_3 {
        let found = format!("a bundle of media type `{}`", bundle.media_type());
        return Err(Rejection::Unsupported { found, expected: "version 0.3, which cosign 3 writes" });
    }
    Ok(bundle)
}

/// Checks that the bundle is a signature, and of this artifact. Who made it is not said yet.
fn claimed(bundle: &Bundle, artifact: &Digest) -> Result<(), Rejection> {
    match &bundle.content {
        SignatureContent::DsseEnvelope(envelope) => stated(envelope, artifact),
        SignatureContent::MessageSignature(message) => digested(message, artifact),
        _ => Err(Rejection::Unsupported { found: "a bundle of unknown content".to_owned(), expected: "a statement" }),
    }
}

fn stated(envelope: &DsseEnvelope, artifact: &Digest) -> Result<(), Rejection> {
    if envelope.payload_type != STATEMENT_MEDIA_TYPE {
        let found = format!("an envelope around `{}`", shown(&envelope.payload_type));
        return Err(Rejection::Unsupported { found, expected: "an in-toto statement" });
    }
    let statement: Statement = serde_json::from_slice(envelope.payload.as_bytes())
        .map_err(|error| Rejection::Unreadable { part: "statement", detail: shown(&error.to_string()) })?;
    if !STATEMENT_TYPES.contains(&statement.type_.as_str()) {
        let found = format!("a statement of type `{}`", shown(&statement.type_));
        return Err(Rejection::Unsupported { found, expected: "an in-toto statement" });
    }
    // Or else a report that finds the artifact bad, signed with the same key, would make it good.
    if statement.predicate_type != SIGN_PREDICATE {
        return Err(Rejection::Attestation { predicate: shown(&statement.predicate_type) });
    }
    if statement.matches_sha256(&Sha256Hash::from(*artifact.as_bytes())) {
        return Ok(());
    }
    let subject = statement.subject.first().and_then(|subject| subject.digest.sha256);
    let signed = subject.map_or_else(|| "unknown".to_owned(), |sum| Digest::new(sum.into()).to_string());
    Err(Rejection::OtherArtifact { signed })
}

/// A digest that the bundle tells is only a hint: the signature is verified with that of the artifact.
fn digested(message: &MessageSignature, artifact: &Digest) -> Result<(), Rejection> {
    match &message.message_digest {
        Some(told) if told.digest.as_bytes() != artifact.as_bytes() => {
            Err(Rejection::OtherArtifact { signed: shown(&told.digest.to_hex()) })
        }
        _ => Ok(()),
    }
}
