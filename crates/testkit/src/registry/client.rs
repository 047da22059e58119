//! As little of an HTTP client as it takes to put something into a registry.

use std::io;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::artifact::{Artifact, IMAGE_INDEX, IMAGE_MANIFEST, digest};

/// A client of one registry. Follows nothing, retries nothing, and opens a connection for each request.
#[derive(Clone, Debug)]
pub struct Client {
    host: String,
    ca: Option<String>,
    authorization: Option<String>,
}

/// Why something is not in the registry.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// There is no connection, or no HTTP on it.
    #[error("no answer from `{host}`")]
    Connection {
        /// Of the registry.
        host: String,
        /// What happened.
        source: io::Error,
    },
    /// The registry refused.
    #[error("`{method} {path}` was answered with {status}: {body}")]
    Refused {
        /// Of the request.
        method: Method,
        /// Of the request, with its query.
        path: String,
        /// Of the answer.
        status: StatusCode,
        /// Of the answer.
        body: String,
    },
}

impl Client {
    /// A client without credentials that speaks HTTP.
    pub fn new(host: &str) -> Self {
        Self { host: host.to_owned(), ca: None, authorization: None }
    }

    /// Speaks HTTPS and trusts one authority.
    #[must_use]
    pub fn trusting(mut self, ca_pem: &str) -> Self {
        self.ca = Some(ca_pem.to_owned());
        self
    }

    /// Sends user and password with every request.
    #[must_use]
    pub fn with_basic_auth(self, user: &str, password: &str) -> Self {
        self.with_authorization(format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}"))))
    }

    /// Sends this as `Authorization` with every request.
    #[must_use]
    pub fn with_authorization(mut self, value: impl Into<String>) -> Self {
        self.authorization = Some(value.into());
        self
    }

    /// Reads what is at a path, whatever the status.
    pub async fn get(&self, path: &str) -> Result<Response<Bytes>, ClientError> {
        // Who does not ask for manifests of the OCI is told that there are none.
        let accept = [IMAGE_MANIFEST, IMAGE_INDEX, "*/*"].map(HeaderValue::from_static);
        let headers = accept.into_iter().map(|media_type| (header::ACCEPT, media_type)).collect();
        self.send(Method::GET, path, headers, Bytes::new()).await
    }

    /// Sends one request, with a path that may have a query, and reads all of the answer.
    ///
    /// # Errors
    /// There is no complete answer. Any status is fine.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Bytes>, ClientError> {
        let answer = self.exchange(method, path, headers, body).await;
        answer.map_err(|source| ClientError::Connection { host: self.host.clone(), source })
    }

    /// Puts an artifact there, under a tag or a digest: its blobs first.
    pub async fn push(&self, repository: &str, reference: &str, artifact: &Artifact) -> Result<(), ClientError> {
        for blob in &artifact.blobs {
            let path = format!("/v2/{repository}/blobs/uploads/");
            let begun = self.accepted(Method::POST, &path, HeaderMap::new(), Bytes::new()).await?;
            let location = begun.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
            let location: http::Uri = location.unwrap_or_default().parse().unwrap_or_default();
            let path = location.path_and_query().map_or("/", |path| path.as_str());
            let separator = if path.contains('?') { '&' } else { '?' };
            let path = format!("{path}{separator}digest={}", digest(blob));
            let headers = content_type("application/octet-stream");
            self.accepted(Method::PUT, &path, headers, blob.clone().into()).await?;
        }
        let path = format!("/v2/{repository}/manifests/{reference}");
        let headers = content_type(&artifact.media_type);
        self.accepted(Method::PUT, &path, headers, artifact.manifest.clone().into()).await?;
        Ok(())
    }

    async fn accepted(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Bytes>, ClientError> {
        let answer = self.send(method.clone(), path, headers, body).await?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let body = String::from_utf8_lossy(answer.body()).into_owned();
        Err(ClientError::Refused { method, path: path.to_owned(), status: answer.status(), body })
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> io::Result<Response<Bytes>> {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, &self.host);
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let mut request = request.body(Full::new(body)).map_err(io::Error::other)?;
        request.headers_mut().extend(headers);
        let stream = TcpStream::connect(&self.host).await?;
        match &self.ca {
            None => talk(stream, request).await,
            Some(ca) => {
                let name = self.host.rsplit_once(':').map_or(&*self.host, |(name, _)| name).to_owned();
                let name = ServerName::try_from(name).map_err(io::Error::other)?;
                let connector = TlsConnector::from(Arc::new(trusting(ca)?));
                talk(connector.connect(name, stream).await?, request).await
            }
        }
    }
}

async fn talk(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
) -> io::Result<Response<Bytes>> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    // The sender goes away with the answer, and with it the connection.
    let answer = async move {
        let (parts, body) = sender.send_request(request).await?.into_parts();
        Ok(Response::from_parts(parts, body.collect().await?.to_bytes()))
    };
    let (answer, _) = futures::join!(answer, connection);
    answer.map_err(|error: hyper::Error| io::Error::other(error))
}

fn trusting(ca: &str) -> io::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).map_err(io::Error::other)?).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(config.map_err(io::Error::other)?.with_root_certificates(roots).with_no_client_auth())
}

fn content_type(media_type: &str) -> HeaderMap {
    media_type.parse().ok().map(|value| (header::CONTENT_TYPE, value)).into_iter().collect()
}
