//! Sends events to notification-controller, one after the other.

use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use kube::Client;
use kube::client::Body;
use tokio::time::{sleep, timeout};

use crate::outcome::describe;

use super::Occurrence;
use super::endpoint::Endpoint;
use super::notification::{self, Answer};
use super::queue::Queue;

/// How often a notification is sent before it is given up: once, and four times more.
const ATTEMPTS: u32 = 5;

/// How long one attempt may take, connection included.
const TIMEOUT: Duration = Duration::from_secs(5);

/// An event, and where it goes.
pub(super) struct Notification {
    pub(super) occurrence: Arc<Occurrence>,
    pub(super) endpoint: Endpoint,
}

pub(super) struct Notifier {
    host: String,
    /// The client of the last notification. There is one notification-controller, so this is the one of the next, too.
    client: Option<(Endpoint, Client)>,
}

/// A notification that is lost.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum NotifyError {
    #[error("cannot connect: {0}")]
    NoClient(String),
    #[error("the answer is {0}")]
    Refused(StatusCode),
    #[error("the answer was {0}, {ATTEMPTS} times")]
    Failing(StatusCode),
    #[error("cannot connect, {ATTEMPTS} times: {0}")]
    Unreachable(String),
    #[error("no answer within {}s, {ATTEMPTS} times", TIMEOUT.as_secs())]
    TimedOut,
}

impl Notifier {
    pub(super) fn new(host: String) -> Self {
        Self { host, client: None }
    }

    /// Sends what comes, until the queue is closed and empty.
    pub(super) async fn run(mut self, queue: Queue<Notification>) {
        while let Some(notification) = queue.next().await {
            let Notification { occurrence, endpoint } = &notification;
            if let Err(error) = self.send(occurrence, endpoint).await {
                let reason = occurrence.event.reason;
                tracing::warn!(%reason, %endpoint, %error, "cannot notify notification-controller");
            }
        }
    }

    async fn send(&mut self, occurrence: &Occurrence, endpoint: &Endpoint) -> Result<(), NotifyError> {
        let client = self.client(endpoint)?;
        let body = notification::body(occurrence, &self.host).to_string();
        let path = Uri::from(endpoint.path().clone());
        deliver(|| {
            let request = client.send(post(&path, &body));
            async { request.await.map(|answer| answer.status()).map_err(|error| describe(&error)) }
        })
        .await
    }

    fn client(&mut self, endpoint: &Endpoint) -> Result<Client, NotifyError> {
        if let Some((_, client)) = self.client.as_ref().filter(|(known, _)| known == endpoint) {
            return Ok(client.clone());
        }
        let client = endpoint.client().map_err(|error| NotifyError::NoClient(describe(&error)))?;
        self.client = Some((endpoint.clone(), client.clone()));
        Ok(client)
    }
}

/// Makes attempts until one has an answer that will last. An attempt gives the code of the answer, or why there is none.
async fn deliver<F>(attempt: impl Fn() -> F) -> Result<(), NotifyError>
where
    F: Future<Output = Result<StatusCode, String>>,
{
    let mut failures = 0;
    loop {
        let error = match timeout(TIMEOUT, attempt()).await {
            Ok(Ok(code)) => match notification::judge(code) {
                Answer::Delivered => return Ok(()),
                Answer::Refused => return Err(NotifyError::Refused(code)),
                Answer::TryAgain => NotifyError::Failing(code),
            },
            Ok(Err(error)) => NotifyError::Unreachable(error),
            Err(_) => NotifyError::TimedOut,
        };
        failures += 1;
        if failures >= ATTEMPTS {
            return Err(error);
        }
        sleep(notification::pause(failures)).await;
    }
}

fn post(path: &Uri, body: &str) -> Request<Body> {
    let mut request = Request::new(Body::from(body.as_bytes().to_vec()));
    *request.method_mut() = Method::POST;
    request.uri_mut().clone_from(path);
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    request
}

#[cfg(test)]
mod tests;
