//! Who the cloud says that we are.
//!
//! A process in a cloud has an identity there without anybody making a Secret: a role, a managed
//! identity, a service account. [`Clouds`] exchanges it for credentials of that cloud's registries.
//! A registry that belongs to no cloud gets nothing, and nobody is asked about it.

mod aws;
mod azure;
mod error;
mod exchange;
mod google;
mod world;

use std::fmt;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};

use super::Credentials;
use exchange::Http;

pub use error::AmbientError;
pub use world::{Endpoints, Variables};

/// All requests for one registry together.
const DEADLINE: Duration = Duration::from_secs(5);
/// A pull takes less. Google's metadata server gives a new token when the old one has five minutes
/// left, so a margin above that would ask it again and again.
const MARGIN: SignedDuration = SignedDuration::from_mins(2);

/// Credentials that end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The credentials.
    pub credentials: Credentials,
    /// When the registry stops to take them.
    pub expires_at: Timestamp,
}

/// Somebody who has credentials of his own accord.
///
/// It is a trait so that a pull can be tried without a cloud.
pub trait Ambient: fmt::Debug + Send + Sync {
    /// Asks for credentials for a registry. `host` has the port, if there is one.
    ///
    /// `None`: the registry is of no known cloud, or this process has no identity in it. Nothing is
    /// kept: the caller keeps the lease until it [is due](Lease::is_due).
    ///
    /// # Errors
    /// There is an identity, and it could not be exchanged for credentials.
    fn lease<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Option<Lease>, AmbientError>>;
}

/// Amazon Web Services, Microsoft Azure and Google Cloud.
///
/// # Guarantees
/// - No metadata service is contacted for a registry that is not of its cloud.
/// - Metadata services are reached without proxies, and never redirect to somebody else.
/// - It takes at most five seconds, and reads at most 1 MiB of an answer.
/// - No log line, error or debug text has a part of a secret.
#[derive(Clone)]
pub struct Clouds {
    http: Http,
    variables: Variables,
    endpoints: Endpoints,
    deadline: Duration,
}

/// The cloud that a registry belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Cloud {
    Aws(aws::Registry),
    Azure,
    Google,
}

impl Lease {
    /// Whether it is time for a new lease: this one has less than two minutes left.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.expires_at.duration_since(now) < MARGIN
    }
}

impl Clouds {
    /// Asks the clouds that the variables of the process tell of.
    ///
    /// `client` is for everything but metadata services. It should follow no redirects: tokens are
    /// in the bodies of requests. As for any client, the process has installed a TLS provider.
    ///
    /// # Errors
    /// The client for metadata services cannot be made.
    pub fn new(client: &reqwest::Client, variables: Variables, endpoints: Endpoints) -> Result<Self, AmbientError> {
        Ok(Self { http: Http::new(client)?, variables, endpoints, deadline: DEADLINE })
    }

    /// Whether a registry is one of a known cloud.
    pub(crate) fn know(host: &str) -> bool {
        Cloud::of(&host.to_ascii_lowercase()).is_some()
    }

    async fn ask(&self, cloud: &Cloud, host: &str) -> Result<Option<Lease>, AmbientError> {
        let now = Timestamp::now();
        match cloud {
            Cloud::Aws(registry) => aws::lease(&self.http, &self.variables, &self.endpoints, registry, now).await,
            Cloud::Azure => azure::lease(&self.http, &self.variables, &self.endpoints, host, now).await,
            Cloud::Google => google::lease(&self.http, &self.endpoints, now).await,
        }
    }
}

impl fmt::Debug for Clouds {
    /// Without the client: its proxies may have passwords.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("Clouds");
        debug.field("variables", &self.variables).field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

impl Ambient for Clouds {
    fn lease<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Option<Lease>, AmbientError>> {
        Box::pin(async move {
            let host = host.to_ascii_lowercase();
            let Some(cloud) = Cloud::of(&host) else { return Ok(None) };
            let asked = tokio::time::timeout(self.deadline, self.ask(&cloud, &host));
            asked.await.unwrap_or(Err(AmbientError::Timeout { cloud: cloud.name(), after: self.deadline }))
        })
    }
}

impl Cloud {
    /// Tells by the host alone. One with a port is somebody's own registry.
    fn of(host: &str) -> Option<Self> {
        let ends = |ends: &[&str]| ends.iter().any(|end| host.strip_suffix(end).is_some_and(is_domain));
        if let Some(registry) = aws::Registry::parse(host) {
            Some(Self::Aws(registry))
        } else if ends(&[".azurecr.io", ".azurecr.cn", ".azurecr.us", ".azurecr.de"]) {
            Some(Self::Azure)
        } else if host == "gcr.io" || ends(&[".gcr.io", ".pkg.dev"]) {
            Some(Self::Google)
        } else {
            None
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Aws(_) => "AWS",
            Self::Azure => "Azure",
            Self::Google => "Google Cloud",
        }
    }
}

/// Whether a text can stand in an address without changing where it leads.
fn is_domain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn is_label(text: &str) -> bool {
    let allowed = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
    !text.is_empty() && text.chars().all(allowed)
}

#[cfg(test)]
mod canary;
#[cfg(test)]
mod stand_in;
#[cfg(test)]
mod tests;
