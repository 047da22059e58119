//! Certificates.

use std::path::PathBuf;

use clap::Args;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::Kind;
use super::material::{Material, file};
use super::metadata::Common;
use crate::error::{Advise, Complaint, Failure};
use crate::usage::UsageError;

pub(super) const EXAMPLES: &str = "\
Examples:
  # For `spec.certSecretRef` of a source: the authority that its server is certified by
  flux-operator create secret tls registry-ca -n flux-system --ca-crt-file ca.crt

  # A client certificate as well
  flux-operator create secret tls registry -n flux-system --tls-crt-file tls.crt --tls-key-file tls.key --ca-crt-file ca.crt";

/// A client certificate, an authority to trust, or both.
#[derive(Debug, Args)]
pub struct Tls {
    #[command(flatten)]
    common: Common,

    /// The certificate of the client.
    #[arg(long, value_name = "FILE")]
    tls_crt_file: Option<PathBuf>,

    /// The key of the certificate.
    #[arg(long, value_name = "FILE")]
    tls_key_file: Option<PathBuf>,

    /// The certificate of the authority.
    #[arg(long, value_name = "FILE")]
    ca_crt_file: Option<PathBuf>,
}

/// Certificates that nobody could use.
#[derive(Debug, thiserror::Error)]
enum TlsError {
    #[error("`{role}` holds no certificate in PEM")]
    NoCertificate { role: &'static str },
    #[error("`--tls-key-file` holds no private key in PEM")]
    NoKey,
    #[error("certificate and key do not belong together")]
    Mismatch(#[source] rustls::Error),
}

impl Advise for TlsError {
    fn hint(&self) -> Option<String> {
        Some("a file in PEM has lines `-----BEGIN CERTIFICATE-----` or `-----BEGIN PRIVATE KEY-----`".to_owned())
    }
}

impl Kind for Tls {
    fn common(&self) -> &Common {
        &self.common
    }

    fn material(&self) -> Result<Material, Failure> {
        let Self { tls_crt_file, tls_key_file, ca_crt_file, .. } = self;
        let pair = match (tls_crt_file, tls_key_file) {
            (Some(certificate), Some(key)) => Some((file(certificate, "certificate")?, file(key, "key")?)),
            (None, None) => None,
            (certificate, _) => {
                let (have, need) = match certificate {
                    Some(_) => ("--tls-crt-file", "--tls-key-file"),
                    None => ("--tls-key-file", "--tls-crt-file"),
                };
                let text = format!("`{have}` is of no use without `{need}`");
                return Err(Complaint::new(UsageError::found(text, format!("give `{need} FILE`, too"))).into());
            }
        };
        let authority = ca_crt_file.as_ref().map(|path| file(path, "authority")).transpose()?;
        if let Some(authority) = &authority {
            certificates(authority, "--ca-crt-file")?;
        }
        let material = match (&pair, &authority) {
            (Some((certificate, key)), _) => {
                check(certificate, key).map_err(Complaint::new)?;
                Material::of("kubernetes.io/tls").with("tls.crt", certificate).with("tls.key", key)
            }
            (None, Some(_)) => Material::opaque(),
            (None, None) => {
                let hint = "give `--ca-crt-file`, or `--tls-crt-file` and `--tls-key-file`";
                return Err(Complaint::new(UsageError::found("a certificate is required", hint)).into());
            }
        };
        Ok(material.with_some("ca.crt", authority.as_deref()))
    }
}

fn certificates(text: &str, role: &'static str) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<_, _>>().unwrap_or_default();
    if found.is_empty() { Err(Complaint::new(TlsError::NoCertificate { role }).into()) } else { Ok(found) }
}

fn check(certificate: &str, key: &str) -> Result<(), TlsError> {
    let role = "--tls-crt-file";
    let chain = certificates(certificate, role).map_err(|_| TlsError::NoCertificate { role })?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| TlsError::NoKey)?;
    CertifiedKey::from_der(chain, key, &default_provider()).map(drop).map_err(TlsError::Mismatch)
}
