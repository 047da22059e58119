//! How artifacts are pulled, made from the settings.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use flux_operator_distro::{Artifacts, Cache, Client, ClientOptions, RegistryError, TrustError};

use crate::settings::ArtifactSettings;
use crate::version::VERSION;

/// Why artifacts cannot be pulled.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactsError {
    /// A file that a flag names cannot be read.
    #[error("cannot read `{}`, which `{flag}` names", .path.display())]
    File {
        /// The flag.
        flag: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The certificates cannot be used.
    #[error("cannot use the certificates of `--registry-ca-file`")]
    Client(#[source] RegistryError),
    /// Nobody can tell whom to trust.
    #[error("cannot tell whose signature artifacts need")]
    Trust(#[source] TrustError),
}

impl ArtifactSettings {
    /// Makes what pulls artifacts. Nothing is connected to.
    ///
    /// # Errors
    /// The certificates or what says whom to trust cannot be read.
    pub fn open(&self) -> Result<Artifacts, ArtifactsError> {
        let certificates = match &self.certificates {
            Some(path) => std::fs::read(path).map_err(|source| ArtifactsError::File {
                flag: "--registry-ca-file",
                path: path.clone(),
                source,
            })?,
            None => Vec::new(),
        };
        let options = ClientOptions {
            user_agent: Some(format!("flux-operator/{VERSION}")),
            insecure: self.insecure.clone(),
            certificates,
        };
        let client = Client::new(options).map_err(ArtifactsError::Client)?;
        let policy = self.trust.policy().map_err(ArtifactsError::Trust)?;
        Ok(Artifacts::new(Arc::new(client), Some(Cache::new(&self.cache))).with_policy(policy))
    }
}
