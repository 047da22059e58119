//! One repository of one registry, asked as one user.

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use flux_operator_api::Digest;
use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use reqwest::{Method, Response, StatusCode, Url};

use super::challenge::{self, Challenge};
use super::transport::{self, BodyError, Limit, Outgoing, SendError, Transport};
use super::{Operation, RegistryError, retry, route, token};
use crate::credentials::{Credentials, Secret};
use crate::reference::Reference;

/// One repository of one registry, asked as one user. Remembers how the registry wants to be asked.
#[derive(Debug)]
pub(crate) struct Session {
    pub(super) transport: Arc<Transport>,
    pub(super) host: String,
    pub(super) repository: String,
    pub(super) credentials: Credentials,
    /// Whether plain HTTP is allowed.
    allows_http: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The registry was found to speak plain HTTP.
    is_http: bool,
    /// What the registry accepted, for reading and for writing.
    authorization: Option<(Operation, HeaderValue)>,
}

/// Something to ask a registry for.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) operation: Operation,
    pub(super) method: Method,
    /// Below `/v2/`, or an address that the registry gave.
    pub(super) path: Path,
    pub(super) accept: Option<&'static str>,
    pub(super) content_type: Option<String>,
    pub(super) body: Option<Bytes>,
    pub(super) limit: Limit,
    /// What it is about, for messages.
    pub(super) what: String,
}

#[derive(Debug)]
pub(super) enum Path {
    /// Below the repository, such as `manifests/latest`.
    Repository(String),
    /// An address that the registry gave; credentials go there only if it is the registry's own.
    Given(Url),
}

/// What a registry answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Where the answer came from.
    pub(super) url: Url,
    pub(super) body: Vec<u8>,
}

/// A failure, and whether the same request may succeed later.
pub(super) struct Attempt {
    pub(super) error: RegistryError,
    pub(super) retry: Retry,
}

/// Whether a request is worth another try.
pub(super) enum Retry {
    Never,
    /// After a pause, and not before the registry says.
    After(Option<std::time::Duration>),
}

impl From<RegistryError> for Attempt {
    fn from(error: RegistryError) -> Self {
        Self { error, retry: Retry::Never }
    }
}

impl Retry {
    pub(super) fn of(response: &Response) -> Self {
        if !retry::is_transient(response.status().as_u16()) {
            return Self::Never;
        }
        let asked = response.headers().get(RETRY_AFTER).and_then(|header| header.to_str().ok());
        Self::After(retry::retry_after(asked))
    }
}

impl Attempt {
    pub(super) fn transient(error: RegistryError) -> Self {
        Self { error, retry: Retry::After(None) }
    }
}

impl Ask {
    /// A question that changes nothing.
    pub(super) fn read(method: Method, path: impl Into<String>, limit: Limit, what: String) -> Self {
        Self {
            operation: Operation::Pull,
            method,
            path: Path::Repository(path.into()),
            accept: None,
            content_type: None,
            body: None,
            limit,
            what,
        }
    }
}

impl Session {
    pub(super) fn new(
        transport: Arc<Transport>,
        reference: &Reference,
        credentials: Credentials,
        allows_http: bool,
    ) -> Self {
        Self {
            transport,
            host: reference.host().to_owned(),
            repository: reference.repository().to_owned(),
            credentials,
            allows_http,
            state: Mutex::default(),
        }
    }

    pub(super) fn is_for(&self, reference: &Reference, credentials: &Credentials) -> bool {
        self.host == reference.host() && self.repository == reference.repository() && self.credentials == *credentials
    }

    /// Asks, again where that may help, and returns the whole answer. Statuses other than success and
    /// those in `accepted` are errors.
    pub(super) async fn ask(&self, ask: Ask, accepted: &[u16]) -> Result<Answer, RegistryError> {
        let mut failures = 0;
        loop {
            let Attempt { error, retry } = match self.attempt(&ask, accepted).await {
                Ok(answer) => return Ok(answer),
                Err(attempt) => attempt,
            };
            failures += 1;
            let Retry::After(asked) = retry else { return Err(error) };
            let Some(pause) = retry::pause(failures, asked, fastrand::f64()) else { return Err(error) };
            tracing::debug!(registry = self.host, what = ask.what, failures, "trying again");
            tokio::time::sleep(pause).await;
        }
    }

    async fn attempt(&self, ask: &Ask, accepted: &[u16]) -> Result<Answer, Attempt> {
        let mut response = self.send(ask).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            let authorization = self.answer_challenge(ask.operation, &response).await?;
            self.state().authorization = Some((ask.operation, authorization));
            response = self.send(ask).await?;
        }
        let status = response.status();
        let code = status.as_u16();
        // Part of a blob is no blob, whatever it says; nobody asked for a range.
        if !(status.is_success() && code != 206 || accepted.contains(&code)) {
            return Err(self.status_error(ask, &response));
        }
        let (headers, url) = (response.headers().clone(), response.url().clone());
        // The answer to HEAD announces what GET would send, and sends nothing.
        let announced = headers.get(CONTENT_LENGTH).and_then(|header| header.to_str().ok()?.parse::<u64>().ok());
        if let (Limit::AtMost(limit), Some(length)) = (ask.limit, announced)
            && status.is_success()
            && length > limit
        {
            return Err(self.body_error(ask, BodyError::TooLong));
        }
        let is_head = ask.method == Method::HEAD;
        let limit = if is_head || !status.is_success() { Limit::AtMost(0) } else { ask.limit };
        let body = match transport::read(response, limit).await {
            Ok(body) => body,
            // The body of a failure does not matter.
            Err(_) if is_head || !status.is_success() => Vec::new(),
            Err(error) => return Err(self.body_error(ask, error)),
        };
        Ok(Answer { status, headers, url, body })
    }

    async fn send(&self, ask: &Ask) -> Result<Response, Attempt> {
        let is_http = self.state().is_http;
        let mut sent = self.send_by(ask, is_http).await;
        if let Err(SendError::Http(error)) = &sent
            && self.allows_http
            && !is_http
            && error.is_connect()
            && transport::speaks_no_tls(error)
        {
            self.state().is_http = true;
            sent = self.send_by(ask, true).await;
        }
        sent.map_err(|error| self.send_error(error))
    }

    async fn send_by(&self, ask: &Ask, is_http: bool) -> Result<Response, SendError> {
        let base = self.base(is_http)?;
        let url = match &ask.path {
            Path::Given(url) => url.clone(),
            Path::Repository(path) => base.join(&format!("/v2/{}/{path}", self.repository)).map_err(bad_address)?,
        };
        let mut outgoing = Outgoing::new(ask.method.clone(), url);
        outgoing.accept = ask.accept;
        outgoing.content_type.clone_from(&ask.content_type);
        outgoing.body.clone_from(&ask.body);
        if route::is_same_origin(&base, &outgoing.url) {
            let state = self.state();
            let known = state.authorization.as_ref().filter(|(operation, _)| operation.covers(ask.operation));
            outgoing.authorization = known.map(|(_, value)| value.clone());
        }
        let host = route::api_host(&self.host);
        if ask.body.is_some() || !matches!(ask.method, Method::GET | Method::HEAD) {
            self.transport.send(host, &outgoing).await
        } else {
            self.transport.send_and_follow(host, outgoing).await
        }
    }

    /// The address of the registry.
    pub(super) fn base(&self, is_http: bool) -> Result<Url, SendError> {
        let scheme = if is_http { "http" } else { "https" };
        format!("{scheme}://{}/", route::api_host(&self.host)).parse().map_err(bad_address)
    }

    async fn answer_challenge(&self, operation: Operation, response: &Response) -> Result<HeaderValue, Attempt> {
        let headers = response.headers().get_all(WWW_AUTHENTICATE);
        let challenge = challenge::choose(headers.iter().filter_map(|header| header.to_str().ok()));
        match (challenge, &self.credentials) {
            (None, _) => Err(RegistryError::Challenge(self.host.clone()).into()),
            (Some(_), Credentials::Bearer(token)) => Ok(self.header(format!("Bearer {}", token.expose()))?),
            (Some(Challenge::Basic), Credentials::Basic { username, password }) => Ok(self.basic(username, password)?),
            (Some(Challenge::Basic), _) => Err(self.no_credentials().into()),
            (Some(Challenge::Bearer { realm, service }), _) => {
                let is_http = self.state().is_http;
                let base = self.base(is_http).map_err(|error| self.send_error(error))?;
                let token = token::fetch(self, &base, operation, &realm, service.as_deref()).await?;
                Ok(self.header(format!("Bearer {}", token.expose()))?)
            }
        }
    }

    /// User and password as a header.
    pub(super) fn basic(&self, username: &str, password: &Secret) -> Result<HeaderValue, RegistryError> {
        let pair = BASE64_STANDARD.encode(format!("{username}:{}", password.expose()));
        self.header(format!("Basic {pair}"))
    }

    fn header(&self, text: String) -> Result<HeaderValue, RegistryError> {
        let mut value = HeaderValue::try_from(text).map_err(|_| RegistryError::Challenge(self.host.clone()))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// What somebody without credentials, or with the wrong ones, is told.
    pub(super) fn no_credentials(&self) -> RegistryError {
        let (host, repository) = (self.host.clone(), self.repository.clone());
        match self.credentials {
            Credentials::Anonymous => RegistryError::NoCredentials { host, repository },
            _ => RegistryError::BadCredentials { host, repository },
        }
    }

    fn status_error(&self, ask: &Ask, response: &Response) -> Attempt {
        let host = self.host.clone();
        let status = response.status().as_u16();
        let error = match status {
            401 => self.no_credentials(),
            403 => RegistryError::Denied { host, repository: self.repository.clone(), operation: ask.operation },
            404 => RegistryError::NotFound { host, what: ask.what.clone() },
            status => RegistryError::Status { host, status, what: ask.what.clone() },
        };
        Attempt { error, retry: Retry::of(response) }
    }

    fn body_error(&self, ask: &Ask, error: BodyError) -> Attempt {
        let (host, what) = (self.host.clone(), ask.what.clone());
        match (error, ask.limit) {
            (BodyError::Broken(source), _) => Attempt::transient(self.unreachable(source)),
            (BodyError::TooLong, Limit::AtMost(limit)) => RegistryError::TooLarge { host, what, limit }.into(),
            (BodyError::TooLong, Limit::Exactly(expected)) => {
                RegistryError::Size { host, what, expected, actual: "more".to_owned() }.into()
            }
            (BodyError::TooShort(actual), Limit::Exactly(expected) | Limit::AtMost(expected)) => {
                RegistryError::Size { host, what, expected, actual: actual.to_string() }.into()
            }
        }
    }

    pub(super) fn send_error(&self, error: SendError) -> Attempt {
        match error {
            SendError::Client(error) => error.into(),
            SendError::Http(source) => Attempt::transient(self.unreachable(source)),
            SendError::Redirect(reason) => RegistryError::Redirect { host: self.host.clone(), reason }.into(),
        }
    }

    fn unreachable(&self, source: reqwest::Error) -> RegistryError {
        RegistryError::Unreachable { host: self.host.clone(), source: source.into() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Repository and tag or digest, for messages.
    pub(super) fn name(&self, version: &impl std::fmt::Display) -> String {
        let version = version.to_string();
        let separator = if version.parse::<Digest>().is_ok() { '@' } else { ':' };
        format!("{}{separator}{version}", self.repository)
    }
}

fn bad_address<E: std::error::Error + Send + Sync + 'static>(error: E) -> SendError {
    SendError::Client(RegistryError::Client(Box::new(error)))
}
