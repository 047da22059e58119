//! A certificate authority that only one test knows.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};

/// An authority, and what a server on loopback proves itself with.
pub(super) struct Authority {
    /// What clients have to trust.
    pub(super) ca: String,
    /// Of the server.
    pub(super) certificate: String,
    /// Of the server.
    pub(super) key: String,
}

impl Authority {
    /// Makes an authority and a certificate for `127.0.0.1`, `::1` and `localhost`.
    ///
    /// # Errors
    /// The system has no randomness.
    pub(super) fn make() -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "testkit");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let names = ["127.0.0.1", "::1", "localhost"].map(str::to_owned);
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, "registry");
        params.use_authority_key_identifier_extension = true;
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &issuer)?.pem();
        Ok(Self { ca: issuer.pem(), certificate, key: key.serialize_pem() })
    }
}
