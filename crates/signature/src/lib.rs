//! Is this OCI artifact signed by whom we trust?
//!
//! A [`Policy`] says whom: holders of public keys, or identities for which a [`TrustRoot`] vouches.
//! Whoever fetches artifacts fetches the signatures as well, as [`Material`], from where [`registry`]
//! says, and asks [`Policy::verify`]. `docs/signatures.md` is the same story for users.
//!
//! ```
//! use flux_operator_api::Digest;
//! use flux_operator_signature::{Policy, PublicKey, VerifyError};
//!
//! let key = "-----BEGIN PUBLIC KEY-----\n\
//!     MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYI4heOTrNrZO27elFE8ynfrdPMik\n\
//!     ttRkbe+vJKQ50G6bfwQ3WyhLpRwwwohelDAm8xRzJ56nYsIa3VHivVvpmA==\n\
//!     -----END PUBLIC KEY-----";
//! let policy = Policy::keys([PublicKey::from_pem(key)?])?;
//! let artifact = Digest::new([0; 32]);
//! assert_eq!(policy.verify(&artifact, &[]), Err(VerifyError::Unsigned { artifact }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is verified
//!
//! | | by key | keyless |
//! | --- | --- | --- |
//! | it is a signature and no other attestation, of exactly this digest | yes | yes |
//! | the signature, by a trusted key or by the key of the certificate | yes | yes |
//! | the certificate was issued by an authority of the trust root, for signing code | | yes |
//! | it was valid, and the authority trusted, at every proven time of signing | | yes |
//! | it is in a certificate log of the trust root (SCT) | | yes |
//! | the signature is in a transparency log of the trust root | | yes |
//! | the entry there is the one of this signature and certificate | | yes |
//! | issuer and subject are expected ones | | yes |
//!
//! Everything fails closed. There is no clock, no network and no file, with one exception:
//! `sigstore-verify` reads the clock of the system to refuse signatures from the future.
//!
//! # Why these crates
//!
//! Sigstore's own `sigstore-verify` does all that needs judgement: bundles, chains, logs, timestamps.
//! It takes no identity by regular expression and does not know the tag scheme: both are here, the
//! latter as a translation into a bundle of version 0.1. It also wants a log or a timestamp where a
//! key needs neither, so signatures by key are checked with its primitives alone.
//!
//! By default it brings aws-lc-rs, a second cryptographic library beside the ring of TLS, which is
//! some megabytes large and slow to build. Without its features it asks for a provider. Ours
//! is an adapter to ring, and to p256 for the one thing that ring does not have: ECDSA over a digest
//! instead of a message, which `sigstore-verify` uses for the tag scheme. The older crate `sigstore`
//! knows the tag scheme, but calls itself experimental and comes with an HTTP client, a registry client and RSA in
//! software. No cryptography is written here.
//!
//! # What is not supported
//!
//! All of these are refused:
//!
//! - Trust roots without a log for certificates or without one for signatures, such as that of
//!   GitHub for private repositories.
//! - Keyless signatures of the tag scheme with other keys than ECDSA P-256, which is what cosign
//!   takes; with a certificate chain beyond the trust root; with a timestamp instead of a log entry.
//! - Subjects that are neither email addresses nor URIs.
//! - Ed25519ph, RSA-PSS and ML-DSA keys.

mod bundle;
mod crypto;
mod error;
mod identity;
mod key;
mod material;
mod policy;
pub mod registry;
mod signer;
mod simple_signing;
mod text;
mod trust_root;

pub use error::{Rejected, Rejection, VerifyError};
pub use identity::{IdentityMatch, Match, MatchError};
pub use key::{PublicKey, PublicKeyError};
pub use material::{Material, SimpleSigning};
pub use policy::{Policy, PolicyError, Verified};
pub use trust_root::{TrustRoot, TrustRootError};
