//! What users trust, and the one question about it.

use std::fmt;

use flux_operator_api::Digest;
use jiff::Timestamp;

use crate::bundle;
use crate::error::{Rejected, Rejection, VerifyError};
use crate::identity::IdentityMatch;
use crate::key::PublicKey;
use crate::material::Material;
use crate::simple_signing;
use crate::trust_root::TrustRoot;

/// Whose signature an artifact needs. There is always somebody.
#[derive(Clone, Debug)]
pub struct Policy(Trusted);

#[derive(Clone, Debug)]
enum Trusted {
    Keys(Vec<PublicKey>),
    Identities { root: TrustRoot, identities: Vec<IdentityMatch> },
}

/// A policy that trusts nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// There is no key.
    #[error("a policy by key needs a public key")]
    NoKey,
    /// There is no identity.
    #[error("a keyless policy needs an identity, with issuer and subject")]
    NoIdentity,
}

/// Who signed an artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verified {
    /// The holder of a trusted key.
    Key {
        /// The fingerprint of the key.
        fingerprint: Digest,
    },
    /// A trusted identity.
    Identity {
        /// Who says so.
        issuer: String,
        /// Who signed.
        subject: String,
        /// When, as the log or an authority for time says; the earliest if both do.
        signed_at: Timestamp,
    },
}

impl Policy {
    /// Trusts signatures with any of these keys. Give the old and the new one while keys change.
    ///
    /// Neither the transparency log nor an authority for time is asked: whoever has the key is
    /// trusted, whenever it was used.
    pub fn keys(keys: impl IntoIterator<Item = PublicKey>) -> Result<Self, PolicyError> {
        let keys: Vec<_> = keys.into_iter().collect();
        if keys.is_empty() { Err(PolicyError::NoKey) } else { Ok(Self(Trusted::Keys(keys))) }
    }

    /// Trusts signatures of any of these identities, as far as the trust root vouches for them.
    pub fn keyless(root: TrustRoot, identities: impl IntoIterator<Item = IdentityMatch>) -> Result<Self, PolicyError> {
        let identities: Vec<_> = identities.into_iter().collect();
        if identities.is_empty() {
            return Err(PolicyError::NoIdentity);
        }
        Ok(Self(Trusted::Identities { root, identities }))
    }

    /// Tells who signed the artifact, if that is somebody whom the policy trusts.
    ///
    /// One good signature is enough, whatever the others are: anybody who may write to a registry can
    /// add bad ones. Materials are looked at in their order, until one is good.
    ///
    /// # Guarantees
    /// `Ok` only if a signature of exactly this digest was proven to be of a trusted key or identity.
    /// Whatever cannot be read, is not known or not supported counts against the artifact.
    pub fn verify(&self, artifact: &Digest, materials: &[Material]) -> Result<Verified, VerifyError> {
        let artifact = *artifact;
        if materials.is_empty() {
            return Err(VerifyError::Unsigned { artifact });
        }
        if materials.len() > Material::MAX_COUNT {
            return Err(VerifyError::TooMany { artifact, count: materials.len() });
        }
        let mut rejected = Vec::new();
        for material in materials {
            match self.verify_one(&artifact, material) {
                Ok(verified) => return Ok(verified),
                Err(why) => rejected.push(Rejected { scheme: material.scheme(), why }),
            }
        }
        Err(VerifyError::Untrusted { artifact, rejected })
    }

    fn verify_one(&self, artifact: &Digest, material: &Material) -> Result<Verified, Rejection> {
        let bytes = material.bytes();
        if bytes > Material::MAX_BYTES {
            return Err(Rejection::TooLarge { bytes });
        }
        match &self.0 {
            Trusted::Keys(keys) => {
                let key = match material {
                    Material::Bundle(json) => bundle::key(json, artifact, keys)?,
                    Material::SimpleSigning(layer) => simple_signing::key(layer, artifact, keys)?,
                };
                Ok(Verified::Key { fingerprint: key.fingerprint() })
            }
            Trusted::Identities { root, identities } => {
                let signer = match material {
                    Material::Bundle(json) => bundle::signer(json, artifact, root)?,
                    Material::SimpleSigning(layer) => simple_signing::signer(layer, artifact, root)?,
                };
                signer.expected(identities)
            }
        }
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { fingerprint } => write!(f, "the key `{fingerprint}`"),
            Self::Identity { issuer, subject, .. } => write!(f, "`{subject}` of issuer `{issuer}`"),
        }
    }
}
