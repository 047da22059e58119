//! Whatever a registry answers, nothing panics and nothing is believed.

use std::sync::LazyLock;

use flux_operator_signature::{IdentityMatch, Match, Material, Policy, PublicKey, SimpleSigning, TrustRoot};
use proptest::prelude::*;
use rcgen::KeyPair;

use crate::instance::{ISSUER, Instance, SIGN, SUBJECT};
use crate::keyed;
use crate::{ARTIFACT, OTHER};

struct World {
    policies: [Policy; 2],
    /// By key and by identity, in both forms.
    good: [Material; 4],
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let key = KeyPair::generate().unwrap();
    let instance = Instance::new();
    let signer = instance.signer(ISSUER, SUBJECT);
    let anybody = Match::regex("(?s).*").unwrap();
    let identity = IdentityMatch { issuer: anybody.clone(), subject: anybody };
    let root = TrustRoot::from_json(&instance.trust_root().to_string()).unwrap();
    World {
        policies: [
            Policy::keys([PublicKey::from_pem(&key.public_key_pem()).unwrap()]).unwrap(),
            Policy::keyless(root, [identity]).unwrap(),
        ],
        good: [
            keyed::statement_bundle(&key, ARTIFACT, SIGN),
            keyed::layer(&key, ARTIFACT),
            instance.bundle(&signer, ARTIFACT),
            instance.layer(&signer, ARTIFACT),
        ],
    }
});

/// Bytes, or pieces of what is expected in an order that is not.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "null",
        "0",
        "\"mediaType\"",
        "\"verificationMaterial\"",
        "\"application/vnd.dev.sigstore.bundle.v0.3+json\"",
        "\"dsseEnvelope\"",
        "\"payload\"",
        "\"critical\"",
        "\"image\"",
        "\"docker-manifest-digest\"",
        "-----BEGIN CERTIFICATE-----\n",
        "-----END CERTIFICATE-----",
        "AAAA",
    ]);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        prop::collection::vec(pieces, 0..30).prop_map(|pieces| pieces.concat().into_bytes()),
    ]
}

fn text() -> impl Strategy<Value = String> {
    bytes().prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn material() -> impl Strategy<Value = Material> {
    let layer = (bytes(), text(), prop::option::of(text()), prop::option::of(text()));
    prop_oneof![
        bytes().prop_map(Material::Bundle),
        layer.prop_map(|(payload, signature, certificate, log_entry)| {
            Material::SimpleSigning(SimpleSigning { payload, signature, certificate, log_entry })
        }),
    ]
}

/// A good signature with one byte changed, somewhere.
fn changed() -> impl Strategy<Value = Material> {
    (0..4_usize, 0..4_usize, any::<prop::sample::Index>(), 1..=255_u8).prop_map(|(which, part, at, by)| {
        let mut material = WORLD.good[which].clone();
        let change = |bytes: &mut Vec<u8>| {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] ^= by;
            }
        };
        let change_text = |text: &mut String| {
            let mut bytes = std::mem::take(text).into_bytes();
            change(&mut bytes);
            *text = String::from_utf8_lossy(&bytes).into_owned();
        };
        match &mut material {
            Material::Bundle(json) => change(json),
            Material::SimpleSigning(layer) => match part {
                0 => change(&mut layer.payload),
                1 => change_text(&mut layer.signature),
                2 => layer.certificate.as_mut().into_iter().for_each(change_text),
                _ => layer.log_entry.as_mut().into_iter().for_each(change_text),
            },
        }
        material
    })
}

proptest! {
    #[test]
    fn noise_is_never_believed(materials in prop::collection::vec(material(), 1..4)) {
        for policy in &WORLD.policies {
            let error = policy.verify(&ARTIFACT, &materials).unwrap_err();
            prop_assert!(!error.to_string().contains('\n'));
        }
    }

    #[test]
    fn no_change_makes_a_signature_one_of_another_artifact(material in changed()) {
        for policy in &WORLD.policies {
            prop_assert!(policy.verify(&OTHER, std::slice::from_ref(&material)).is_err());
        }
    }

    #[test]
    fn a_changed_payload_is_never_believed(at in any::<prop::sample::Index>(), by in 1..=255_u8) {
        for material in &WORLD.good {
            let Material::SimpleSigning(layer) = material else { continue };
            let mut layer = layer.clone();
            let at = at.index(layer.payload.len());
            layer.payload[at] ^= by;
            for policy in &WORLD.policies {
                prop_assert!(policy.verify(&ARTIFACT, &[Material::SimpleSigning(layer.clone())]).is_err());
            }
        }
    }

    #[test]
    fn texts_of_users_are_read_or_refused(text in text()) {
        let _ = PublicKey::from_pem(&text);
        let _ = TrustRoot::from_json(&text);
        if let Ok(pattern) = Match::regex(text.clone()) {
            let _ = pattern.matches(&text);
        }
    }
}

#[test]
fn the_signatures_that_noise_is_made_of_are_good() {
    let [keys, identities] = &WORLD.policies;
    for (policy, good) in [(keys, &WORLD.good[..2]), (identities, &WORLD.good[2..])] {
        for material in good {
            policy.verify(&ARTIFACT, std::slice::from_ref(material)).unwrap();
        }
    }
}
