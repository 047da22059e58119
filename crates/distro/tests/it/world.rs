//! What a test pulls, and with what.

use std::path::PathBuf;
use std::sync::Arc;

use flux_operator_distro::credentials::Credentials;
use flux_operator_distro::{Artifacts, Cache, Client, ClientOptions, Digest, PullError, Reference};
use flux_operator_testkit::registry::{Artifact, FLUX_LAYER, artifact, pack};
use tempfile::TempDir;

/// Somebody who pulls, with an empty cache.
pub(crate) struct Puller {
    pub(crate) artifacts: Artifacts,
    pub(crate) client: Arc<Client>,
    folder: TempDir,
}

impl Puller {
    pub(crate) fn new() -> Self {
        Self::trusting("")
    }

    /// Trusts an authority besides those of the system.
    pub(crate) fn trusting(pem: &str) -> Self {
        let certificates = pem.as_bytes().to_vec();
        let client = Arc::new(Client::new(ClientOptions { certificates, ..ClientOptions::default() }).unwrap());
        let folder = tempfile::tempdir().unwrap();
        let artifacts = Artifacts::new(Arc::clone(&client), Some(Cache::new(folder.path())));
        Self { artifacts, client, folder }
    }

    pub(crate) async fn pull(&self, reference: &Reference) -> Result<Digest, PullError> {
        self.pull_as(reference, &Credentials::Anonymous).await
    }

    pub(crate) async fn pull_as(&self, reference: &Reference, who: &Credentials) -> Result<Digest, PullError> {
        self.artifacts.pull(reference, who).await.map(|artifact| artifact.digest())
    }

    /// The digests of what is kept, in hexadecimal, and nothing else that lies about.
    pub(crate) fn kept(&self) -> Vec<String> {
        let folder: PathBuf = self.folder.path().join("sha256");
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// An artifact with one version of Flux.
pub(crate) fn distribution(version: &str) -> Artifact {
    let name = format!("flux/{version}/policies.yaml");
    artifact(&pack(&[(&name, b"apiVersion: v1\nkind: A\nmetadata: {name: a}\n")]), FLUX_LAYER)
}

pub(crate) fn reference(host: &str, rest: &str) -> Reference {
    format!("oci://{host}/{rest}").parse().unwrap()
}

pub(crate) fn user(password: &str) -> Credentials {
    Credentials::Basic {
        username: "user".to_owned(),
        password: flux_operator_distro::credentials::Secret::new(password),
    }
}

/// An error with its causes, as a user reads it.
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
