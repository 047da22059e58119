//! Signers that a trust root vouches for.

use jiff::Timestamp;
use sigstore_verify::types::{Artifact, Bundle};
use sigstore_verify::{CertificateError, Error, VerificationPolicy, VerificationResult};

use crate::error::Rejection;
use crate::identity::IdentityMatch;
use crate::policy::Verified;
use crate::text::shown;
use crate::trust_root::TrustRoot;

/// Who signed, proven but not yet trusted.
pub(crate) struct Signer {
    issuer: String,
    subject: String,
    signed_at: Timestamp,
}

impl Signer {
    /// Has `sigstore-verify` prove everything that there is to prove about a keyless signature:
    /// times, certificate chain, both logs, and the signature over the artifact.
    pub(crate) fn prove<'a>(
        artifact: impl Into<Artifact<'a>>,
        bundle: &Bundle,
        root: &TrustRoot,
    ) -> Result<Self, Rejection> {
        // Whether the identity is the right one is our question: theirs knows no expressions.
        let result =
            root.verifier().verify(artifact, bundle, &VerificationPolicy::any_identity()).map_err(rejection)?;
        Self::of(&result)
            .ok_or_else(|| Rejection::Unproven("issuer, subject or time of signing are missing".to_owned()))
    }

    /// `None` if anything was not checked, or is missing. The policy leaves nothing out; this is to
    /// stay so if defaults change.
    fn of(result: &VerificationResult) -> Option<Self> {
        let proven = result.certificate_verified() && result.sct_verified() && result.tlog_verified();
        let present = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Some(Self {
            issuer: result.issuer().filter(|_| proven).and_then(present)?,
            subject: result.identity().and_then(|subject| present(subject.as_str()))?,
            signed_at: result.verified_timestamps().iter().min().copied()?,
        })
    }

    /// The signer, if it is one of these.
    pub(crate) fn expected(self, identities: &[IdentityMatch]) -> Result<Verified, Rejection> {
        let Self { issuer, subject, signed_at } = self;
        if identities.iter().any(|identity| identity.matches(&issuer, &subject)) {
            return Ok(Verified::Identity { issuer, subject, signed_at });
        }
        let expected = identities.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
        Err(Rejection::WrongIdentity { subject: shown(&subject), issuer: shown(&issuer), expected })
    }
}

fn rejection(error: Error) -> Rejection {
    match error {
        Error::Certificate(CertificateError::NoValidAuthority { time }) => Rejection::ExpiredRoot { time },
        other => Rejection::Unproven(shown(&other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use sigstore_verify::trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT;
    use sigstore_verify::types::Sha256Hash;

    use super::*;

    fn prove(bundle: &str, artifact: &str) -> Result<Signer, Rejection> {
        let root = TrustRoot::from_json(SIGSTORE_PRODUCTION_TRUSTED_ROOT).unwrap();
        let artifact = Sha256Hash::from_hex(artifact).unwrap();
        Signer::prove(artifact, &Bundle::from_json(bundle).unwrap(), &root)
    }

    /// Of the public instance: with its keys and chains, and through our cryptography.
    #[test]
    fn proves_what_the_public_instance_made() {
        let bundle = include_str!("../tests/vectors/public.json");
        let artifact = "54303491a8418fbed24344b513546182c29b43bf282ceb433af65e2299f9271f";
        let signer = prove(bundle, artifact).unwrap();
        assert_eq!(signer.issuer, "https://token.actions.githubusercontent.com");
        assert_eq!(
            signer.subject,
            "https://github.com/prefix-dev/sigstore-example/.github/workflows/action.yaml@refs/heads/main"
        );
        assert_eq!(signer.signed_at.to_string(), "2025-09-01T12:13:59Z");

        assert!(matches!(prove(bundle, &"0".repeat(64)), Err(Rejection::Unproven(_))));
    }
}
