//! How artifacts are pulled, made from the settings.

use std::sync::Arc;

use flux_operator_distro::{Artifacts, Cache, Client, ClientOptions, FlagFileError, RegistryError, TrustError};

use crate::settings::ArtifactSettings;
use crate::version::VERSION;

/// Why artifacts cannot be pulled.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactsError {
    /// The certificates cannot be read.
    #[error(transparent)]
    Certificates(#[from] FlagFileError),
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
        let user_agent = Some(format!("flux-operator/{VERSION}"));
        let options = ClientOptions { user_agent, insecure: self.insecure.clone(), ..ClientOptions::default() };
        let options = options.with_ca_file(self.certificates.as_deref())?;
        let client = Client::new(options).map_err(ArtifactsError::Client)?;
        let policy = self.trust.policy().map_err(ArtifactsError::Trust)?;
        Ok(Artifacts::new(Arc::new(client), Some(Cache::new(&self.cache))).with_policy(policy))
    }
}
