//! An artifact is read if somebody who is trusted signed it, and not otherwise.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flux_operator_distro::credentials::Credentials;
use flux_operator_distro::{
    Artifacts, Client, ClientOptions, Digest, Distribution, DistributionError, Location, Place, Trust, Verified,
};
use flux_operator_testkit::registry::{Scripted, artifact};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::world::{distribution, reference, told};

/// What comes before the point of a P-256 key in its DER form.
const SPKI: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Somebody with a key.
struct Signer {
    key: EcdsaKeyPair,
    random: SystemRandom,
    folder: TempDir,
}

impl Signer {
    fn new() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let spki = BASE64_STANDARD.encode([SPKI, key.public_key().as_ref()].concat());
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{spki}\n-----END PUBLIC KEY-----\n");
        fs::write(folder.path().join("cosign.pub"), pem).unwrap();
        Self { key, random, folder }
    }

    /// Somebody who pulls what this key has signed, and nothing else.
    fn follower(&self) -> Artifacts {
        let keys: Vec<PathBuf> = vec![self.folder.path().join("cosign.pub")];
        let policy = Trust { keys, ..Trust::default() }.policy().unwrap();
        Artifacts::new(Arc::new(Client::new(ClientOptions::default()).unwrap()), None).with_policy(policy)
    }

    /// Signs a digest as cosign does, and puts the signature where it belongs to `about`.
    fn sign(&self, registry: &Scripted, digest: Digest, about: Digest) {
        let payload = json!({
            "critical": {
                "identity": {"docker-reference": ""},
                "image": {"docker-manifest-digest": digest},
                "type": "cosign container image signature",
            },
            "optional": null,
        });
        let payload = payload.to_string();
        let signature = self.key.sign(&self.random, payload.as_bytes()).unwrap();
        let mut signed = artifact(payload.as_bytes(), "application/vnd.dev.cosign.simplesigning.v1+json");
        let mut manifest: Value = serde_json::from_slice(&signed.manifest).unwrap();
        manifest["layers"][0]["annotations"] =
            json!({"dev.cosignproject.cosign/signature": BASE64_STANDARD.encode(signature.as_ref())});
        signed.manifest = manifest.to_string().into_bytes();
        registry.put("flux", &format!("sha256-{}.sig", about.hex()), &signed);
    }
}

/// Puts signatures into the registry: by one signer or another, of the artifact or of another one.
type Prepare = fn(&Signer, &Signer, &Scripted, Digest, Digest);

#[tokio::test]
async fn only_what_is_signed_is_read() {
    let (signer, other) = (Signer::new(), Signer::new());
    let (pushed, unlike) = (distribution("v2.9.0"), distribution("v2.8.0"));
    let cases: &[(&str, Prepare, &str)] = &[
        ("good", |signer, _, registry, digest, _| signer.sign(registry, digest, digest), ""),
        ("none", |_, _, _, _, _| (), "has no signature, sign it with `cosign sign`"),
        ("wrong key", |_, other, registry, digest, _| other.sign(registry, digest, digest), "no signature of"),
        ("of another", |signer, _, registry, digest, unlike| signer.sign(registry, unlike, digest), "no signature of"),
    ];
    for (name, prepare, expected) in cases {
        let registry = Scripted::plain().start().await.unwrap();
        registry.put("flux", "latest", &pushed);
        prepare(&signer, &other, &registry, pushed.digest(), unlike.digest());
        let follower = signer.follower();
        let latest = reference(registry.host(), "flux");
        let pulled = follower.pull(&latest, &Credentials::Anonymous).await;
        let read_layer = registry.requests().iter().any(|it| it.path.ends_with(&pushed.layer_digest().to_string()));
        if expected.is_empty() {
            assert!(matches!(pulled.unwrap().verified(), Some(Verified::Key { .. })), "{name}");
            // Asked once, and not again for the same digest.
            registry.clear_requests();
            follower.pull(&latest, &Credentials::Anonymous).await.unwrap();
            assert!(!registry.requests().iter().any(|request| request.path.contains(".sig")), "{}", registry.story());
        } else {
            let error = told(&pulled.unwrap_err());
            assert!(error.contains("is not trusted") && error.contains(expected), "{name}: {error}");
            assert!(!read_layer, "{name}: {}", registry.story());
        }
    }
}

#[tokio::test]
async fn a_file_brings_its_signatures() {
    let (signer, other) = (Signer::new(), Signer::new());
    let registry = Scripted::plain().start().await.unwrap();
    let pushed = distribution("v2.9.0");
    registry.put("flux", "latest", &pushed);
    signer.sign(&registry, pushed.digest(), pushed.digest());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flux.tar");
    let source = Place { reference: reference(registry.host(), "flux"), credentials: Credentials::Anonymous };
    Client::new(ClientOptions::default()).unwrap().bundle(&source, &path).await.unwrap();
    drop(registry);

    let location = Location::Path(path);
    let find = async |artifacts: Artifacts| Distribution::find(&location, &artifacts, &Credentials::Anonymous).await;
    assert_eq!(find(signer.follower()).await.unwrap().digest(), Some(pushed.digest()));
    let error = find(other.follower()).await.unwrap_err();
    assert!(matches!(error, DistributionError::Pull(_)) && told(&error).contains("is not trusted"), "{}", told(&error));
}
