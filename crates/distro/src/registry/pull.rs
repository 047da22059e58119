//! What is read from a registry. Everything that comes back was compared with its digest.

use flux_operator_api::Digest;
use flux_operator_signature::registry::referrers_tag;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde::Deserialize;

use super::RegistryError;
use super::session::{Ask, Session};
use super::transport::Limit;
use crate::content::Content;
use crate::manifest::{self, Descriptor};
use crate::reference::Version;

/// A manifest as a registry has it.
#[derive(Clone, Debug)]
pub(crate) struct RawManifest {
    pub(crate) content: Content,
    /// What the registry says it is.
    pub(crate) media_type: Option<String>,
}

impl Session {
    /// The digest that a tag has now: one request, and another where the registry answers `HEAD`
    /// without one.
    ///
    /// It is what the registry says, and not proven; [`Session::manifest`] proves it.
    pub(crate) async fn resolve(&self, version: &Version) -> Result<Digest, RegistryError> {
        let mut ask = self.ask_for_manifest(version);
        ask.method = Method::HEAD;
        let answer = self.ask(ask, &[404, 405, 501]).await?;
        match header_digest(&answer.headers) {
            Some(Ok(digest)) if answer.status.is_success() => Ok(digest),
            // Some proxies answer `HEAD` badly, and only `GET` tells whether something is there.
            _ => self.manifest(version).await.map(|manifest| *manifest.content.digest()),
        }
    }

    /// The digest that is meant: of a tag the one that it has now.
    pub(crate) async fn pin(&self, version: &Version) -> Result<Digest, RegistryError> {
        match version {
            Version::Digest(digest) => Ok(*digest),
            Version::Tag(_) => self.resolve(version).await,
        }
    }

    /// A manifest or index, at most 4 MiB.
    pub(crate) async fn manifest(&self, version: &Version) -> Result<RawManifest, RegistryError> {
        let answer = self.ask(self.ask_for_manifest(version), &[]).await?;
        let media_type = answer.headers.get(CONTENT_TYPE).and_then(|header| header.to_str().ok()).map(str::to_owned);
        let said = header_digest(&answer.headers);
        let content = match version {
            Version::Digest(expected) => Content::expect(answer.body, expected)
                .map_err(|actual| RegistryError::Digest { host: self.host.clone(), expected: *expected, actual })?,
            Version::Tag(_) => Content::of(answer.body),
        };
        match said {
            Some(Ok(said)) if said == *content.digest() => {}
            None => {}
            Some(_) => return Err(RegistryError::DigestHeader(self.host.clone())),
        }
        Ok(RawManifest { content, media_type })
    }

    /// A blob, whole and proven.
    ///
    /// # Errors
    /// It is larger than `limit`, or not what the descriptor says.
    pub(crate) async fn blob(&self, descriptor: &Descriptor, limit: u64) -> Result<Content, RegistryError> {
        let what = self.name(&descriptor.digest);
        if descriptor.size > limit {
            return Err(RegistryError::TooLarge { host: self.host.clone(), what, limit });
        }
        let path = format!("blobs/{}", descriptor.digest);
        let ask = Ask::read(Method::GET, path, Limit::Exactly(descriptor.size), what);
        let answer = self.ask(ask, &[]).await?;
        Content::expect(answer.body, &descriptor.digest).map_err(|actual| RegistryError::Digest {
            host: self.host.clone(),
            expected: descriptor.digest,
            actual,
        })
    }

    /// The manifests that say they are about another one, such as signatures.
    pub(crate) async fn referrers(&self, digest: &Digest) -> Result<Vec<Descriptor>, RegistryError> {
        let ask = Ask::read(
            Method::GET,
            format!("referrers/{digest}"),
            Limit::AtMost(manifest::MAX_BYTES),
            self.name(digest),
        );
        let answer = self.ask(ask, &[400, 404, 405]).await?;
        if answer.status.is_success() {
            return self.index(&answer.body);
        }
        // A registry without that API keeps the list under a tag.
        let fallback = Version::Tag(referrers_tag(digest));
        match self.manifest(&fallback).await {
            Ok(manifest) => self.index(manifest.content.bytes()),
            Err(RegistryError::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn index(&self, bytes: &[u8]) -> Result<Vec<Descriptor>, RegistryError> {
        #[derive(Deserialize)]
        struct Index {
            manifests: Option<Vec<Descriptor>>,
        }

        let index: Index = serde_json::from_slice(bytes).map_err(|error| self.no_list(error))?;
        Ok(index.manifests.unwrap_or_default())
    }

    fn no_list(&self, source: serde_json::Error) -> RegistryError {
        RegistryError::Manifest {
            host: self.host.clone(),
            what: self.repository.clone(),
            source: manifest::ManifestError::Unreadable(source),
        }
    }

    fn ask_for_manifest(&self, version: &Version) -> Ask {
        let limit = Limit::AtMost(manifest::MAX_BYTES);
        let mut ask = Ask::read(Method::GET, format!("manifests/{version}"), limit, self.name(version));
        ask.accept = Some(manifest::ACCEPT);
        ask
    }
}

/// The digest in the header of an answer, if there is one, and if it is one.
fn header_digest(headers: &HeaderMap) -> Option<Result<Digest, ()>> {
    let header = headers.get("docker-content-digest")?;
    Some(header.to_str().ok().and_then(|text| text.parse().ok()).ok_or(()))
}
