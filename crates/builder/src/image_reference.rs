//! Image references, as registries and container runtimes read them.

use std::net::Ipv6Addr;

use flux_operator_api::Digest;

/// The name of something in a registry: `[host/]path[:tag][@digest]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageReference {
    /// The registry with its port, where the reference names one; without, it is Docker Hub.
    pub host: Option<String>,
    /// The repository, as written.
    pub path: String,
    /// The tag, which may move.
    pub tag: Option<String>,
    /// The digest, which names one content for ever.
    pub digest: Option<Digest>,
}

/// A text that is no image reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{image}` is not an image reference such as `ghcr.io/fluxcd/source-controller:v1.9.4`: {reason}")]
pub struct ImageReferenceError {
    image: String,
    reason: &'static str,
}

impl ImageReference {
    /// Reads a reference.
    ///
    /// # Errors
    /// The text is no reference; the error says which part.
    pub fn parse(image: &str) -> Result<Self, ImageReferenceError> {
        let fault = |reason| ImageReferenceError { image: image.to_owned(), reason };
        let (name, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
        let digest = digest.map(str::parse).transpose();
        let digest = digest.map_err(|_| fault("the digest is not `sha256:` and 64 hexadecimal digits"))?;
        // A colon before the last slash belongs to the port of the registry.
        let (name, tag) = match name.rsplit_once(':') {
            Some((before, tag)) if !tag.contains('/') => (before, Some(tag)),
            _ => (name, None),
        };
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(fault("the tag has characters other than letters, digits, `_`, `.` and `-`, or too many"));
        }
        let (host, path) = match name.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (Some(host), path),
            _ => (None, name),
        };
        if host.is_some_and(|host| !is_host(host)) {
            return Err(fault("the registry is not a host with an optional port"));
        }
        if !is_path(path) {
            return Err(fault("the repository has to have 2 to 255 lower-case letters, digits, `_`, `-`, `.` and `/`"));
        }
        // In the path of a request, it would lead to another repository, or out of the API of registries.
        if path.split('/').any(|part| matches!(part, "." | "..")) {
            return Err(fault("a part of the repository is `.` or `..`"));
        }
        Ok(Self { host: host.map(str::to_owned), path: path.to_owned(), tag: tag.map(str::to_owned), digest })
    }

    /// Registry and path, spelled out: no registry is Docker Hub, whose official images live in
    /// `library`.
    pub fn repository(&self) -> String {
        match self.host.as_deref() {
            None | Some("docker.io" | "index.docker.io") if !self.path.contains('/') => {
                format!("index.docker.io/library/{}", self.path)
            }
            None | Some("docker.io") => format!("index.docker.io/{}", self.path),
            Some(host) => format!("{host}/{}", self.path),
        }
    }
}

pub(crate) fn is_tag(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.' | b'-'))
}

fn is_path(text: &str) -> bool {
    let is_allowed = |c: u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'/');
    (2..=255).contains(&text.len()) && text.bytes().all(is_allowed)
}

fn is_host(text: &str) -> bool {
    let (host, port) = text.rsplit_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_ipv6 = address.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    let is_name =
        !host.is_empty() && host.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_'));
    (is_ipv6 || is_name) && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(image: &str, repository: &str, tag: Option<&str>) {
        let reference = ImageReference::parse(image).unwrap();
        assert_eq!((reference.repository().as_str(), reference.tag.as_deref()), (repository, tag), "{image}");
    }

    #[test]
    fn splits_references() {
        check("fluxcd/x:v1", "index.docker.io/fluxcd/x", Some("v1"));
        check("docker.io/fluxcd/x", "index.docker.io/fluxcd/x", None);
        check("busybox", "index.docker.io/library/busybox", None);
        check("localhost:5000/a/b:1", "localhost:5000/a/b", Some("1"));
        check("ghcr.io/a/b:v1", "ghcr.io/a/b", Some("v1"));
        let digest = format!("sha256:{}", "a".repeat(64));
        check(&format!("ghcr.io/a/b:v1@{digest}"), "ghcr.io/a/b", Some("v1"));
        assert_eq!(ImageReference::parse(&format!("a/b@{digest}")).unwrap().digest, digest.parse().ok());
    }

    #[test]
    fn refuses_what_no_registry_has() {
        for image in
            ["", "a", "Ghcr.io/A/b", "a/b:", "a/b:x y", "a/b@sha256:1", "https://ghcr.io/a", "ghcr.io:x/a/b", "a b/c"]
        {
            assert!(ImageReference::parse(image).is_err(), "`{image}`");
        }
    }

    /// Found by fuzzing.
    #[test]
    fn refuses_what_a_request_would_read_otherwise() {
        for image in ["ghcr.io/a/../../b", "ghcr.io/..", "ghcr.io/a/./b", "[::1?]:5000/ab", "[example.com#]/ab"] {
            assert!(ImageReference::parse(image).is_err(), "`{image}`");
        }
        check("[::1]:5000/ab", "[::1]:5000/ab", None);
    }
}
