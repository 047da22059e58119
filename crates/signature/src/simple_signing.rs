//! Signatures of the tag scheme, which cosign 2 writes.
//!
//! What is signed is a small JSON that names the digest of the artifact. By key, the signature over
//! it is all there is. Keyless ones are put into a bundle of version 0.1, which is the same in another
//! form, and verified as such.

use flux_operator_api::Digest;
use jiff::Timestamp;
use serde::Deserialize;
use sigstore_verify::types::bundle::CertificateContent;
use sigstore_verify::types::{
    Artifact, Bundle, CanonicalizedBody, DerCertificate, InclusionPromise, KindVersion, LogId, LogIndex, LogKeyId,
    MediaType, MessageSignature, Sha256Hash, SignatureBytes, SignatureContent, SignedTimestamp, TransparencyLogEntry,
    VerificationMaterial, VerificationMaterialContent,
};

use crate::error::Rejection;
use crate::key::PublicKey;
use crate::material::SimpleSigning;
use crate::registry::SIGNATURE_ANNOTATION;
use crate::signer::Signer;
use crate::text::shown;
use crate::trust_root::TrustRoot;

/// What `critical.type` says of a signature.
const TYPE: &str = "cosign container image signature";

/// The key that signed the artifact.
pub(crate) fn key<'a>(
    layer: &SimpleSigning,
    artifact: &Digest,
    keys: &'a [PublicKey],
) -> Result<&'a PublicKey, Rejection> {
    claimed(&layer.payload, artifact)?;
    let signature = signature(layer)?;
    keys.iter().find(|key| key.signed(&layer.payload, &signature)).ok_or_else(|| match layer.certificate {
        Some(_) => Rejection::Keyless,
        None => Rejection::WrongKey { keys: keys.iter().map(PublicKey::fingerprint).collect() },
    })
}

/// Who signed the artifact, with proof.
pub(crate) fn signer(layer: &SimpleSigning, artifact: &Digest, root: &TrustRoot) -> Result<Signer, Rejection> {
    let certificate = layer.certificate.as_deref().ok_or(Rejection::Keyed)?;
    claimed(&layer.payload, artifact)?;
    let signature = signature(layer)?;
    let certificate = DerCertificate::from_pem(certificate).map_err(|error| unreadable("certificate", &error))?;
    let entry = layer.log_entry.as_deref().ok_or_else(|| Rejection::Unreadable {
        part: "entry of the transparency log",
        detail: "it is missing, sign with upload to the log".to_owned(),
    })?;
    let entry = log_entry(entry)?;

    let certificate = VerificationMaterialContent::Certificate(CertificateContent::new(certificate));
    let bundle = Bundle::new(
        MediaType::Bundle0_1,
        VerificationMaterial::new(certificate).with_tlog_entries(vec![entry]),
        SignatureContent::MessageSignature(MessageSignature::new(signature)),
    );
    Signer::prove(Artifact::from_blob(&layer.payload), &bundle, root)
}

fn signature(layer: &SimpleSigning) -> Result<SignatureBytes, Rejection> {
    if layer.signature.is_empty() {
        let detail = format!("the annotation `{SIGNATURE_ANNOTATION}` is missing");
        return Err(Rejection::Unreadable { part: "signature", detail });
    }
    SignatureBytes::from_base64(&layer.signature).map_err(|error| unreadable("signature", &error))
}

/// The payload, in the words of the field: "simple signing".
#[derive(Deserialize)]
struct Payload {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    image: Image,
    r#type: String,
}

#[derive(Deserialize)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: String,
}

/// Checks that the payload is a signature, and of this artifact. Who made it is not said yet.
///
/// The name of the image in it is not looked at, as cosign does not: artifacts are copied between
/// registries together with their signatures.
fn claimed(payload: &[u8], artifact: &Digest) -> Result<(), Rejection> {
    let Payload { critical } = serde_json::from_slice(payload).map_err(|error| unreadable("payload", &error))?;
    if critical.r#type != TYPE {
        let found = format!("a payload of type `{}`", shown(&critical.r#type));
        return Err(Rejection::Unsupported { found, expected: "a signature by cosign" });
    }
    if critical.image.digest != artifact.to_string() {
        return Err(Rejection::OtherArtifact { signed: shown(&critical.image.digest) });
    }
    Ok(())
}

/// The entry of the transparency log as cosign 2 keeps it: what the log answered.
#[derive(Deserialize)]
struct LogEntry {
    #[serde(rename = "SignedEntryTimestamp")]
    promise: SignedTimestamp,
    #[serde(rename = "Payload")]
    payload: LogPayload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogPayload {
    body: CanonicalizedBody,
    integrated_time: i64,
    log_index: u64,
    #[serde(rename = "logID")]
    log_id: String,
}

fn log_entry(json: &str) -> Result<TransparencyLogEntry, Rejection> {
    let part = "entry of the transparency log";
    let LogEntry { promise, payload } = serde_json::from_str(json).map_err(|error| unreadable(part, &error))?;
    let index = LogIndex::new(payload.log_index).map_err(|error| unreadable(part, &error))?;
    let log = Sha256Hash::from_hex(&payload.log_id).map_err(|error| unreadable(part, &error))?;
    let time = Timestamp::from_second(payload.integrated_time).map_err(|error| unreadable(part, &error))?;
    let log = LogId::new(LogKeyId::from_bytes(log.as_slice()));
    // The kind of entry that cosign writes for these; a body of another kind is refused.
    Ok(TransparencyLogEntry::new(index, log, KindVersion::HashedRekordV001, payload.body)
        .with_integrated_time(time)
        .with_inclusion_promise(InclusionPromise::new(promise)))
}

fn unreadable(part: &'static str, error: &dyn std::error::Error) -> Rejection {
    Rejection::Unreadable { part, detail: shown(&error.to_string()) }
}
