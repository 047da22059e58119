//! New keys for SSH, in the forms that Flux and Git servers read.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clap::ValueEnum;
use ring::error::Unspecified;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};

/// What a key is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Algorithm {
    /// Short and fast.
    Ed25519,
    /// Known to older servers, too.
    Ecdsa,
}

/// The curve of an ECDSA key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Curve {
    P256,
    P384,
}

/// A key that nobody else has.
pub(super) struct NewKey {
    /// The private key, as PEM of PKCS#8.
    pub(super) private: String,
    /// The public key, as a line of `authorized_keys`.
    pub(super) public: String,
}

/// Makes a key.
///
/// # Errors
/// The system has no randomness.
pub(super) fn generate(algorithm: Algorithm, curve: Curve) -> Result<NewKey, Unspecified> {
    let random = SystemRandom::new();
    let (private, name, parts) = match (algorithm, curve) {
        (Algorithm::Ed25519, _) => {
            let document = Ed25519KeyPair::generate_pkcs8(&random)?;
            let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).map_err(|_| Unspecified)?;
            (document, "ssh-ed25519", vec![pair.public_key().as_ref().to_vec()])
        }
        (Algorithm::Ecdsa, curve) => {
            let (algorithm, curve, name) = match curve {
                Curve::P256 => (&ECDSA_P256_SHA256_ASN1_SIGNING, "nistp256", "ecdsa-sha2-nistp256"),
                Curve::P384 => (&ECDSA_P384_SHA384_ASN1_SIGNING, "nistp384", "ecdsa-sha2-nistp384"),
            };
            let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random)?;
            let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).map_err(|_| Unspecified)?;
            (document, name, vec![curve.as_bytes().to_vec(), pair.public_key().as_ref().to_vec()])
        }
    };
    // RFC 4253, section 6.6: every part with its length before it.
    let mut blob = Vec::new();
    for part in [name.as_bytes().to_vec()].into_iter().chain(parts) {
        blob.extend(u32::try_from(part.len()).map_err(|_| Unspecified)?.to_be_bytes());
        blob.extend(part);
    }
    Ok(NewKey { private: pem(private.as_ref()), public: format!("{name} {}\n", BASE64_STANDARD.encode(blob)) })
}

/// RFC 7468: lines of 64 characters.
fn pem(document: &[u8]) -> String {
    let mut text = "-----BEGIN PRIVATE KEY-----\n".to_owned();
    for (position, c) in BASE64_STANDARD.encode(document).chars().enumerate() {
        if position > 0 && position % 64 == 0 {
            text.push('\n');
        }
        text.push(c);
    }
    text + "\n-----END PRIVATE KEY-----\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_halves_belong_together() {
        for (algorithm, curve, name, length) in [
            (Algorithm::Ed25519, Curve::P384, "ssh-ed25519", 4 + 11 + 4 + 32),
            (Algorithm::Ecdsa, Curve::P256, "ecdsa-sha2-nistp256", 4 + 19 + 4 + 8 + 4 + 65),
            (Algorithm::Ecdsa, Curve::P384, "ecdsa-sha2-nistp384", 4 + 19 + 4 + 8 + 4 + 97),
        ] {
            let key = generate(algorithm, curve).unwrap();
            let other = generate(algorithm, curve).unwrap();
            assert_ne!(key.private, other.private);
            let (found, blob) = key.public.trim_end().split_once(' ').unwrap();
            let blob = BASE64_STANDARD.decode(blob).unwrap();
            assert_eq!((found, blob.len()), (name, length));
            let lines: Vec<_> = key.private.lines().collect();
            assert_eq!(
                (lines[0], lines[lines.len() - 1]),
                ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----")
            );
            assert!(lines.iter().all(|line| line.len() <= 64));
            // The public half is in the private document, too.
            let document = BASE64_STANDARD.decode(lines[1..lines.len() - 1].concat()).unwrap();
            let public = &blob[blob.len() - 32..];
            assert!(document.windows(32).any(|window| window == public));
        }
    }
}
