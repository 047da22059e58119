//! Documents from wherever users name them: a file, stdin, the web, or a file inside an artifact.

use std::fs;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::time::Duration;

use flux_operator_distro::{PullError, Reference, ReferenceError, WebError, WebRequest};
use tokio::time::timeout;

use crate::error::{Advise, Complaint, Failure};
use crate::registry::{self, HostArgs};

/// More bytes than this are not read from the web.
const MAX_BYTES: u64 = 10 << 20;

/// Where a document is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Stdin,
    File(PathBuf),
    Web(String),
    Artifact { reference: Reference, path: String },
}

/// A document that cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DocumentError {
    #[error("{}", crate::error::reason(.0))]
    File(io::Error),
    #[error(transparent)]
    Web(WebError),
    #[error(transparent)]
    Reference(ReferenceError),
    #[error("the address names no file in the artifact")]
    NoPath,
    #[error(transparent)]
    Pull(PullError),
    #[error("`{reference}` has no file `{path}`")]
    NotInArtifact { reference: String, path: String },
    #[error("the document is no text")]
    NotText,
    #[error("the document did not arrive within {}", crate::cluster::written(*.0))]
    OutOfTime(Duration),
}

/// Reads a document.
///
/// # Errors
/// The registries cannot be set up, or what the inner error says.
pub(crate) fn read(
    name: &str,
    registry: &HostArgs,
    patience: Duration,
) -> Result<Result<String, DocumentError>, Failure> {
    let place = match Place::parse(name) {
        Ok(place) => place,
        Err(error) => return Ok(Err(error)),
    };
    Ok(match place {
        Place::Stdin => {
            let mut text = String::new();
            io::stdin().lock().read_to_string(&mut text).map(|_| text).map_err(DocumentError::File)
        }
        Place::File(path) => fs::read_to_string(path).map_err(DocumentError::File),
        Place::Web(url) => {
            let registries = registry.open()?;
            let request = WebRequest { url: &url, accept: None, token: None, max_bytes: MAX_BYTES };
            let read = async { registries.client().read_web(request).await.map_err(DocumentError::Web) };
            let read = registries.wait(async { timeout(patience, read).await });
            read.unwrap_or(Err(DocumentError::OutOfTime(patience))).and_then(text)
        }
        Place::Artifact { reference, path } => {
            let registries = registry.open()?;
            let (artifacts, place) = (registries.artifacts(), registries.place(&reference)?);
            let pull = async {
                let pulled = artifacts.pull(&place.reference, &place.credentials).await;
                let pulled = pulled.map_err(DocumentError::Pull)?;
                let files = pulled.archive().files(|name| name == path);
                let found = files.ok().and_then(|mut files| files.remove(&path));
                let reference = reference.to_string();
                found.ok_or(DocumentError::NotInArtifact { reference, path })
            };
            let pulled = registries.wait(async { timeout(patience, pull).await });
            pulled.unwrap_or(Err(DocumentError::OutOfTime(patience))).and_then(text)
        }
    })
}

fn text(bytes: Vec<u8>) -> Result<String, DocumentError> {
    String::from_utf8(bytes).map_err(|_| DocumentError::NotText)
}

impl Place {
    fn parse(name: &str) -> Result<Self, DocumentError> {
        if name == "-" {
            return Ok(Self::Stdin);
        }
        if name.starts_with("https://") || name.starts_with("http://") {
            return Ok(Self::Web(address(name)));
        }
        if name.starts_with("oci://") {
            let (reference, path) = name.split_once('#').ok_or(DocumentError::NoPath)?;
            let path = path.trim_start_matches("./").trim_start_matches('/');
            if path.is_empty() {
                return Err(DocumentError::NoPath);
            }
            let reference = reference.parse().map_err(DocumentError::Reference)?;
            return Ok(Self::Artifact { reference, path: path.to_owned() });
        }
        Ok(Self::File(PathBuf::from(name)))
    }
}

/// The address of the document itself, where users copied that of a page which shows it.
fn address(url: &str) -> String {
    let (url, fragment) = url.split_once('#').map_or((url, ""), |(url, fragment)| (url, fragment));
    let (url, query) = url.split_once('?').map_or((url, ""), |(url, query)| (url, query));
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (mut host, mut path, mut query) = (host.to_owned(), path.to_owned(), query.to_owned());
    if host == "gist.github.com" {
        "gist.githubusercontent.com".clone_into(&mut host);
        if !path.split('/').any(|part| part == "raw") {
            path = format!("{}/raw", path.trim_end_matches('/'));
        }
        // `#file-my-app-yaml` is the file `my-app.yaml`.
        if let Some((name, ending)) = fragment.strip_prefix("file-").and_then(|file| file.rsplit_once('-')) {
            path = format!("{path}/{name}.{ending}");
        }
    } else if host.contains("github") {
        if !query.split('&').any(|part| part == "raw=true") {
            query = if query.is_empty() { "raw=true".to_owned() } else { format!("{query}&raw=true") };
        }
    } else if host.contains("gitlab") {
        path = path.replacen("/-/blob/", "/-/raw/", 1);
    }
    let query = if query.is_empty() { String::new() } else { format!("?{query}") };
    format!("{scheme}://{host}/{path}{query}")
}

impl Advise for DocumentError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoPath => Some("put it behind a `#`: `oci://ghcr.io/org/repo:v1#path/in/artifact.yaml`".to_owned()),
            Self::Pull(error) => registry::hint(error),
            Self::Web(WebError::Status { status: 404, .. }) => Some("check the spelling of the address".to_owned()),
            Self::Web(WebError::Unreachable { .. }) => {
                Some("check the name and the network; `--registry-ca-file` trusts another authority".to_owned())
            }
            Self::NotInArtifact { .. } => Some("`flux-operator distro pull` shows what an artifact holds".to_owned()),
            Self::OutOfTime(_) => Some("give it more time with `--timeout 5m`".to_owned()),
            _ => None,
        }
    }
}

impl From<DocumentError> for Failure {
    fn from(error: DocumentError) -> Self {
        Complaint::new(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_lead_to_their_documents() {
        for (page, document) in [
            (
                "https://gist.github.com/me/0123#file-my-app-yaml",
                "https://gist.githubusercontent.com/me/0123/raw/my-app.yaml",
            ),
            ("https://gist.github.com/me/0123/raw", "https://gist.githubusercontent.com/me/0123/raw"),
            ("https://github.com/o/r/blob/main/a.yaml", "https://github.com/o/r/blob/main/a.yaml?raw=true"),
            ("https://github.com/o/r/blob/main/a.yaml?raw=true", "https://github.com/o/r/blob/main/a.yaml?raw=true"),
            ("https://gitlab.com/o/r/-/blob/main/a.yaml", "https://gitlab.com/o/r/-/raw/main/a.yaml"),
            ("https://example.com/a.yaml?x=1", "https://example.com/a.yaml?x=1"),
        ] {
            assert_eq!(address(page), document);
        }
    }

    #[test]
    fn places_are_told_apart() {
        let path = |name: &str| match Place::parse(name) {
            Ok(Place::Artifact { reference, path }) => format!("{reference} {path}"),
            Ok(other) => format!("{other:?}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(path("oci://localhost:5000/a/b:v1#./dir/x.yaml"), "oci://localhost:5000/a/b:v1 dir/x.yaml");
        assert_eq!(path("oci://localhost:5000/a/b:v1"), "the address names no file in the artifact");
        assert_eq!(path("a.yaml"), "File(\"a.yaml\")");
        assert_eq!(path("-"), "Stdin");
    }
}
