//! Signatures, good and bad: by keys, by identities of an instance of Sigstore that exists in memory
//! only, by the real cosign, and noise.

#![cfg(test)]

mod cosign;
mod instance;
mod keyed;
mod keyless;
mod noise;

use flux_operator_api::Digest;
use flux_operator_signature::{Material, Policy, Rejection, Verified, VerifyError};

/// The artifact of all tests, and one that nobody signed.
const ARTIFACT: Digest = Digest::new([0xa1; 32]);
const OTHER: Digest = Digest::new([0xb2; 32]);

/// Why the policy rejects the material, which is the only one.
#[track_caller]
fn rejection(policy: &Policy, artifact: Digest, material: Material) -> Rejection {
    match policy.verify(&artifact, &[material]) {
        Err(VerifyError::Untrusted { artifact: named, rejected }) => {
            assert_eq!(named, artifact);
            assert_eq!(rejected.len(), 1);
            rejected[0].why.clone()
        }
        other => panic!("expected one rejection, got {other:?}"),
    }
}

#[track_caller]
fn verified(policy: &Policy, material: Material) -> Verified {
    policy.verify(&ARTIFACT, &[material]).unwrap_or_else(|error| panic!("{error}"))
}
