//! The real cosign: what it signed, kept in `tests/vectors`, and, where it is on the path, what it
//! thinks of our instance of Sigstore.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use flux_operator_api::Digest;
use flux_operator_signature::{Material, Policy, PublicKey, Rejection, SimpleSigning, TrustRoot};

use crate::instance::{Flaw, ISSUER, Instance, SIGN, SUBJECT, Signer};
use crate::{ARTIFACT, OTHER, rejection, verified};

fn vector(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn policy(key: &str) -> Policy {
    Policy::keys([PublicKey::from_pem(&vector(key)).unwrap()]).unwrap()
}

fn signed() -> (Digest, [Material; 2]) {
    let annotations: BTreeMap<String, String> = serde_json::from_str(&vector("layer.annotations.json")).unwrap();
    let layer = SimpleSigning::new(vector("layer.json").into_bytes(), &annotations);
    let bundle = vector("bundle.json").into_bytes();
    (vector("artifact.txt").trim().parse().unwrap(), [Material::Bundle(bundle), Material::SimpleSigning(layer)])
}

#[test]
fn signatures_of_cosign_by_key() {
    let (artifact, materials) = signed();
    for material in materials {
        policy("cosign.pub").verify(&artifact, std::slice::from_ref(&material)).unwrap();
        let wrong_key = rejection(&policy("other.pub"), artifact, material.clone());
        assert!(matches!(wrong_key, Rejection::WrongKey { .. }), "{wrong_key}");
        let other_artifact = rejection(&policy("cosign.pub"), OTHER, material);
        assert_eq!(other_artifact, Rejection::OtherArtifact { signed: artifact.to_string() });
    }
}

#[test]
fn an_attestation_of_cosign_is_no_signature() {
    let (artifact, _) = signed();
    let attestation = Material::Bundle(vector("attestation.json").into_bytes());
    let rejection = rejection(&policy("cosign.pub"), artifact, attestation);
    assert!(matches!(rejection, Rejection::Attestation { .. }), "{rejection}");
}

#[test]
fn a_trust_root_of_cosign() {
    TrustRoot::from_json(&vector("trusted_root.json")).unwrap();
}

#[test]
fn a_signature_with_an_rsa_key() {
    let layer = |payload: String| {
        let signature = vector("rsa.signature.txt").trim().to_owned();
        Material::SimpleSigning(SimpleSigning { payload: payload.into_bytes(), signature, ..SimpleSigning::default() })
    };
    verified(&policy("rsa.pub"), layer(vector("rsa.layer.json")));
    let changed = vector("rsa.layer.json").replace("registry.example.com", "registry.example.net");
    assert!(matches!(rejection(&policy("rsa.pub"), ARTIFACT, layer(changed)), Rejection::WrongKey { .. }));
}

/// cosign, if it is on the path.
fn cosign() -> Option<PathBuf> {
    let found =
        std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join("cosign")).find(|file| file.is_file());
    if found.is_none() {
        eprintln!("skipped: no cosign on the path");
    }
    found
}

/// Whether cosign takes the bundle for one of this identity.
fn accepted(cosign: &Path, instance: &Instance, bundle: &Material, issuer: &str, subject: &str) -> bool {
    let Material::Bundle(bundle) = bundle else { panic!("not a bundle") };
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = dir.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let output = Command::new(cosign)
        .env("HOME", dir.path())
        .args(["verify-blob-attestation", "--new-bundle-format", "--type", SIGN, "--digestAlg", "sha256"])
        .args(["--digest", &ARTIFACT.hex(), "--certificate-oidc-issuer", issuer, "--certificate-identity", subject])
        .arg("--bundle")
        .arg(file("bundle.json", bundle))
        .arg("--trusted-root")
        .arg(file("trusted_root.json", instance.trust_root().to_string().as_bytes()))
        .output()
        .unwrap();
    if !output.status.success() {
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    }
    output.status.success()
}

/// Our instance is one that cosign believes, or else the tests of identities prove nothing.
#[test]
fn cosign_believes_our_instance() {
    let Some(cosign) = cosign() else { return };
    let instance = Instance::new();
    let signer: Signer = instance.signer(ISSUER, SUBJECT);
    let good = instance.bundle(&signer, ARTIFACT);
    assert!(accepted(&cosign, &instance, &good, ISSUER, SUBJECT));
    assert!(!accepted(&cosign, &instance, &good, ISSUER, "https://github.com/evil"));
    assert!(!accepted(&cosign, &instance, &good, "https://evil.example.com", SUBJECT));
    assert!(!accepted(&cosign, &instance, &instance.bundle(&signer, OTHER), ISSUER, SUBJECT));
    for flaw in [Flaw::LoggedLate, Flaw::BorrowedEntry, Flaw::Unlogged, Flaw::Changed] {
        let bundle = instance.flawed_bundle(&signer, ARTIFACT, SIGN, flaw);
        assert!(!accepted(&cosign, &instance, &bundle, ISSUER, SUBJECT), "{flaw:?}");
    }
}
