//! Copies between registries, and into files: whole, by digest, and only what is missing.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flux_operator_api::Digest;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::artifacts::MAX_LAYER_BYTES;
use crate::credentials::Credentials;
use crate::layout::{LayoutError, Writer};
use crate::manifest::{self, Descriptor, Manifest, ManifestError};
use crate::reference::{Reference, Version};
use crate::registry::{Client, RawManifest, RegistryError, Session};

/// Blobs that are on their way at the same time, each in memory.
const WINDOW: usize = 3;
/// Bytes of one blob. The largest layer of a Flux image has 40 MiB.
const MAX_BLOB_BYTES: u64 = 1 << 30;

/// Something in a registry, and as whom it is asked for.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its name.
    pub reference: Reference,
    /// Who we are there.
    pub credentials: Credentials,
}

/// What to do where a tag of the destination has something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// The tag moves.
    Overwrite,
    /// The tag stays, and the copy gets this one.
    KeepAndTag {
        /// Seconds since 1970, which the other tag ends in.
        now: i64,
    },
}

/// What a copy came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Copied {
    /// The tag is new.
    Copied,
    /// The tag had something else.
    Overwritten,
    /// The tag has something else still; the copy is at this name.
    Beside(Reference),
    /// The tag had it already.
    UpToDate,
    /// The tag has something else, and the repository has the copy, by its digest.
    AlreadyPresent,
}

/// A copy that was not made.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// It cannot be read.
    #[error("cannot read `{reference}`")]
    Read {
        /// What.
        reference: String,
        /// Why.
        #[source]
        source: RegistryError,
    },
    /// It cannot be written.
    #[error("cannot write `{reference}`")]
    Write {
        /// What.
        reference: String,
        /// Why.
        #[source]
        source: RegistryError,
    },
    /// It is nothing that can be copied.
    #[error("cannot copy `{reference}`")]
    Manifest {
        /// What.
        reference: String,
        /// Why.
        #[source]
        source: ManifestError,
    },
    /// The file cannot be written.
    #[error(transparent)]
    Layout(#[from] LayoutError),
}

/// How far a copy is. Read it from another task.
#[derive(Debug, Default)]
pub struct CopyProgress {
    bytes: AtomicU64,
    known: AtomicU64,
}

impl CopyProgress {
    /// Bytes that are there, copied now or before, and bytes that are known to be wanted.
    pub fn bytes(&self) -> (u64, u64) {
        (self.bytes.load(Ordering::Relaxed), self.known.load(Ordering::Relaxed))
    }

    fn expect(&self, descriptors: &[&Descriptor]) {
        self.known.fetch_add(descriptors.iter().map(|descriptor| descriptor.size).sum(), Ordering::Relaxed);
    }

    fn done(&self, descriptor: &Descriptor) {
        self.bytes.fetch_add(descriptor.size, Ordering::Relaxed);
    }
}

/// Two repositories.
struct Route {
    from: Arc<Session>,
    to: Arc<Session>,
    source: String,
    destination: String,
}

impl Client {
    /// Copies an image or artifact with everything that belongs to it: all platforms, and its
    /// signatures. What the destination has is not sent again, so that a copy which was broken off goes
    /// on where it was.
    ///
    /// The tag is written last: it never names something that is not whole, or that lacks its signatures.
    ///
    /// # Errors
    /// A registry does not give or take something. Blobs that were copied stay.
    pub async fn copy(
        &self,
        source: &Place,
        destination: &Place,
        existing: Existing,
        progress: &CopyProgress,
    ) -> Result<Copied, CopyError> {
        let route = Route {
            from: self.session(&source.reference, &source.credentials),
            to: self.session(&destination.reference, &destination.credentials),
            source: source.reference.to_string(),
            destination: destination.reference.to_string(),
        };
        let digest = route.from.pin(&source.reference.version()).await.map_err(|error| route.not_read(error))?;
        let tag = destination.reference.version();
        let present = match route.to.resolve(&tag).await {
            Ok(present) => Some(present),
            Err(RegistryError::NotFound { .. }) => None,
            Err(error) => return Err(route.not_read_back(error)),
        };
        if present == Some(digest) {
            // Somebody may have signed it since.
            route.signatures(&digest, progress).await?;
            return Ok(Copied::UpToDate);
        }
        let (name, copied) = match (present, existing) {
            (None, _) => (tag, Copied::Copied),
            (Some(_), Existing::Overwrite) => (tag, Copied::Overwritten),
            (Some(_), Existing::KeepAndTag { now }) => {
                if route.to.resolve(&Version::Digest(digest)).await.is_ok() {
                    route.signatures(&digest, progress).await?;
                    return Ok(Copied::AlreadyPresent);
                }
                let beside = destination.reference.tagged(format!("{tag}-{now}"));
                (beside.version(), Copied::Beside(beside))
            }
        };
        let root = route.from.manifest(&Version::Digest(digest)).await.map_err(|error| route.not_read(error))?;
        let manifest = route.parse(&root)?;
        if let Manifest::Index(children) = &manifest {
            for child in children {
                route.child(child, progress).await?;
            }
        } else {
            route.blobs(&manifest, progress).await?;
        }
        route.push(&Version::Digest(digest), &root, &manifest).await?;
        route.signatures(&digest, progress).await?;
        route.push(&name, &root, &manifest).await?;
        Ok(copied)
    }

    /// Writes an artifact with its signatures into one file, which `--distribution` and
    /// `--storage-path` take. Returns the digest.
    ///
    /// # Errors
    /// The registry does not give something, or the file cannot be written; then there is none.
    pub async fn bundle(&self, source: &Place, path: &Path) -> Result<Digest, CopyError> {
        let session = self.session(&source.reference, &source.credentials);
        let name = source.reference.to_string();
        let not_read = |source| CopyError::Read { reference: name.clone(), source };
        let digest = session.pin(&source.reference.version()).await.map_err(not_read)?;
        let mut writer = Writer::default();
        let mut wanted = vec![(digest, name.clone())];
        let found = session.signatures(&digest).await.map_err(not_read)?;
        wanted.extend(found.into_iter().map(|found| (found.digest, found.version.to_string())));
        for (digest, name) in wanted {
            bundle_one(&session, &mut writer, digest, &name).await?;
        }
        writer.write(path)?;
        Ok(digest)
    }
}

/// Adds a manifest, of an index the one that is read, and its blobs.
async fn bundle_one(session: &Session, writer: &mut Writer, digest: Digest, name: &str) -> Result<(), CopyError> {
    let not_read = |source| CopyError::Read { reference: name.to_owned(), source };
    let no_manifest = |source| CopyError::Manifest { reference: name.to_owned(), source };
    let root = session.manifest(&Version::Digest(digest)).await.map_err(not_read)?;
    let mut manifest = Manifest::parse(root.content.bytes(), root.media_type.as_deref()).map_err(no_manifest)?;
    writer.add_manifest(&root.content, manifest.media_type(root.media_type.as_deref()), Some(name));
    if let Manifest::Index(children) = &manifest {
        let child = manifest::choose(children).map_err(no_manifest)?.digest;
        let child = session.manifest(&Version::Digest(child)).await.map_err(not_read)?;
        writer.add(&child.content);
        manifest = Manifest::parse(child.content.bytes(), child.media_type.as_deref()).map_err(no_manifest)?;
    }
    for descriptor in manifest.descriptors() {
        writer.add(&session.blob(descriptor, MAX_LAYER_BYTES).await.map_err(not_read)?);
    }
    Ok(())
}

impl Route {
    /// A manifest that an index lists, with its blobs. An index in an index is no image.
    async fn child(&self, child: &Descriptor, progress: &CopyProgress) -> Result<(), CopyError> {
        let version = Version::Digest(child.digest);
        if self.to.resolve(&version).await.is_ok() {
            return Ok(());
        }
        let raw = self.from.manifest(&version).await.map_err(|error| self.not_read(error))?;
        let manifest = self.parse(&raw)?;
        if matches!(manifest, Manifest::Index(_)) {
            return Err(CopyError::Manifest { reference: self.source.clone(), source: ManifestError::Nested });
        }
        self.blobs(&manifest, progress).await?;
        self.push(&version, &raw, &manifest).await
    }

    async fn blobs(&self, manifest: &Manifest, progress: &CopyProgress) -> Result<(), CopyError> {
        let descriptors = manifest.descriptors();
        progress.expect(&descriptors);
        let copies = descriptors.into_iter().map(|descriptor| async move {
            self.blob(descriptor).await?;
            progress.done(descriptor);
            Ok(())
        });
        stream::iter(copies).buffer_unordered(WINDOW).try_collect().await
    }

    async fn blob(&self, descriptor: &Descriptor) -> Result<(), CopyError> {
        if self.to.has_blob(&descriptor.digest).await.map_err(|error| self.not_written(error))? {
            return Ok(());
        }
        let content = self.from.blob(descriptor, MAX_BLOB_BYTES).await.map_err(|error| self.not_read(error))?;
        self.to.push_blob(&content).await.map_err(|error| self.not_written(error))
    }

    async fn push(&self, version: &Version, raw: &RawManifest, manifest: &Manifest) -> Result<(), CopyError> {
        let media_type = manifest.media_type(raw.media_type.as_deref());
        self.to.push_manifest(version, &raw.content, media_type).await.map_err(|error| self.not_written(error))
    }

    /// Signatures keep the names by which they are found.
    async fn signatures(&self, digest: &Digest, progress: &CopyProgress) -> Result<(), CopyError> {
        for found in self.from.signatures(digest).await.map_err(|error| self.not_read(error))? {
            let read = self.from.manifest(&Version::Digest(found.digest)).await;
            let raw = read.map_err(|error| self.not_read(error))?;
            let manifest = self.parse(&raw)?;
            if self.to.resolve(&found.version).await.is_ok_and(|present| present == found.digest) {
                continue;
            }
            self.blobs(&manifest, progress).await?;
            self.push(&found.version, &raw, &manifest).await?;
        }
        Ok(())
    }

    fn parse(&self, raw: &RawManifest) -> Result<Manifest, CopyError> {
        Manifest::parse(raw.content.bytes(), raw.media_type.as_deref())
            .map_err(|source| CopyError::Manifest { reference: self.source.clone(), source })
    }

    fn not_read(&self, source: RegistryError) -> CopyError {
        CopyError::Read { reference: self.source.clone(), source }
    }

    fn not_read_back(&self, source: RegistryError) -> CopyError {
        CopyError::Read { reference: self.destination.clone(), source }
    }

    fn not_written(&self, source: RegistryError) -> CopyError {
        CopyError::Write { reference: self.destination.clone(), source }
    }
}
