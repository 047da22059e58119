//! A distribution in one file, for places without a network.
//!
//! The file is an OCI image layout in a tar archive, as other tools write and read it too: `oci-layout`,
//! `index.json`, and every blob under `blobs/sha256/`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use flux_operator_api::Digest;
use serde::{Deserialize, Serialize};

use crate::archive::{Archive, ArchiveError, Limits};
use crate::content::Content;
use crate::manifest::{self, Descriptor};

/// Bytes of a file that is read.
const MAX_BYTES: u64 = 200 << 20;
/// Where the layout says which version of its format it is.
const MARKER: &str = "oci-layout";
const MARKER_CONTENT: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;
const INDEX: &str = "index.json";
/// Annotation with the name that a manifest has in the layout.
pub(crate) const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// An opened file.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    path: PathBuf,
    archive: Archive,
    manifests: Vec<Descriptor>,
}

/// A file that is no distribution.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// It cannot be opened, read or written.
    #[error("cannot {verb} `{}`", .path.display())]
    File {
        /// `read` or `write`.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is no archive.
    #[error("`{}` is no distribution: it has to be an archive made by `flux-operator distro bundle`", .path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: ArchiveError,
    },
    /// It is an archive, and no layout.
    #[error("`{}` is no distribution: {reason}", .path.display())]
    NotALayout {
        /// The file.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// Something in it is not what its name says.
    #[error("`{}` is damaged: `{expected}` is not what it should be", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The name of what was expected.
        expected: Digest,
    },
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    schema_version: u32,
    #[serde(default)]
    media_type: String,
    manifests: Vec<Descriptor>,
}

impl Layout {
    /// Reads a file. Its blobs are compared with their digests when somebody asks for them.
    pub(crate) fn open(path: &Path) -> Result<Self, LayoutError> {
        let unreadable = |source| LayoutError::File { verb: "read", path: path.to_owned(), source };
        let file = fs::File::open(path).map_err(unreadable)?;
        let mut bytes = Vec::new();
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(unreadable(io::Error::other(format!("it has more than {MAX_BYTES} bytes"))));
        }
        let no_archive = |source| LayoutError::Archive { path: path.to_owned(), source };
        let limits = Limits { max_bytes: MAX_BYTES, max_file_bytes: MAX_BYTES, ..Limits::default() };
        let archive = Archive::open_with(bytes, limits).map_err(no_archive)?;
        let mut files = archive.files(|name| name == INDEX || name == MARKER).map_err(no_archive)?;
        let no_layout = |reason: String| LayoutError::NotALayout { path: path.to_owned(), reason };
        if !files.contains_key(MARKER) {
            return Err(no_layout(format!("it has no file `{MARKER}`")));
        }
        let index = files.remove(INDEX).ok_or_else(|| no_layout(format!("it has no file `{INDEX}`")))?;
        let index: Index =
            serde_json::from_slice(&index).map_err(|error| no_layout(format!("`{INDEX}` cannot be read: {error}")))?;
        Ok(Self { path: path.to_owned(), archive, manifests: index.manifests })
    }

    /// The file, as given.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The distribution: the first manifest.
    pub(crate) fn root(&self) -> Result<Digest, LayoutError> {
        let first = self.manifests.first().map(|descriptor| descriptor.digest);
        first.ok_or_else(|| LayoutError::NotALayout {
            path: self.path.clone(),
            reason: format!("`{INDEX}` lists nothing"),
        })
    }

    /// Everything it lists.
    pub(crate) fn manifests(&self) -> &[Descriptor] {
        &self.manifests
    }

    /// Content, proven.
    pub(crate) fn content(&self, digest: &Digest) -> Result<Content, LayoutError> {
        let damaged = || LayoutError::Damaged { path: self.path.clone(), expected: *digest };
        let wanted = blob_name(digest);
        let files = self.archive.files(|name| name == wanted);
        let mut files = files.map_err(|source| LayoutError::Archive { path: self.path.clone(), source })?;
        let bytes = files.remove(&wanted).ok_or_else(damaged)?;
        Content::expect(bytes, digest).map_err(|_| damaged())
    }
}

/// Content on its way into a file.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    manifests: Vec<Descriptor>,
    contents: BTreeMap<Digest, Content>,
}

impl Writer {
    /// Adds content that no name leads to.
    pub(crate) fn add(&mut self, content: &Content) {
        self.contents.insert(*content.digest(), content.clone());
    }

    /// Adds a manifest under a name; the first one is the distribution.
    pub(crate) fn add_manifest(&mut self, content: &Content, media_type: &str, name: Option<&str>) {
        self.add(content);
        let annotations = name.map(|name| (REF_NAME.to_owned(), name.to_owned()));
        self.manifests.push(Descriptor {
            media_type: media_type.to_owned(),
            digest: *content.digest(),
            size: content.bytes().len() as u64,
            platform: None,
            artifact_type: None,
            annotations: annotations.into_iter().collect(),
        });
    }

    /// Writes the file: whole, or not at all. The same content gives the same bytes.
    pub(crate) fn write(self, path: &Path) -> Result<(), LayoutError> {
        let failed = |source| LayoutError::File { verb: "write", path: path.to_owned(), source };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let index = Index { schema_version: 2, media_type: manifest::OCI_INDEX.to_owned(), manifests: self.manifests };
        let index = serde_json::to_vec(&index).map_err(|error| failed(error.into()))?;
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        let mut archive = tar::Builder::new(file.as_file_mut());
        append(&mut archive, MARKER, MARKER_CONTENT.as_bytes()).map_err(failed)?;
        append(&mut archive, INDEX, &index).map_err(failed)?;
        for (digest, content) in &self.contents {
            append(&mut archive, &blob_name(digest), content.bytes()).map_err(failed)?;
        }
        archive.finish().map_err(failed)?;
        drop(archive);
        file.persist(path).map_err(|error| failed(error.error))?;
        Ok(())
    }
}

fn append(archive: &mut tar::Builder<impl io::Write>, name: &str, content: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, name, content)
}

fn blob_name(digest: &Digest) -> String {
    format!("blobs/{}/{}", Digest::ALGORITHM, digest.hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(build: impl FnOnce(&mut Writer)) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flux.tar");
        let mut writer = Writer::default();
        build(&mut writer);
        writer.write(&path).unwrap();
        (folder, path)
    }

    #[test]
    fn reads_what_it_writes() {
        let [manifest, signature, blob] = [b"{}".to_vec(), b"{ }".to_vec(), vec![7; 3_000]].map(Content::of);
        let build = |writer: &mut Writer| {
            writer.add_manifest(&manifest, manifest::OCI_MANIFEST, Some("oci://ghcr.io/a/b:v1"));
            writer.add_manifest(&signature, manifest::OCI_MANIFEST, Some("sig"));
            writer.add(&blob);
        };
        let (_folder, path) = written(build);
        let layout = Layout::open(&path).unwrap();
        assert_eq!(layout.root().unwrap(), *manifest.digest());
        let names: Vec<_> = layout.manifests().iter().map(|manifest| manifest.annotations[REF_NAME].as_str()).collect();
        assert_eq!(names, ["oci://ghcr.io/a/b:v1", "sig"]);
        for content in [&manifest, &signature, &blob] {
            assert_eq!(layout.content(content.digest()).unwrap().bytes(), content.bytes());
        }
        let (_folder, again) = written(build);
        assert_eq!(fs::read(path).unwrap(), fs::read(again).unwrap());
    }

    #[test]
    fn what_is_damaged_or_missing_is_named() {
        let manifest = Content::of(b"{\"a\": 1}".to_vec());
        let (_folder, path) = written(|writer| writer.add_manifest(&manifest, "", None));
        let mut bytes = fs::read(&path).unwrap();
        let at = bytes.windows(8).position(|part| part == &b"{\"a\": 1}"[..]).unwrap();
        bytes[at + 6] = b'2';
        fs::write(&path, bytes).unwrap();
        let layout = Layout::open(&path).unwrap();
        assert!(matches!(layout.content(manifest.digest()), Err(LayoutError::Damaged { .. })));
        let other = Content::of(b"other".to_vec());
        assert!(matches!(layout.content(other.digest()), Err(LayoutError::Damaged { .. })));
    }

    #[test]
    fn what_is_no_layout_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        assert!(matches!(Layout::open(&path), Err(LayoutError::File { verb: "read", .. })));
        fs::write(&path, "text").unwrap();
        assert!(matches!(Layout::open(&path), Err(LayoutError::Archive { .. })));
        let mut archive = tar::Builder::new(fs::File::create(&path).unwrap());
        append(&mut archive, "flux/a", b"").unwrap();
        archive.finish().unwrap();
        let error = Layout::open(&path).unwrap_err();
        assert!(error.to_string().ends_with("it has no file `oci-layout`"), "{error}");
        let (_folder, empty) = written(|_| ());
        assert!(matches!(Layout::open(&empty).unwrap().root(), Err(LayoutError::NotALayout { .. })));
    }
}
