//! What is written to a registry. Only content that was proven is.

use bytes::Bytes;
use flux_operator_api::Digest;
use reqwest::Method;
use reqwest::header::LOCATION;

use super::session::{Ask, Path, Session};
use super::transport::Limit;
use super::{Operation, RegistryError};
use crate::content::Content;
use crate::reference::Version;

/// Bytes of an answer to a write, which nobody reads.
const MAX_ANSWER_BYTES: u64 = 64 << 10;

impl Session {
    /// Whether a blob is in the repository.
    pub(crate) async fn has_blob(&self, digest: &Digest) -> Result<bool, RegistryError> {
        let limit = Limit::AtMost(u64::MAX);
        let mut ask = Ask::read(Method::HEAD, format!("blobs/{digest}"), limit, self.name(digest));
        ask.operation = Operation::Push;
        Ok(self.ask(ask, &[404]).await?.status.is_success())
    }

    /// Writes a blob: an upload is opened, and closed with all of the content.
    pub(crate) async fn push_blob(&self, content: &Content) -> Result<(), RegistryError> {
        let digest = content.digest();
        let opened = self.ask(self.write(Method::POST, "blobs/uploads/".to_owned(), digest), &[]).await?;
        let location = opened.headers.get(LOCATION).and_then(|location| location.to_str().ok());
        let upload = location.and_then(|location| opened.url.join(location).ok());
        let mut upload = upload
            .ok_or_else(|| RegistryError::Redirect { host: self.host.clone(), reason: "an upload to no address" })?;
        upload.query_pairs_mut().append_pair("digest", &digest.to_string());
        let mut ask = self.write(Method::PUT, String::new(), digest);
        ask.path = Path::Given(upload);
        ask.content_type = Some("application/octet-stream".to_owned());
        ask.body = Some(Bytes::from_owner(content.bytes().clone()));
        self.ask(ask, &[]).await.map(drop)
    }

    /// Writes a manifest under a tag or its digest. Everything it lists has to be there before.
    pub(crate) async fn push_manifest(
        &self,
        version: &Version,
        content: &Content,
        media_type: &str,
    ) -> Result<(), RegistryError> {
        let mut ask = self.write(Method::PUT, format!("manifests/{version}"), version);
        ask.content_type = Some(media_type.to_owned());
        ask.body = Some(Bytes::from_owner(content.bytes().clone()));
        self.ask(ask, &[]).await.map(drop)
    }

    fn write(&self, method: Method, path: String, what: &impl std::fmt::Display) -> Ask {
        let mut ask = Ask::read(method, path, Limit::AtMost(MAX_ANSWER_BYTES), self.name(what));
        ask.operation = Operation::Push;
        ask
    }
}
