//! HTTP as registries need it: bounded answers, few redirects, no credentials to strangers.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Method, Response, Url};
use rustls::client::danger::ServerCertVerifier;
use rustls_platform_verifier::Verifier;

use super::RegistryError;
use super::route::{self, MAX_REDIRECTS};

/// To be connected, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For the next bytes of an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection is kept for the next request.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Connections to registries, made when first needed: somebody who uses none does not pay for the
/// certificates of the system.
#[derive(Debug)]
pub(super) struct Transport {
    user_agent: String,
    extra_roots: Vec<rustls::pki_types::CertificateDer<'static>>,
    outside: OnceLock<reqwest::Client>,
    /// Without the proxies of the environment, which have no way to this machine.
    loopback: OnceLock<reqwest::Client>,
}

/// A request to send.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) accept: Option<&'static str>,
    pub(super) content_type: Option<String>,
    /// Only ever sent to the origin of `url`.
    pub(super) authorization: Option<HeaderValue>,
    pub(super) body: Option<Bytes>,
}

/// How many bytes of an answer are read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Limit {
    AtMost(u64),
    Exactly(u64),
}

/// An answer that is longer or shorter than it may be.
#[derive(Debug)]
pub(super) enum BodyError {
    Broken(reqwest::Error),
    TooLong,
    TooShort(u64),
}

impl Outgoing {
    pub(super) fn new(method: Method, url: Url) -> Self {
        Self { method, url, accept: None, content_type: None, authorization: None, body: None }
    }
}

impl Transport {
    pub(super) fn new(user_agent: String, extra_roots: Vec<rustls::pki_types::CertificateDer<'static>>) -> Self {
        Self { user_agent, extra_roots, outside: OnceLock::new(), loopback: OnceLock::new() }
    }

    /// The HTTP client for a host.
    pub(super) fn http(&self, host: &str) -> Result<&reqwest::Client, RegistryError> {
        let is_loopback = route::is_loopback(host);
        let slot = if is_loopback { &self.loopback } else { &self.outside };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let client = self.build(is_loopback)?;
        Ok(slot.get_or_init(|| client))
    }

    fn build(&self, is_loopback: bool) -> Result<reqwest::Client, RegistryError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = Verifier::new_with_extra_roots(self.extra_roots.iter().cloned(), Arc::clone(&provider))
            .map_err(|error| RegistryError::Client(error.into()))?;
        let verifier: Arc<dyn ServerCertVerifier> = Arc::new(verifier);
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| RegistryError::Client(error.into()))?
            // Not dangerous: it is the one that knows the roots of the system.
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(&self.user_agent)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT);
        if is_loopback {
            builder = builder.no_proxy();
        }
        builder.build().map_err(|error| RegistryError::Client(error.into()))
    }

    /// Sends a request once and returns the answer's head. Nothing is followed or repeated.
    pub(super) async fn send(&self, host: &str, outgoing: &Outgoing) -> Result<Response, SendError> {
        let mut request =
            self.http(host).map_err(SendError::Client)?.request(outgoing.method.clone(), outgoing.url.clone());
        if let Some(accept) = outgoing.accept {
            request = request.header(ACCEPT, accept);
        }
        if let Some(content_type) = &outgoing.content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        if let Some(authorization) = &outgoing.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        if let Some(body) = &outgoing.body {
            request = request.body(body.clone());
        }
        request.send().await.map_err(|error| SendError::Http(error.without_url()))
    }

    /// Sends a request that reads something, and goes where the answer points to.
    pub(super) async fn send_and_follow(&self, host: &str, mut outgoing: Outgoing) -> Result<Response, SendError> {
        let origin = outgoing.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let to = outgoing.url.host_str().unwrap_or(host).to_owned();
            let response = self.send(&to, &outgoing).await?;
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(response);
            }
            let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
            let Some(next) = location.and_then(|location| outgoing.url.join(location).ok()) else {
                return Err(SendError::Redirect("to no address"));
            };
            if !route::may_follow(&outgoing.url, &next) {
                return Err(SendError::Redirect("from https to something else, which would be readable on the way"));
            }
            if !route::is_same_origin(&origin, &next) {
                outgoing.authorization = None;
            }
            outgoing.url = next;
        }
        Err(SendError::Redirect("more than 3 times"))
    }
}

/// A request that got no answer, or one that leads nowhere.
#[derive(Debug)]
pub(super) enum SendError {
    Client(RegistryError),
    Http(reqwest::Error),
    Redirect(&'static str),
}

/// Reads the body of an answer, at most as much as it may have.
pub(super) async fn read(mut response: Response, limit: Limit) -> Result<Vec<u8>, BodyError> {
    let (Limit::AtMost(max) | Limit::Exactly(max)) = limit;
    let announced = response.content_length();
    match limit {
        Limit::AtMost(max) if announced.is_some_and(|length| length > max) => return Err(BodyError::TooLong),
        Limit::Exactly(size) if announced.is_some_and(|length| length > size) => return Err(BodyError::TooLong),
        Limit::Exactly(size) => {
            if let Some(length) = announced.filter(|length| *length < size) {
                return Err(BodyError::TooShort(length));
            }
        }
        Limit::AtMost(_) => {}
    }
    // What was announced is not believed: memory grows with what came.
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| BodyError::Broken(error.without_url()))? {
        if body.len() as u64 + chunk.len() as u64 > max {
            return Err(BodyError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    match limit {
        Limit::Exactly(size) if (body.len() as u64) < size => Err(BodyError::TooShort(body.len() as u64)),
        _ => Ok(body),
    }
}

/// Whether a connection failed because the other side does not speak TLS: it answers something else, or
/// hangs up at the first bytes. A certificate that is not trusted is no such failure.
pub(super) fn speaks_no_tls(error: &reqwest::Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return hangs_up(error);
        }
        source = error.source();
    }
    false
}

fn hangs_up(error: &io::Error) -> bool {
    let Some(inner) = error.get_ref() else {
        return matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof);
    };
    if let Some(error) = inner.downcast_ref::<io::Error>() {
        return hangs_up(error);
    }
    match inner.downcast_ref::<rustls::Error>() {
        Some(error) => matches!(error, rustls::Error::InvalidMessage(_)),
        None => error.kind() == io::ErrorKind::UnexpectedEof,
    }
}
