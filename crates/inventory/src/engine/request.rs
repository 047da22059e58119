//! One request to the API server, tried until there is an answer that will last.

use std::time::Duration;

use flux_operator_api::{FIELD_MANAGER, Object};
use http::{Request, Response, StatusCode};
use kube::Client;
use kube::api::PatchParams;
use kube::client::Body;
use kube::core::Status;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{sleep, timeout};

/// How requests are tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLimits {
    /// How long one attempt may take. Default 30 s. Watches are exempt.
    pub timeout: Duration,
    /// How often a request is tried before its last failure counts. Default 5, at least 1.
    pub attempts: u32,
    /// The longest pause between two attempts. An API server that asks for more in `Retry-After` is
    /// asked again later, by the next run. Default 10 s.
    pub max_pause: Duration,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(30), attempts: 5, max_pause: Duration::from_secs(10) }
    }
}

/// The pause after the first failure. It doubles with every further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// A request without a usable answer.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The API server refused it.
    #[error("{}", .0.message)]
    Refused(Box<Status>),
    /// The connection failed, or broke before the answer was complete.
    #[error("the API server cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There was no answer in time.
    #[error("the API server did not answer within {}s", .0.as_secs())]
    TimedOut(Duration),
    /// The answer cannot be read.
    #[error("the answer of the API server cannot be read")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl RequestError {
    /// A request that cannot be made, or an answer that cannot be read, for this reason.
    pub fn unreadable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unreadable(error.into())
    }

    /// The answer, where there was one.
    pub fn status(&self) -> Option<&Status> {
        match self {
            Self::Refused(status) => Some(status),
            _ => None,
        }
    }

    /// Whether what was asked for does not exist.
    pub fn is_not_found(&self) -> bool {
        self.has_code(StatusCode::NOT_FOUND)
    }

    /// Whether somebody else was faster.
    pub fn is_conflict(&self) -> bool {
        self.has_code(StatusCode::CONFLICT)
    }

    /// Whether the versions asked for are no longer kept.
    pub fn is_gone(&self) -> bool {
        self.has_code(StatusCode::GONE)
    }

    /// Whether the one who asks may not.
    pub fn is_forbidden(&self) -> bool {
        self.has_code(StatusCode::FORBIDDEN)
    }

    /// Whether the same request may well succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Refused(status) => is_transient(status),
            Self::Unreachable(_) | Self::TimedOut(_) => true,
            Self::Unreadable(_) => false,
        }
    }

    pub(crate) fn has_code(&self, code: StatusCode) -> bool {
        self.status().is_some_and(|status| status.code == code.as_u16())
    }
}

/// Whether an answer is about the API server's state and not about the request.
///
/// A conflict counts: a server-side apply with force has no conflicts of its own, so what is meant
/// is a write that came in between.
fn is_transient(status: &Status) -> bool {
    matches!(status.code, 409 | 429 | 500 | 502 | 503 | 504) && !is_final(status)
}

/// Internal errors that are none: the API server reports these faults of an object with code 500.
fn is_final(status: &Status) -> bool {
    status.code == 500 && status.message.contains("field not declared in schema")
}

/// The connection to an API server. Every request of the engine goes through it.
#[derive(Clone)]
pub struct Connection {
    client: Client,
    limits: RequestLimits,
}

impl Connection {
    /// A connection that tries within these limits.
    pub fn new(client: Client, limits: RequestLimits) -> Self {
        Self { client, limits }
    }

    /// Asks, and reads the answer as an object.
    pub async fn object(&self, request: Request<Vec<u8>>) -> Result<Object, RequestError> {
        let value: Value = self.json(request).await?;
        Object::try_from(value).map_err(|error| RequestError::Unreadable(error.into()))
    }

    /// Asks, and reads the answer.
    ///
    /// Tried again after failures of the connection and of the API server, with a growing pause, or
    /// with the one that it asks for. Every request of the engine may be repeated: a read, an apply
    /// of the same object, a deletion of one particular object.
    pub async fn json<T: DeserializeOwned>(&self, request: Request<Vec<u8>>) -> Result<T, RequestError> {
        let mut failures = 0;
        loop {
            let (error, asked) = match self.attempt(&request).await {
                Ok(body) => match serde_json::from_slice(&body) {
                    Ok(answer) => return Ok(answer),
                    // A body that ends early without the connection noticing.
                    Err(error) if error.is_eof() => (RequestError::Unreachable(error.into()), None),
                    Err(error) => return Err(RequestError::Unreadable(error.into())),
                },
                Err(failure) => failure,
            };
            failures += 1;
            let pause = asked.unwrap_or_else(|| pause(failures)).max(pause(failures));
            // Who names a version wants to know that there is another one.
            let is_final = !error.is_transient() || (error.is_conflict() && !is_apply(&request));
            if is_final || failures >= self.limits.attempts || pause > self.limits.max_pause {
                return Err(error);
            }
            tracing::debug!(path = request.uri().path(), %error, ?pause, "trying again");
            sleep(pause).await;
        }
    }

    /// One attempt: the body of the answer, or what went wrong and the pause that the API server
    /// asks for.
    async fn attempt(&self, request: &Request<Vec<u8>>) -> Result<Vec<u8>, (RequestError, Option<Duration>)> {
        let exchange = async {
            let answer = self.client.send(copy(request)).await.map_err(|error| (unreachable(error), None))?;
            if !answer.status().is_success() {
                return Err(refusal(answer).await);
            }
            body(answer).await.map_err(|error| (error, None))
        };
        let in_time = timeout(self.limits.timeout, exchange).await;
        in_time.unwrap_or_else(|_| Err((RequestError::TimedOut(self.limits.timeout), None)))
    }
}

fn is_apply(request: &Request<Vec<u8>>) -> bool {
    let content = request.headers().get(http::header::CONTENT_TYPE);
    content.is_some_and(|content| content == "application/apply-patch+yaml")
}

fn copy(request: &Request<Vec<u8>>) -> Request<Body> {
    let mut copy = Request::new(Body::from(request.body().clone()));
    copy.method_mut().clone_from(request.method());
    copy.uri_mut().clone_from(request.uri());
    copy.headers_mut().clone_from(request.headers());
    copy
}

fn unreachable(error: kube::Error) -> RequestError {
    RequestError::Unreachable(error.into())
}

async fn body(answer: Response<Body>) -> Result<Vec<u8>, RequestError> {
    let body = answer.into_body().collect_bytes().await;
    body.map(|bytes| bytes.to_vec()).map_err(unreachable)
}

async fn refusal(answer: Response<Body>) -> (RequestError, Option<Duration>) {
    let code = answer.status();
    let seconds = answer.headers().get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let text = match body(answer).await {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => return (error, None),
    };
    // Proxies and overloaded API servers answer with plain text.
    let status = serde_json::from_str::<Status>(&text).ok().filter(|status| !status.message.is_empty());
    let status = status.unwrap_or_else(|| {
        let text = text.trim();
        let message = if text.is_empty() { code.to_string() } else { format!("{code}: {text}") };
        Status::failure(&message, code.canonical_reason().unwrap_or_default())
    });
    let status = status.with_code(code.as_u16());
    let asked = seconds.or_else(|| {
        let details = status.details.as_ref()?;
        (details.retry_after_seconds > 0).then_some(u64::from(details.retry_after_seconds))
    });
    (RequestError::Refused(status.boxed()), asked.map(Duration::from_secs))
}

/// The pause after the nth failure, counted from 1. Spread by what the clock says, so that many who
/// failed together do not come back together.
fn pause(failures: u32) -> Duration {
    let pause = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(16));
    pause + pause.mul_f64(fastrand::f64() / 2.0)
}

/// The parameters of a patch that is no apply: in the name of the operator.
pub fn patch_params() -> PatchParams {
    PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() }
}
