//! Signatures by keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flux_operator_api::Digest;
use flux_operator_signature::{
    Material, Policy, PolicyError, PublicKey, PublicKeyError, Rejection, SimpleSigning, Verified, registry,
};
use rcgen::{KeyPair, SigningKey as _};
use serde_json::json;

use crate::instance::{ISSUER, Instance, SIGN, SUBJECT, pae, simple_signing, statement};
use crate::{ARTIFACT, OTHER, rejection, verified};

fn public(key: &KeyPair) -> PublicKey {
    PublicKey::from_pem(&key.public_key_pem()).unwrap()
}

fn policy(key: &KeyPair) -> Policy {
    Policy::keys([public(key)]).unwrap()
}

fn bundle(content: &serde_json::Value) -> Material {
    let mut bundle = json!({
        "mediaType": registry::BUNDLE_MEDIA_TYPE,
        "verificationMaterial": { "publicKey": { "hint": "" }, "tlogEntries": [] },
    });
    bundle.as_object_mut().unwrap().extend(content.as_object().unwrap().clone());
    Material::Bundle(bundle.to_string().into_bytes())
}

pub(crate) fn statement_bundle(key: &KeyPair, artifact: Digest, predicate: &str) -> Material {
    let statement = statement(artifact, predicate);
    let signature = key.sign(&pae(&statement)).unwrap();
    bundle(&json!({ "dsseEnvelope": {
        "payload": STANDARD.encode(&statement),
        "payloadType": "application/vnd.in-toto+json",
        "signatures": [{ "sig": STANDARD.encode(signature) }],
    }}))
}

pub(crate) fn layer(key: &KeyPair, artifact: Digest) -> Material {
    let payload = simple_signing(artifact);
    let signature = STANDARD.encode(key.sign(&payload).unwrap());
    Material::SimpleSigning(SimpleSigning { payload, signature, ..SimpleSigning::default() })
}

fn both(key: &KeyPair) -> [Material; 2] {
    [statement_bundle(key, ARTIFACT, SIGN), layer(key, ARTIFACT)]
}

#[test]
fn a_trusted_key_is_named() {
    for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        for material in both(&key) {
            let verified = verified(&policy(&key), material);
            assert_eq!(verified, Verified::Key { fingerprint: public(&key).fingerprint() });
            assert_eq!(verified.to_string(), format!("the key `{}`", public(&key)));
        }
    }
}

#[test]
fn any_of_several_keys() {
    let [old, new, other] = std::array::from_fn(|_| KeyPair::generate().unwrap());
    let policy = Policy::keys([public(&old), public(&new)]).unwrap();
    for material in both(&old).into_iter().chain(both(&new)) {
        verified(&policy, material);
    }
    for material in both(&other) {
        let keys = vec![public(&old).fingerprint(), public(&new).fingerprint()];
        assert_eq!(rejection(&policy, ARTIFACT, material), Rejection::WrongKey { keys });
    }
    assert_eq!(Policy::keys([]).unwrap_err(), PolicyError::NoKey);
}

#[test]
fn of_another_artifact() {
    let key = KeyPair::generate().unwrap();
    for material in both(&key) {
        let other = Rejection::OtherArtifact { signed: ARTIFACT.to_string() };
        assert_eq!(rejection(&policy(&key), OTHER, material), other);
    }
}

#[test]
fn a_manifest_signed_itself() {
    let key = KeyPair::generate().unwrap();
    let manifest = b"a manifest";
    let digest =
        |bytes: &[u8]| Digest::new(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref().try_into().unwrap());
    let artifact = digest(manifest);
    let message = |told: Option<Digest>| {
        let told = told.map(|told| json!({ "algorithm": "SHA2_256", "digest": STANDARD.encode(told.as_bytes()) }));
        let signature = STANDARD.encode(key.sign(manifest).unwrap());
        bundle(&json!({ "messageSignature": { "messageDigest": told, "signature": signature } }))
    };
    for told in [Some(artifact), None] {
        policy(&key).verify(&artifact, &[message(told)]).unwrap();
    }
    assert!(matches!(rejection(&policy(&key), artifact, message(Some(OTHER))), Rejection::OtherArtifact { .. }));
    // What it tells is not believed.
    for told in [Some(OTHER), None] {
        assert!(matches!(rejection(&policy(&key), OTHER, message(told)), Rejection::WrongKey { .. }));
    }
}

#[test]
fn an_attestation_is_no_signature() {
    let key = KeyPair::generate().unwrap();
    let material = statement_bundle(&key, ARTIFACT, "https://cosign.sigstore.dev/attestation/vuln/v1");
    assert!(matches!(rejection(&policy(&key), ARTIFACT, material), Rejection::Attestation { .. }));
}

#[test]
fn keys_and_identities_are_told_apart() {
    let instance = Instance::new();
    let signer = instance.signer(ISSUER, SUBJECT);
    let key = KeyPair::generate().unwrap();
    for material in [instance.bundle(&signer, ARTIFACT), instance.layer(&signer, ARTIFACT)] {
        assert_eq!(rejection(&policy(&key), ARTIFACT, material), Rejection::Keyless);
    }
    let root = flux_operator_signature::TrustRoot::from_json(&instance.trust_root().to_string()).unwrap();
    let anybody = flux_operator_signature::Match::regex(".*").unwrap();
    let anybody = flux_operator_signature::IdentityMatch { issuer: anybody.clone(), subject: anybody };
    let keyless = Policy::keyless(root, [anybody]).unwrap();
    for material in both(&key) {
        assert_eq!(rejection(&keyless, ARTIFACT, material), Rejection::Keyed);
    }
}

#[test]
fn what_is_unreadable_is_told() {
    let key = KeyPair::generate().unwrap();
    let Material::SimpleSigning(good) = layer(&key, ARTIFACT) else { panic!() };
    let with = |change: fn(&mut SimpleSigning)| {
        let mut layer = good.clone();
        change(&mut layer);
        Material::SimpleSigning(layer)
    };
    let version_1 = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1",
        "verificationMaterial": { "publicKey": { "hint": "" }, "tlogEntries": [] },
        "messageSignature": { "signature": "AAAA" },
    });
    for (material, expected) in [
        (with(|layer| layer.signature.clear()), "the annotation `dev.cosignproject.cosign/signature` is missing"),
        (with(|layer| layer.signature = "?".to_owned()), "has no readable signature"),
        (with(|layer| layer.payload.clear()), "has no readable payload"),
        (with(|layer| layer.payload = vec![b' '; Material::MAX_BYTES]), "are not read"),
        (Material::Bundle(b"\xff".to_vec()), "has no readable bundle"),
        (Material::Bundle(b"{}".to_vec()), "has no readable bundle"),
        (Material::Bundle(version_1.to_string().into_bytes()), "expected version 0.3"),
    ] {
        let text = rejection(&policy(&key), ARTIFACT, material).to_string();
        assert!(text.contains(expected), "{text}");
    }
    let layer = SimpleSigning::new(good.payload.clone(), &[].into());
    assert_eq!(layer, SimpleSigning { payload: good.payload, ..SimpleSigning::default() });
}

#[test]
fn what_is_no_public_key_is_told() {
    let private = KeyPair::generate().unwrap().serialize_pem();
    let error = PublicKey::from_pem(&private).unwrap_err().to_string();
    let secret = private.lines().nth(1).unwrap();
    assert!(error.contains("PRIVATE KEY") && !error.contains(secret), "{error}");
    for text in ["", "cosign.pub", "-----BEGIN PUBLIC KEY-----\n?\n-----END PUBLIC KEY-----"] {
        assert!(matches!(PublicKey::from_pem(text), Err(PublicKeyError::NotPem(_))), "{text}");
    }
    let nothing = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----";
    assert!(matches!(PublicKey::from_pem(nothing), Err(PublicKeyError::Unsupported(_))));
    let large = "x".repeat(PublicKey::MAX_BYTES + 1);
    assert_eq!(PublicKey::from_pem(&large).unwrap_err(), PublicKeyError::TooLarge(large.len()));
}
