//! Images that were made here, on their way to a registry or into a file.

use std::path::Path;

use flux_operator_api::Digest;

use crate::content::Content;
use crate::copy::{CopyError, Place};
use crate::layout::{LayoutError, Writer};
use crate::manifest::Descriptor;
use crate::reference::Version;
use crate::registry::Client;

/// Blobs and manifests that belong together: of an image, of several platforms, or of an artifact.
#[derive(Clone, Debug, Default)]
pub struct Upload {
    blobs: Vec<Content>,
    manifests: Vec<(Content, String)>,
}

impl Upload {
    /// Adds a blob and returns what a manifest says of it.
    pub fn add_blob(&mut self, media_type: &str, bytes: Vec<u8>) -> Descriptor {
        let content = Content::of(bytes);
        let described = describe(&content, media_type);
        if !self.blobs.iter().any(|known| known.digest() == content.digest()) {
            self.blobs.push(content);
        }
        described
    }

    /// Adds a manifest, after everything that it lists, and returns what an index says of it. The last one is what a
    /// tag names.
    pub fn add_manifest(&mut self, media_type: &str, bytes: Vec<u8>) -> Descriptor {
        let content = Content::of(bytes);
        let described = describe(&content, media_type);
        self.manifests.push((content, media_type.to_owned()));
        described
    }

    /// The digest of what a tag names; none of an upload without manifests.
    pub fn digest(&self) -> Option<Digest> {
        self.manifests.last().map(|(content, _)| *content.digest())
    }

    /// Writes an OCI image layout in a tar archive: whole, or not at all. The same content gives the same bytes.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path, name: &str) -> Result<(), LayoutError> {
        let mut writer = Writer::default();
        for blob in &self.blobs {
            writer.add(blob);
        }
        if let Some(((root, media_type), others)) = self.manifests.split_last() {
            for (content, _) in others {
                writer.add(content);
            }
            writer.add_manifest(root, media_type, Some(name));
        }
        writer.write(path)
    }
}

fn describe(content: &Content, media_type: &str) -> Descriptor {
    Descriptor {
        media_type: media_type.to_owned(),
        digest: *content.digest(),
        size: content.bytes().len() as u64,
        platform: None,
        artifact_type: None,
        annotations: [].into(),
    }
}

impl Client {
    /// Writes an upload to a registry. Blobs that are there are not sent again, and the tag is written last: it never
    /// names something that is not whole.
    ///
    /// # Errors
    /// The registry does not take something. What was written before stays.
    pub async fn upload(&self, upload: &Upload, destination: &Place) -> Result<(), CopyError> {
        let session = self.session(&destination.reference, &destination.credentials);
        let failed = |source| CopyError::Write { reference: destination.reference.to_string(), source };
        for blob in &upload.blobs {
            if !session.has_blob(blob.digest()).await.map_err(failed)? {
                session.push_blob(blob).await.map_err(failed)?;
            }
        }
        for (content, media_type) in &upload.manifests {
            let version = Version::Digest(*content.digest());
            session.push_manifest(&version, content, media_type).await.map_err(failed)?;
        }
        if let Some((root, media_type)) = upload.manifests.last() {
            session.push_manifest(&destination.reference.version(), root, media_type).await.map_err(failed)?;
        }
        Ok(())
    }
}
