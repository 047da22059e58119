//! Signatures by identities.

use flux_operator_signature::{
    IdentityMatch, Match, Material, Policy, PolicyError, Rejection, TrustRoot, TrustRootError, Verified, VerifyError,
};
use serde_json::json;

use crate::instance::{Flaw, ISSUER, Instance, SIGN, SIGNED_AT, SUBJECT, Signer};
use crate::{ARTIFACT, OTHER, rejection, verified};

fn policy_with(root: &str, issuer: Match, subject: Match) -> Policy {
    Policy::keyless(TrustRoot::from_json(root).unwrap(), [IdentityMatch { issuer, subject }]).unwrap()
}

fn policy(instance: &Instance) -> Policy {
    policy_with(&instance.trust_root().to_string(), exact(ISSUER), exact(SUBJECT))
}

fn exact(value: &str) -> Match {
    Match::exact(value).unwrap()
}

fn regex(pattern: &str) -> Match {
    Match::regex(pattern).unwrap()
}

/// The same signature in both forms.
fn both(instance: &Instance, signer: &Signer) -> [Material; 2] {
    [instance.bundle(signer, ARTIFACT), instance.layer(signer, ARTIFACT)]
}

#[test]
fn a_trusted_identity_is_named() {
    let instance = Instance::new();
    let root = instance.trust_root().to_string();
    for (issuer, subject) in [(ISSUER, SUBJECT), ("https://accounts.example.com", "flux@example.com")] {
        let signer = instance.signer(issuer, subject);
        for material in both(&instance, &signer) {
            let verified = verified(&policy_with(&root, exact(issuer), exact(subject)), material);
            let Verified::Identity { issuer: by, subject: who, signed_at } = &verified else {
                panic!("{verified:?}");
            };
            assert_eq!((by.as_str(), who.as_str(), signed_at.as_second()), (issuer, subject, SIGNED_AT));
            assert_eq!(verified.to_string(), format!("`{subject}` of issuer `{issuer}`"));
        }
    }
}

#[test]
fn expressions_name_many() {
    let instance = Instance::new();
    let root = instance.trust_root().to_string();
    let signer = instance.signer(ISSUER, SUBJECT);
    let workflows = regex("https://github.com/fluxcd/.*@refs/tags/v2[.].*");
    for material in both(&instance, &signer) {
        verified(&policy_with(&root, exact(ISSUER), workflows.clone()), material.clone());
        let part = policy_with(&root, exact(ISSUER), regex("https://github.com/fluxcd/"));
        assert!(matches!(rejection(&part, ARTIFACT, material), Rejection::WrongIdentity { .. }));
    }
}

#[test]
fn wrong_identity_and_wrong_issuer() {
    let instance = Instance::new();
    for (issuer, subject) in [
        (ISSUER, "https://github.com/evil/flux2/.github/workflows/release.yaml@refs/tags/v2.9.0"),
        ("https://evil.example.com", SUBJECT),
    ] {
        let signer = instance.signer(issuer, subject);
        for material in both(&instance, &signer) {
            let rejection = rejection(&policy(&instance), ARTIFACT, material);
            assert_eq!(
                rejection.to_string(),
                format!("is by `{subject}` of issuer `{issuer}`, expected `{SUBJECT}` of issuer `{ISSUER}`")
            );
        }
    }
    // Issuer of the one and subject of the other.
    let root = TrustRoot::from_json(&instance.trust_root().to_string()).unwrap();
    let identities = [
        IdentityMatch { issuer: exact("a"), subject: exact(SUBJECT) },
        IdentityMatch { issuer: exact(ISSUER), subject: exact("b") },
    ];
    let policy = Policy::keyless(root, identities).unwrap();
    let rejection = rejection(&policy, ARTIFACT, instance.bundle(&instance.signer(ISSUER, SUBJECT), ARTIFACT));
    assert!(matches!(rejection, Rejection::WrongIdentity { .. }), "{rejection}");
}

#[test]
fn of_another_artifact() {
    let instance = Instance::new();
    let signer = instance.signer(ISSUER, SUBJECT);
    for material in both(&instance, &signer) {
        let rejection = rejection(&policy(&instance), OTHER, material);
        assert_eq!(rejection, Rejection::OtherArtifact { signed: ARTIFACT.to_string() });
    }
}

#[test]
fn of_another_instance() {
    let (ours, theirs) = (Instance::new(), Instance::new());
    let signer = theirs.signer(ISSUER, SUBJECT);
    for material in both(&theirs, &signer) {
        let rejection = rejection(&policy(&ours), ARTIFACT, material);
        assert!(matches!(rejection, Rejection::Unproven(_)), "{rejection}");
    }
    // With our certificate and their log, with our log and their certificate log, and with no log.
    let unproven = |material| {
        let rejection = rejection(&policy(&ours), ARTIFACT, material);
        assert!(matches!(rejection, Rejection::Unproven(_)), "{rejection}");
        rejection.to_string()
    };
    for material in both(&theirs, &ours.signer(ISSUER, SUBJECT)) {
        unproven(material);
    }
    for log in [Some(&theirs), None] {
        for material in both(&ours, &ours.signer_logged_by(log)) {
            let text = unproven(material);
            assert!(text.contains("signed certificate timestamp"), "{text}");
        }
    }
}

#[test]
fn an_expired_root_vouches_for_nothing() {
    // Expired, as the trust root says or as the certificates of the authority say.
    let stated = Instance::new();
    let mut stated_root = stated.trust_root();
    stated_root["certificateAuthorities"][0]["validFor"]["end"] = json!("2025-06-01T00:00:00Z");
    let mut unstated_root = stated.trust_root();
    unstated_root["certificateAuthorities"][0]["validFor"] = json!({ "start": "2025-06-16T00:00:00Z" });
    let expired = Instance::valid_until(2025);
    let mut no_times = expired.trust_root();
    no_times["certificateAuthorities"][0].as_object_mut().unwrap().remove("validFor");
    let expired_root = expired.trust_root();
    for (instance, root) in
        [(&stated, stated_root), (&stated, unstated_root), (&expired, expired_root), (&expired, no_times)]
    {
        let policy = policy_with(&root.to_string(), exact(ISSUER), exact(SUBJECT));
        for material in both(instance, &instance.signer(ISSUER, SUBJECT)) {
            let rejection = rejection(&policy, ARTIFACT, material);
            assert!(
                matches!(rejection, Rejection::ExpiredRoot { time } if time.as_second() == SIGNED_AT),
                "{rejection}"
            );
        }
    }
}

#[test]
fn an_expired_log_vouches_for_nothing() {
    let instance = Instance::new();
    for list in ["tlogs", "ctlogs"] {
        let mut root = instance.trust_root();
        root[list][0]["publicKey"]["validFor"]["end"] = json!("2025-06-01T00:00:00Z");
        let policy = policy_with(&root.to_string(), exact(ISSUER), exact(SUBJECT));
        for material in both(&instance, &instance.signer(ISSUER, SUBJECT)) {
            let rejection = rejection(&policy, ARTIFACT, material);
            assert!(matches!(rejection, Rejection::Unproven(_)), "{list} {rejection}");
        }
    }
}

#[test]
fn flaws() {
    let instance = Instance::new();
    let signer = instance.signer(ISSUER, SUBJECT);
    for (flaw, of_bundle, of_layer) in [
        (Flaw::LoggedLate, "CertExpired", "CertExpired"),
        (Flaw::BorrowedEntry, "log entry does not match the bundle", "artifact hash mismatch for hashedrekord entry"),
        (Flaw::Unlogged, "must have an inclusion proof", "no readable entry of the transparency log"),
        (Flaw::Changed, "invalid signature", "invalid signature"),
    ] {
        let bundle = instance.flawed_bundle(&signer, ARTIFACT, SIGN, flaw);
        let layer = instance.flawed_layer(&signer, ARTIFACT, flaw);
        for (material, expected) in [(bundle, of_bundle), (layer, of_layer)] {
            let text = rejection(&policy(&instance), ARTIFACT, material).to_string();
            assert!(text.contains(expected), "{flaw:?} {text}");
        }
    }
}

#[test]
fn an_attestation_is_no_signature() {
    let instance = Instance::new();
    let signer = instance.signer(ISSUER, SUBJECT);
    let predicate = "https://slsa.dev/provenance/v1";
    let bundle = instance.flawed_bundle(&signer, ARTIFACT, predicate, Flaw::None);
    let rejection = rejection(&policy(&instance), ARTIFACT, bundle);
    assert_eq!(rejection, Rejection::Attestation { predicate: predicate.to_owned() });
}

#[test]
fn one_good_signature_is_enough() {
    let instance = Instance::new();
    let evil = instance.signer("https://evil.example.com", SUBJECT);
    let good = instance.signer(ISSUER, SUBJECT);
    let [bad_bundle, bad_layer] = both(&instance, &evil);
    let [good_bundle, good_layer] = both(&instance, &good);
    let policy = policy(&instance);
    let bad = [bad_bundle, bad_layer];
    for material in [good_bundle, good_layer] {
        policy.verify(&ARTIFACT, &[&bad[..], &[material]].concat()).unwrap();
    }
    let error = policy.verify(&ARTIFACT, &bad).unwrap_err().to_string();
    assert!(
        error.contains("signature 1 (bundle) is by") && error.contains("; signature 2 (tag scheme) is by"),
        "{error}"
    );
    assert_eq!(policy.verify(&ARTIFACT, &[]), Err(VerifyError::Unsigned { artifact: ARTIFACT }));
    let many = vec![bad[0].clone(); Material::MAX_COUNT + 1];
    assert_eq!(policy.verify(&ARTIFACT, &many), Err(VerifyError::TooMany { artifact: ARTIFACT, count: many.len() }));
}

#[test]
fn trust_roots() {
    // That of the public instance, as it is.
    let public = sigstore_verify::trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT;
    TrustRoot::from_json(public).unwrap();

    let root = Instance::new().trust_root();
    for list in ["tlogs", "certificateAuthorities", "ctlogs"] {
        let mut root = root.clone();
        root[list] = json!([]);
        assert_eq!(TrustRoot::from_json(&root.to_string()).unwrap_err(), TrustRootError::Missing(list));
        root.as_object_mut().unwrap().remove(list);
        assert_eq!(TrustRoot::from_json(&root.to_string()).unwrap_err(), TrustRootError::Missing(list));
    }
    let mut broken = root.clone();
    broken["certificateAuthorities"][0]["certChain"]["certificates"][0]["rawBytes"] = json!("AAAA");
    assert!(matches!(TrustRoot::from_json(&broken.to_string()), Err(TrustRootError::Invalid(_))));
    assert!(matches!(TrustRoot::from_json("{}"), Err(TrustRootError::Unreadable(_))));
    let large = " ".repeat(TrustRoot::MAX_BYTES + 1);
    assert_eq!(TrustRoot::from_json(&large).unwrap_err(), TrustRootError::TooLarge(large.len()));
    let root = TrustRoot::from_json(&root.to_string()).unwrap();
    assert_eq!(Policy::keyless(root, []).unwrap_err(), PolicyError::NoIdentity);
}
