//! Documents on the web, read as carefully as artifacts: within limits, with few redirects, and without
//! credentials for strangers.

use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::{Method, Url};

use super::retry::{self, ATTEMPTS};
use super::transport::{self, BodyError, Limit, Outgoing, SendError};
use super::{Client, route};

/// For one request, the answer included.
const DEADLINE: Duration = Duration::from_secs(30);

/// What to read.
#[derive(Clone, Copy, Debug)]
pub struct WebRequest<'a> {
    /// An `https://` or `http://` address.
    pub url: &'a str,
    /// The media type to ask for.
    pub accept: Option<&'static str>,
    /// A bearer token. Only sent over https or to this machine, and not to where a redirect leads.
    pub token: Option<&'a str>,
    /// More bytes than this are not read.
    pub max_bytes: u64,
}

/// A document that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// The address is none.
    #[error("`{0}` is no address of the web")]
    Address(String),
    /// There is no connection, or it broke.
    #[error("`{host}` cannot be reached")]
    Unreachable {
        /// The host of the address.
        host: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It did not answer in time.
    #[error("`{host}` did not answer within {} s", DEADLINE.as_secs())]
    Timeout {
        /// The host of the address.
        host: String,
    },
    /// It sends us on, and on, or to where nobody should go.
    #[error("`{host}` redirects {to}")]
    Redirect {
        /// The host of the address.
        host: String,
        /// Where to.
        to: &'static str,
    },
    /// It answers with something else.
    #[error("`{host}` answers with status {status}")]
    Status {
        /// The host of the address.
        host: String,
        /// The HTTP status.
        status: u16,
    },
    /// The document is longer than the limit.
    #[error("the document of `{host}` has more than {limit} bytes")]
    TooLarge {
        /// The host of the address.
        host: String,
        /// The limit.
        limit: u64,
    },
}

impl WebError {
    /// Whether there is no such document.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Status { status: 404, .. })
    }
}

impl Client {
    /// Reads a document, trying again where that may help.
    ///
    /// # Errors
    /// Why it cannot be had. No error repeats what the other side wrote.
    pub async fn read_web(&self, request: WebRequest<'_>) -> Result<Vec<u8>, WebError> {
        let no_address = || WebError::Address(request.url.to_owned());
        let url: Url = request.url.parse().map_err(|_| no_address())?;
        let host =
            url.host_str().filter(|_| matches!(url.scheme(), "https" | "http")).ok_or_else(no_address)?.to_owned();
        let mut outgoing = Outgoing::new(Method::GET, url.clone());
        outgoing.accept = request.accept;
        let is_safe = url.scheme() == "https" || route::is_loopback(&host);
        if let Some(token) = request.token.filter(|_| is_safe) {
            let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| no_address())?;
            value.set_sensitive(true);
            outgoing.authorization = Some(value);
        }
        let mut failures = 0;
        loop {
            let answer =
                tokio::time::timeout(DEADLINE, self.read_once(&host, outgoing.clone(), request.max_bytes)).await;
            let error = match answer.unwrap_or_else(|_| Err(WebError::Timeout { host: host.clone() })) {
                Ok(body) => return Ok(body),
                Err(error) => error,
            };
            failures += 1;
            let may_help = match &error {
                WebError::Unreachable { .. } => true,
                WebError::Status { status, .. } => retry::is_transient(*status),
                _ => false,
            };
            match retry::pause(failures, None, fastrand::f64()).filter(|_| may_help && failures < ATTEMPTS) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(error),
            }
        }
    }

    async fn read_once(&self, host: &str, outgoing: Outgoing, limit: u64) -> Result<Vec<u8>, WebError> {
        let unreachable = |source| WebError::Unreachable { host: host.to_owned(), source };
        let response = self.transport.send_and_follow(host, outgoing).await.map_err(|error| match error {
            SendError::Client(error) => unreachable(error.into()),
            SendError::Http(error) => unreachable(error.into()),
            SendError::Redirect(to) => WebError::Redirect { host: host.to_owned(), to },
        })?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(WebError::Status { host: host.to_owned(), status });
        }
        transport::read(response, Limit::AtMost(limit)).await.map_err(|error| match error {
            BodyError::Broken(error) => unreachable(error.into()),
            BodyError::TooLong | BodyError::TooShort(_) => WebError::TooLarge { host: host.to_owned(), limit },
        })
    }
}
