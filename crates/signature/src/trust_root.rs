//! Trust roots: who may vouch for identities and for time.

use std::fmt;
use std::sync::Arc;

use sigstore_verify::Verifier;
use sigstore_verify::crypto::parse_certificate_info;
use sigstore_verify::trust_root::{CertificateAuthority, TrustedRoot};
use sigstore_verify::types::TimeRange;

use crate::crypto;

/// A Sigstore trust root: the content of a file `trusted_root.json`.
///
/// It holds the certificate authorities that vouch for identities, the logs that certificates and
/// signatures have to be in, and the authorities that vouch for time, each with the time from when to
/// when it was trusted. Cheap to clone.
#[derive(Clone)]
pub struct TrustRoot(Arc<Verifier>);

/// A text that is no trust root to verify keyless signatures with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustRootError {
    /// The text is larger than any trust root.
    #[error("a trust root of {0} bytes, more than {max} are not read", max = TrustRoot::MAX_BYTES)]
    TooLarge(usize),
    /// The text is no JSON of the right form.
    #[error(
        "the text is not a Sigstore trust root, get one with `cosign trusted-root create --with-default-services`: {0}"
    )]
    Unreadable(String),
    /// A list that keyless signatures cannot do without is missing or empty.
    #[error("the trust root has no `{0}`, without which no keyless signature can be verified")]
    Missing(&'static str),
    /// A key, certificate or time in it makes no sense.
    #[error("the trust root cannot be used: {0}")]
    Invalid(String),
}

impl TrustRoot {
    /// A text longer than this is refused. That of the public Sigstore instance has 8 KiB.
    pub const MAX_BYTES: usize = 1024 * 1024;

    /// Reads the content of a file `trusted_root.json`.
    ///
    /// A trust root does not expire as a whole: it goes on verifying what was signed while its
    /// authorities were valid.
    pub fn from_json(text: &str) -> Result<Self, TrustRootError> {
        crypto::install();
        if text.len() > Self::MAX_BYTES {
            return Err(TrustRootError::TooLarge(text.len()));
        }
        let mut root = TrustedRoot::from_json(text).map_err(|error| TrustRootError::Unreadable(error.to_string()))?;
        for (list, empty) in [
            ("certificateAuthorities", root.certificate_authorities.is_empty()),
            ("ctlogs", root.ctlogs.is_empty()),
            ("tlogs", root.tlogs.is_empty()),
        ] {
            if empty {
                return Err(TrustRootError::Missing(list));
            }
        }
        for authority in &mut root.certificate_authorities {
            narrow(authority)?;
        }
        Verifier::new(&root)
            .map(|verifier| Self(Arc::new(verifier)))
            .map_err(|error| TrustRootError::Invalid(error.to_string()))
    }

    pub(crate) fn verifier(&self) -> &Verifier {
        &self.0
    }
}

/// Trusts an authority no longer than its own certificates are valid.
///
/// `sigstore-verify` takes every certificate of a trust root as an anchor and looks at the times that
/// the file gives, which often have no end, and never at those of the certificates.
fn narrow(authority: &mut CertificateAuthority) -> Result<(), TrustRootError> {
    for certificate in &authority.cert_chain.certificates {
        let info = parse_certificate_info(&certificate.raw_bytes)
            .map_err(|error| TrustRootError::Invalid(format!("a certificate in `certificateAuthorities`: {error}")))?;
        let window = authority.valid_for.get_or_insert(TimeRange { start: info.not_before, end: None });
        window.start = window.start.max(info.not_before);
        window.end = Some(window.end.map_or(info.not_after, |end| end.min(info.not_after)));
    }
    Ok(())
}

impl fmt::Debug for TrustRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustRoot").finish_non_exhaustive()
    }
}
