//! Public keys that users trust.

use std::fmt;

use flux_operator_api::Digest;
use sigstore_verify::crypto::{KeyAlgorithm, SigningScheme, VerificationKey, sha256};
use sigstore_verify::types::{DerPublicKey, SignatureBytes};

use crate::crypto;
use crate::text::shown;

/// A public key: ECDSA on P-256 (what `cosign generate-key-pair` makes) or P-384, Ed25519, or RSA of
/// 2048 to 8192 bits.
///
/// Its `Display` is its fingerprint: the SHA-256 sum of the key in DER, as
/// `openssl pkey -pubin -in cosign.pub -outform der | sha256sum` prints it.
#[derive(Clone)]
pub struct PublicKey {
    der: DerPublicKey,
    schemes: &'static [SigningScheme],
}

/// A text that is no public key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    /// The text is larger than any key.
    #[error("a public key of {0} bytes, more than {max} are not read", max = PublicKey::MAX_BYTES)]
    TooLarge(usize),
    /// The text is not one PEM block of the right kind.
    #[error("`{0}` is not a public key, expected a block `-----BEGIN PUBLIC KEY-----` such as `cosign.pub` has")]
    NotPem(String),
    /// The block holds no key, or one of a kind that is not supported.
    #[error("the public key is of no supported kind, expected ECDSA P-256 or P-384, Ed25519, or RSA: {0}")]
    Unsupported(String),
}

impl PublicKey {
    /// A text longer than this is refused. An RSA key of 8192 bits has 1.5 KiB.
    pub const MAX_BYTES: usize = 16 * 1024;

    /// Reads a key in PEM, such as `cosign.pub`.
    pub fn from_pem(text: &str) -> Result<Self, PublicKeyError> {
        crypto::install();
        if text.len() > Self::MAX_BYTES {
            return Err(PublicKeyError::TooLarge(text.len()));
        }
        // A private key in the wrong place must not end up in a message: only the first line is shown.
        let first_line = || shown(text.trim().lines().next().unwrap_or_default());
        let der = DerPublicKey::from_pem(text).map_err(|_| PublicKeyError::NotPem(first_line()))?;
        let algorithm =
            KeyAlgorithm::from_spki(&der).map_err(|error| PublicKeyError::Unsupported(error.to_string()))?;
        let schemes: &[SigningScheme] = match algorithm {
            KeyAlgorithm::EcdsaP256 => &[SigningScheme::EcdsaP256Sha256],
            // cosign hashes with SHA-256 whatever the key, unless it is told otherwise.
            KeyAlgorithm::EcdsaP384 => &[SigningScheme::EcdsaP384Sha256, SigningScheme::EcdsaP384Sha384],
            KeyAlgorithm::Ed25519 => &[SigningScheme::Ed25519],
            KeyAlgorithm::Rsa => &[SigningScheme::RsaPkcs1Sha256],
            other => return Err(PublicKeyError::Unsupported(format!("{other:?}"))),
        };
        Ok(Self { der, schemes })
    }

    /// The SHA-256 sum of the key in DER.
    pub fn fingerprint(&self) -> Digest {
        Digest::new(sha256(self.der.as_bytes()).into())
    }

    pub(crate) fn signed(&self, message: &[u8], signature: &SignatureBytes) -> bool {
        self.verified(|key| key.verify(message, signature))
    }

    /// As [`signed`](Self::signed), of a message of which only the digest is known.
    pub(crate) fn signed_digest(&self, digest: &Digest, signature: &SignatureBytes) -> bool {
        self.verified(|key| key.verify_prehashed(digest.as_bytes(), signature))
    }

    fn verified(&self, verify: impl Fn(VerificationKey) -> sigstore_verify::crypto::Result<()>) -> bool {
        self.schemes
            .iter()
            .any(|scheme| VerificationKey::from_spki_with_scheme(&self.der, *scheme).and_then(&verify).is_ok())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fingerprint().fmt(f)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PublicKey").field(&self.fingerprint()).finish()
    }
}
