//! Where artifacts come from: a registry or a file, proven, through a cache.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flux_operator_api::Digest;
use flux_operator_signature::{Policy, Verified};

use crate::archive::Archive;
use crate::artifact::Artifact;
use crate::cache::Cache;
use crate::content::Content;
use crate::credentials::{CloudIdentity, Credentials};
use crate::layout::Layout;
use crate::manifest::{self, Descriptor, Manifest, ManifestError};
use crate::origin::{Origin, PullError};
use crate::reference::Reference;
use crate::registry::{Client, RawManifest, RegistryError};
use crate::signatures;

/// For a whole pull, retries included.
const DEADLINE: Duration = Duration::from_secs(30);
/// Bytes of a layer, compressed, which is held in memory. All of Flux 2.2 to 2.9 has 2 MiB.
pub(crate) const MAX_LAYER_BYTES: u64 = 24 << 20;

/// Where artifacts come from.
///
/// A pull believes nothing that is not proven: a tag is resolved once and everything after it asks for
/// that digest; manifests and layers are compared with their digests as a whole before anything reads
/// them; the archive is then read under [limits](crate::archive::Limits).
///
/// Content that was pulled before comes from the [`Cache`], so that an artifact which did not change
/// costs one request, and one that is named by its digest none.
#[derive(Debug)]
pub struct Artifacts {
    client: Arc<Client>,
    cache: Option<Cache>,
    policy: Option<Policy>,
    /// What the policy was asked about before. It never changes its mind about a digest.
    trusted: Mutex<BTreeMap<Digest, Verified>>,
    identity: CloudIdentity,
}

impl Artifacts {
    /// Artifacts by way of a client; without a cache, everything is pulled each time.
    pub fn new(client: Arc<Client>, cache: Option<Cache>) -> Self {
        let identity = CloudIdentity::of(Arc::clone(&client));
        Self { client, cache, policy: None, trusted: Mutex::default(), identity }
    }

    /// The same, which takes nothing but what the policy trusts.
    #[must_use]
    pub fn with_policy(self, policy: Option<Policy>) -> Self {
        Self { policy, ..self }
    }

    /// The credentials that the cloud gives this process for a registry of its own. Anonymous everywhere
    /// else.
    ///
    /// # Errors
    /// There is an identity, and it cannot be exchanged.
    pub async fn identity(&self, reference: &Reference) -> Result<Credentials, PullError> {
        let credentials = self.identity.credentials(reference.host()).await;
        credentials.map_err(|source| PullError::Identity { reference: reference.to_string(), source })
    }

    /// The digest that a reference has now: its own, or one request for that of its tag.
    ///
    /// # Errors
    /// The registry does not tell, for 30 s.
    pub async fn resolve(&self, reference: &Reference, credentials: &Credentials) -> Result<Digest, PullError> {
        let session = self.client.session(reference, credentials);
        let pinned = async { session.pin(&reference.version()).await.map_err(|error| refused(reference, error)) };
        within(reference, pinned).await
    }

    /// The digest of an artifact or image, and who signed it, if there is a policy that asks. Nothing but
    /// signatures is read.
    ///
    /// # Errors
    /// Nobody who is trusted signed it.
    pub async fn verified(
        &self,
        reference: &Reference,
        credentials: &Credentials,
    ) -> Result<(Digest, Option<Verified>), PullError> {
        let digest = self.resolve(reference, credentials).await?;
        let origin = Origin::Registry(self.client.session(reference, credentials));
        let verified = within(reference, self.verify(&origin, reference.to_string(), digest)).await?;
        Ok((digest, verified))
    }

    /// Pulls an artifact.
    ///
    /// # Errors
    /// It cannot be had within 30 s, or is no distribution. Nothing is kept of what was refused.
    ///
    /// # Cancellation
    /// Safe at any time; content that was proven stays in the cache.
    pub async fn pull(&self, reference: &Reference, credentials: &Credentials) -> Result<Artifact, PullError> {
        let session = self.client.session(reference, credentials);
        within(reference, async {
            let digest = session.pin(&reference.version()).await.map_err(|error| refused(reference, error))?;
            self.read(&Origin::Registry(session), reference.to_string(), digest).await
        })
        .await
    }

    /// Reads an artifact from a file made by `flux-operator distro bundle`.
    ///
    /// # Errors
    /// The file is no distribution.
    pub async fn open(&self, path: &Path) -> Result<Artifact, PullError> {
        let layout = Layout::open(path)?;
        let digest = layout.root()?;
        let name = layout.path().display().to_string();
        self.read(&Origin::Layout(layout), name, digest).await
    }

    async fn read(&self, origin: &Origin, name: String, digest: Digest) -> Result<Artifact, PullError> {
        let no_manifest = |source| PullError::Manifest { reference: name.clone(), source };
        let verified = self.verify(origin, name.clone(), digest).await?;
        let mut manifest = self.manifest(origin, &name, digest).await?;
        if let Manifest::Index(children) = &manifest {
            let child = manifest::choose(children).map_err(no_manifest)?.digest;
            manifest = self.manifest(origin, &name, child).await?;
        }
        let Manifest::Image(image) = manifest else { return Err(no_manifest(ManifestError::Nested)) };
        let layer = image.layers.first().ok_or(ManifestError::Invalid("has no layer")).map_err(no_manifest)?;
        let (content, is_new) = self.blob(origin, &name, layer).await?;
        // Some tens of milliseconds, which nobody else should wait for.
        let bytes = Arc::clone(content.bytes());
        let archive = match tokio::task::spawn_blocking(move || Archive::open(bytes)).await {
            Ok(opened) => opened.map_err(|source| PullError::Archive { reference: name.clone(), source })?,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        if is_new {
            self.keep(content).await;
        }
        Ok(Artifact::new(name, digest, archive, verified))
    }

    /// Whether the policy trusts a digest, if there is a policy. Before anything that the digest names is
    /// read.
    async fn verify(&self, origin: &Origin, name: String, digest: Digest) -> Result<Option<Verified>, PullError> {
        let Some(policy) = &self.policy else { return Ok(None) };
        let known = self.trusted.lock().unwrap_or_else(PoisonError::into_inner).get(&digest).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let materials = signatures::fetch(origin, &name, &digest).await?;
        let verified =
            policy.verify(&digest, &materials).map_err(|source| PullError::Signature { reference: name, source })?;
        self.trusted.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, verified.clone());
        Ok(Some(verified))
    }

    async fn manifest(&self, origin: &Origin, name: &str, digest: Digest) -> Result<Manifest, PullError> {
        let known = self.known(origin, digest).await;
        let is_new = known.is_none();
        let raw = match known {
            Some(content) => RawManifest { content, media_type: None },
            None => origin.manifest(name, digest).await?,
        };
        let manifest = Manifest::parse(raw.content.bytes(), raw.media_type.as_deref())
            .map_err(|source| PullError::Manifest { reference: name.to_owned(), source })?;
        if is_new {
            self.keep(raw.content).await;
        }
        Ok(manifest)
    }

    async fn blob(&self, origin: &Origin, name: &str, layer: &Descriptor) -> Result<(Content, bool), PullError> {
        match self.known(origin, layer.digest).await {
            Some(content) => Ok((content, false)),
            None => origin.blob(name, layer, MAX_LAYER_BYTES).await.map(|content| (content, true)),
        }
    }

    /// Content that is in the cache. A file is its own cache.
    async fn known(&self, origin: &Origin, digest: Digest) -> Option<Content> {
        let Origin::Registry(_) = origin else { return None };
        let cache = self.cache.clone()?;
        tokio::task::spawn_blocking(move || cache.get(&digest)).await.ok().flatten()
    }

    async fn keep(&self, content: Content) {
        let Some(cache) = self.cache.clone() else { return };
        let kept = tokio::task::spawn_blocking(move || cache.put(&content)).await;
        if let Ok(Err(error)) = kept {
            tracing::debug!(%error, "the cache of artifacts cannot be written, the next pull starts anew");
        }
    }
}

async fn within<T>(reference: &Reference, pull: impl Future<Output = Result<T, PullError>>) -> Result<T, PullError> {
    let timeout = || RegistryError::Timeout { host: reference.host().to_owned(), limit: DEADLINE };
    tokio::time::timeout(DEADLINE, pull).await.unwrap_or_else(|_| Err(refused(reference, timeout())))
}

fn refused(reference: &Reference, source: RegistryError) -> PullError {
    PullError::Registry { reference: reference.to_string(), source }
}
