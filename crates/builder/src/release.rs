//! The files of one Flux version.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use flux_operator_api::{Component, Digest, Object, Variant};

use crate::image_reference::is_tag;
use crate::version::ReleaseVersion;
use crate::yaml::{self, Dialect, Limits, Node, NodeKind, YamlError};

/// One Flux version of a distribution: its manifests and the digests of its images.
///
/// Files are handed over as text and parsed when a build first needs them, once, whatever number
/// of instances and threads use the release. A file that no build needs is never parsed, so its
/// faults harm nobody.
///
/// The layout of a distribution is written down in `docs/distribution.md`.
///
/// ```
/// use flux_operator_builder::Release;
///
/// let release = Release::new("v2.9.4".parse()?)
///     .with_manifest("policies.yaml", "")
///     .with_digests("upstream-alpine", "images: []");
/// assert_eq!(release.version().as_str(), "v2.9.4");
/// # Ok::<(), flux_operator_builder::VersionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Release {
    version: ReleaseVersion,
    manifests: BTreeMap<String, Arc<File<Vec<Object>>>>,
    digests: BTreeMap<String, Arc<File<Vec<DigestEntry>>>>,
}

/// A file and what it parses to.
#[derive(Debug)]
struct File<T> {
    text: String,
    parsed: OnceLock<Result<T, ReleaseError>>,
}

/// One image of a digest list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DigestEntry {
    /// The last part of the image's name, which is the component.
    pub(crate) component: String,
    pub(crate) tag: String,
    /// Empty where the list has none.
    pub(crate) digest: String,
}

/// An image of a variant, as its digest list names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseImage {
    /// The controller, such as `source-controller`.
    pub component: String,
    /// The tag.
    pub tag: String,
    /// The digest, where the list has one.
    pub digest: Option<Digest>,
}

/// A release that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    /// A file is not there.
    #[error("the distribution has no file `{path}`")]
    Missing {
        /// The file, from the distribution's root.
        path: String,
    },
    /// A file is not YAML, or not of the form that is expected.
    #[error("`{path}` of the distribution cannot be read")]
    Unreadable {
        /// The file, from the distribution's root.
        path: String,
        /// Where and why.
        #[source]
        source: YamlError,
    },
    /// A component's manifests have no Deployment of its name with a container `manager`.
    #[error("`{path}` of the distribution has no image for `{component}` in a container named `manager`")]
    NoImage {
        /// The file, from the distribution's root.
        path: String,
        /// The component.
        component: Component,
    },
    /// A component's image is not a repository with a tag.
    #[error("`{path}` of the distribution has the image `{image}`, expected a repository with a tag")]
    BadImage {
        /// The file, from the distribution's root.
        path: String,
        /// The image.
        image: String,
    },
}

impl Release {
    /// A release without files.
    pub fn new(version: ReleaseVersion) -> Self {
        Self { version, manifests: BTreeMap::new(), digests: BTreeMap::new() }
    }

    /// Adds a file of `flux/<version>/`, such as `source-controller.yaml`.
    #[must_use]
    pub fn with_manifest(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.manifests.insert(name.into(), Arc::new(File { text: text.into(), parsed: OnceLock::new() }));
        self
    }

    /// Adds the digest list of a variant: `flux-images/<version>/<variant>.yaml`.
    #[must_use]
    pub fn with_digests(mut self, variant: impl Into<String>, text: impl Into<String>) -> Self {
        self.digests.insert(variant.into(), Arc::new(File { text: text.into(), parsed: OnceLock::new() }));
        self
    }

    /// The version.
    pub fn version(&self) -> &ReleaseVersion {
        &self.version
    }

    /// The objects of a manifest file, in the order of its documents.
    ///
    /// # Errors
    /// [`ReleaseError::Missing`] and [`ReleaseError::Unreadable`].
    pub fn objects(&self, file: &str) -> Result<&[Object], ReleaseError> {
        let path = || self.path(file);
        let file = self.manifests.get(file).ok_or_else(|| ReleaseError::Missing { path: path() })?;
        let parse = || parse_objects(&file.text).map_err(|source| ReleaseError::Unreadable { path: path(), source });
        file.parsed.get_or_init(parse).as_deref().map_err(Clone::clone)
    }

    /// The images of a variant, in the order of its digest list.
    ///
    /// # Errors
    /// There is no list, or it cannot be read.
    pub fn images(&self, variant: Variant) -> Result<Vec<ReleaseImage>, ReleaseError> {
        let image = |entry: &DigestEntry| ReleaseImage {
            component: entry.component.clone(),
            tag: entry.tag.clone(),
            digest: entry.digest.parse().ok(),
        };
        Ok(self.digests(variant.as_str())?.iter().map(image).collect())
    }

    /// The entries of a variant's digest list.
    pub(crate) fn digests(&self, variant: &str) -> Result<&[DigestEntry], ReleaseError> {
        let path = || format!("flux-images/{}/{variant}.yaml", self.version);
        let file = self.digests.get(variant).ok_or_else(|| ReleaseError::Missing { path: path() })?;
        let parse = || parse_digests(&file.text).map_err(|source| ReleaseError::Unreadable { path: path(), source });
        file.parsed.get_or_init(parse).as_deref().map_err(Clone::clone)
    }

    /// A manifest file, from the distribution's root.
    pub(crate) fn path(&self, file: &str) -> String {
        format!("flux/{}/{file}", self.version)
    }
}

fn parse_objects(text: &str) -> Result<Vec<Object>, YamlError> {
    let mut objects = Vec::new();
    for node in yaml::parse(text, &Limits::DISTRIBUTION)? {
        let (line, column) = (node.line, node.column);
        let value = node.into_value(Dialect::Manifest)?;
        if value.is_null() {
            continue;
        }
        let object = Object::try_from(value).map_err(|error| YamlError {
            line,
            column,
            reason: format!("not a Kubernetes object: {error}"),
        })?;
        objects.push(object);
    }
    Ok(objects)
}

fn parse_digests(text: &str) -> Result<Vec<DigestEntry>, YamlError> {
    let mut entries = Vec::new();
    for document in yaml::parse(text, &Limits::DISTRIBUTION)? {
        let Some(Node { kind: NodeKind::Sequence(images), .. }) = document.get("images") else {
            return Err(document.fault("expected a mapping with the list `images`"));
        };
        for image in images {
            // A tag such as `1.10` is meant as it is spelled, quoted or not.
            let text = |field: &str| image.get(field).and_then(Node::as_scalar).map_or("", |scalar| &scalar.text);
            let (name, tag, digest) = (text("name"), text("newTag"), text("digest"));
            if name.is_empty() || !is_tag(tag) || !(digest.is_empty() || digest.parse::<Digest>().is_ok()) {
                return Err(image.fault("expected an image with `name`, `newTag` and a `digest` like `sha256:…`"));
            }
            let component = name.rsplit('/').next().unwrap_or(name).to_owned();
            entries.push(DigestEntry { component, tag: tag.to_owned(), digest: digest.to_owned() });
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests;
