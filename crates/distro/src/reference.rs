//! What names an artifact in a registry.

use std::fmt;
use std::str::FromStr;

use flux_operator_api::Digest;
use flux_operator_builder::{ImageReference, ImageReferenceError};

/// What references of artifacts start with.
pub(crate) const SCHEME: &str = "oci://";
/// The tag that is meant where a reference has neither tag nor digest.
const LATEST: &str = "latest";

/// The name of an artifact: `oci://registry/repository[:tag][@digest]`.
///
/// With a digest, the tag is for the reader only. Without either, the tag is `latest`. Names without
/// a registry are those of Docker Hub, as everywhere.
///
/// ```
/// use flux_operator_distro::Reference;
///
/// let reference: Reference = "oci://ghcr.io/fluxcd/flux-manifests:v2.9.4".parse()?;
/// assert_eq!(reference.host(), "ghcr.io");
/// assert_eq!(reference.repository(), "fluxcd/flux-manifests");
/// # Ok::<(), flux_operator_distro::ReferenceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    host: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// What a registry is asked for: a tag, or a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version {
    /// A tag, which may move.
    Tag(String),
    /// A digest, which names one content for ever.
    Digest(Digest),
}

/// A text that names no artifact.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// It does not start with `oci://`.
    #[error("`{0}` does not start with `oci://`")]
    Scheme(String),
    /// What follows is no reference.
    #[error(transparent)]
    Image(#[from] ImageReferenceError),
}

impl Reference {
    /// Reads a reference that may come without `oci://`, as on command lines.
    ///
    /// # Errors
    /// The text is no reference.
    pub fn parse_bare(text: &str) -> Result<Self, ReferenceError> {
        let text = text.strip_prefix(SCHEME).unwrap_or(text);
        Ok(ImageReference::parse(text)?.into())
    }

    /// The registry, with its port if it has one. That of Docker Hub is `index.docker.io`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The repository, without registry, tag and digest.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, where one is named.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, where one is named.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// What to ask the registry for.
    pub fn version(&self) -> Version {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => Version::Digest(*digest),
            (None, Some(tag)) => Version::Tag(tag.clone()),
            (None, None) => Version::Tag(LATEST.to_owned()),
        }
    }

    /// The same repository at another digest, with no tag.
    #[must_use]
    pub fn at(&self, digest: Digest) -> Self {
        Self { tag: None, digest: Some(digest), ..self.clone() }
    }

    /// The same repository at another tag, with no digest.
    #[must_use]
    pub fn tagged(&self, tag: impl Into<String>) -> Self {
        Self { tag: Some(tag.into()), digest: None, ..self.clone() }
    }
}

impl From<ImageReference> for Reference {
    fn from(image: ImageReference) -> Self {
        let full = image.repository();
        let (host, repository) = full.split_once('/').unwrap_or(("", &full));
        Self { host: host.to_owned(), repository: repository.to_owned(), tag: image.tag, digest: image.digest }
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.starts_with(SCHEME) { Self::parse_bare(text) } else { Err(ReferenceError::Scheme(text.to_owned())) }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.host, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest.map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, host: &str, repository: &str, version: &str) {
        let reference: Reference = text.parse().unwrap();
        let version_text = reference.version().to_string();
        assert_eq!((reference.host(), reference.repository(), version_text.as_str()), (host, repository, version));
    }

    #[test]
    fn names_registry_repository_and_version() {
        let digest = format!("sha256:{}", "a".repeat(64));
        check("oci://ghcr.io/a/b:v1", "ghcr.io", "a/b", "v1");
        check("oci://ghcr.io/a/b", "ghcr.io", "a/b", "latest");
        check(&format!("oci://ghcr.io/a/b@{digest}"), "ghcr.io", "a/b", &digest);
        check(&format!("oci://ghcr.io/a/b:v1@{digest}"), "ghcr.io", "a/b", &digest);
        check("oci://127.0.0.1:5000/ab:1", "127.0.0.1:5000", "ab", "1");
        check("oci://[::1]:5000/ab:1", "[::1]:5000", "ab", "1");
        check("oci://fluxcd/manifests", "index.docker.io", "fluxcd/manifests", "latest");
    }

    #[test]
    fn reads_what_it_writes() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for text in ["oci://ghcr.io/a/b:v1", "oci://ghcr.io/a/b", &format!("oci://ghcr.io/a/b:v1@{digest}")] {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn the_scheme_is_demanded_where_specs_are_read() {
        let error = "ghcr.io/a/b".parse::<Reference>().unwrap_err();
        assert_eq!(error.to_string(), "`ghcr.io/a/b` does not start with `oci://`");
        assert!(Reference::parse_bare("ghcr.io/a/b").is_ok());
        assert!("oci://ghcr.io/A/b".parse::<Reference>().is_err());
    }
}
