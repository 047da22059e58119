//! What speaks against an artifact.

use std::fmt;

use flux_operator_api::Digest;
use jiff::Timestamp;

use crate::material::Material;
use crate::registry::SIGN_PREDICATE;

/// Nobody who is trusted signed the artifact.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// There is no signature at all.
    #[error("`{artifact}` has no signature, sign it with `cosign sign`")]
    Unsigned {
        /// The artifact.
        artifact: Digest,
    },
    /// There are more signatures than are looked at.
    #[error("`{artifact}` has {count} signatures, more than {max} are not looked at", max = Material::MAX_COUNT)]
    TooMany {
        /// The artifact.
        artifact: Digest,
        /// How many signatures there are.
        count: usize,
    },
    /// None of the signatures is good.
    #[error("no signature of `{artifact}` is trusted: {}", Listed(rejected))]
    Untrusted {
        /// The artifact.
        artifact: Digest,
        /// Its signatures in the order in which they were given, and why each was rejected.
        rejected: Vec<Rejected>,
    },
}

/// A signature that was rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// How the signature is kept: `bundle` or `tag scheme`.
    pub scheme: &'static str,
    /// Why it was rejected.
    pub why: Rejection,
}

/// Why a signature was rejected. Its text continues a sentence about the signature.
///
/// Texts out of the signature are shortened and have no control characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// It is larger than [`Material::MAX_BYTES`].
    #[error("has {bytes} bytes, more than {max} are not read", max = Material::MAX_BYTES)]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// A part of it is missing or cannot be read.
    #[error("has no readable {part}: {detail}")]
    Unreadable {
        /// The part.
        part: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// It is of a form that is not supported.
    #[error("is {found}, expected {expected}")]
    Unsupported {
        /// What was found.
        found: String,
        /// What would be supported.
        expected: &'static str,
    },
    /// It is a statement about the artifact and no signature.
    #[error(
        "is an attestation of type `{predicate}` and no signature: sign with `cosign sign`, whose type is `{SIGN_PREDICATE}`"
    )]
    Attestation {
        /// The predicate type.
        predicate: String,
    },
    /// It signs another artifact. Somebody may have put it here to deceive.
    #[error("is of another artifact, `{signed}`")]
    OtherArtifact {
        /// The artifact that it is of.
        signed: String,
    },
    /// None of the trusted keys made it, or it was changed since.
    #[error("was not made with {}: sign with that key, or trust the key of the signer", Trusted(keys))]
    WrongKey {
        /// The fingerprints of the trusted keys.
        keys: Vec<Digest>,
    },
    /// It is keyless and the policy names keys.
    #[error("is keyless, but only keys are trusted: trust an identity, or sign with `cosign sign --key`")]
    Keyless,
    /// It was made with a key and the policy names identities.
    #[error("was made with a key, but only identities are trusted: trust the key, or sign keyless")]
    Keyed,
    /// Its signer is proven, and is not trusted.
    #[error("is by `{subject}` of issuer `{issuer}`, expected {expected}")]
    WrongIdentity {
        /// Who signed.
        subject: String,
        /// Who says so.
        issuer: String,
        /// Who is trusted.
        expected: String,
    },
    /// When it was made, nobody in the trust root was valid to vouch for it.
    #[error(
        "was made at {time}, when no certificate authority of the trust root was valid: sign again, or update the trust root"
    )]
    ExpiredRoot {
        /// When it was made, as its proofs of time say.
        time: Timestamp,
    },
    /// The trust root does not vouch for it.
    #[error("is not vouched for by the trust root: {0}")]
    Unproven(String),
}

struct Listed<'a>(&'a [Rejected]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Rejected { scheme, why }) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            write!(f, "{separator}signature {} ({scheme}) {why}", at + 1)?;
        }
        Ok(())
    }
}

struct Trusted<'a>(&'a [Digest]);

impl fmt::Display for Trusted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, key) in self.0.iter().enumerate() {
            write!(f, "{}`{key}`", if at == 0 { "the key " } else { " or " })?;
        }
        Ok(())
    }
}
