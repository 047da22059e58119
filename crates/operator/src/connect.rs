//! The connection to the API server.

use std::env;
use std::sync::Arc;
use std::time::Duration;

use flux_operator_api::GoDuration;
use flux_operator_api::identity::CONTROLLER;
use flux_operator_reconciler::metrics::Metrics;
use http::HeaderValue;
use http::header::USER_AGENT;
use kube::client::ClientBuilder;
use kube::config::{Config, InferConfigError, KubeConfigOptions, KubeconfigError};
use kube::{Client, core::Status};
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use crate::count::CountLayer;
use crate::fence::{Fence, FenceLayer, FencedConnections};
use crate::request::RequestError;
use crate::version::VERSION;

/// How long an API server may be away when the program starts.
pub const STARTUP_LIMIT: Duration = Duration::from_secs(60);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest silence on a connection that is read. Watches are ended by the server before that, so
/// only a connection whose other end is gone comes this far.
const READ_TIMEOUT: Duration = Duration::from_secs(300);

/// Pauses between tries at the start: they double from the first to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The clients of the program, each with connections of its own.
#[derive(Clone)]
pub struct Clients {
    /// For the controller: behind the fence.
    pub fenced: Client,
    /// For the lease, on which the fence stands.
    pub unfenced: Client,
}

/// The API server cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody says where it is.
    #[error("cannot find out where the API server is")]
    Unknown(#[source] Box<InferConfigError>),
    /// The file does not say where it is.
    #[error("cannot read the file that `KUBECONFIG` names")]
    Kubeconfig(#[source] Box<KubeconfigError>),
    /// Certificates or credentials are unusable.
    #[error("cannot set up a client for the API server at `{url}`")]
    Client {
        /// Where it is.
        url: String,
        /// What is unusable.
        #[source]
        source: RequestError,
    },
    /// It does not answer, or refuses.
    #[error("the API server at `{url}` could not be used within `{limit}`")]
    Unreachable {
        /// Where it is.
        url: String,
        /// For how long it was tried.
        limit: GoDuration,
        /// The last failure.
        #[source]
        source: Unanswered,
    },
}

/// Why a try failed.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// No answer in time.
    #[error("no answer")]
    Silence,
    /// A failure.
    #[error(transparent)]
    Failed(RequestError),
}

/// Finds the API server: `KUBECONFIG`, then the cluster this pod is in, then `~/.kube/config`.
///
/// Requests are not tried again by the client: whoever makes one knows whether and when.
///
/// # Errors
/// There is none, or what describes it cannot be read.
pub async fn config() -> Result<Config, ConnectError> {
    let named = env::var_os("KUBECONFIG").is_some_and(|value| !value.is_empty());
    let mut config = if named {
        let read = Config::from_kubeconfig(&KubeConfigOptions::default()).await;
        read.map_err(|error| ConnectError::Kubeconfig(Box::new(error)))?
    } else if let Ok(config) = Config::incluster() {
        config
    } else {
        Config::infer().await.map_err(|error| ConnectError::Unknown(Box::new(error)))?
    };
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(READ_TIMEOUT);
    config.reset_reader_on_write = true;
    if let Ok(agent) = HeaderValue::from_str(&format!("{CONTROLLER}/{VERSION}")) {
        config.headers.push((USER_AGENT, agent));
    }
    Ok(config)
}

impl Clients {
    /// The clients of a program with this fence. Requests are counted.
    ///
    /// # Errors
    /// Certificates or credentials of the configuration are unusable.
    pub fn new(config: &Config, fence: &Fence, metrics: &Arc<Metrics>) -> Result<Self, ConnectError> {
        let url = config.cluster_url.to_string();
        let failed = |error: kube::Error| ConnectError::Client { url: url.clone(), source: error.into() };
        let count = CountLayer::new(Arc::clone(metrics), &host(config));
        let connections = FencedConnections(fence.clone());
        let fenced = ClientBuilder::try_from((config.clone(), connections)).map_err(failed)?;
        let unfenced = ClientBuilder::try_from(config.clone()).map_err(failed)?;
        Ok(Self {
            // What is refused is not counted.
            fenced: fenced.with_layer(&count).with_layer(&FenceLayer(fence.clone())).build(),
            unfenced: unfenced.with_layer(&count).build(),
        })
    }
}

/// Waits until the API server answers, for `limit`.
///
/// # Errors
/// It does not, or does not know us.
pub async fn wait(client: &Client, url: &str, limit: Duration) -> Result<(), ConnectError> {
    let end = Instant::now() + limit;
    let mut pause = FIRST_PAUSE;
    loop {
        let left = end.saturating_duration_since(Instant::now()).min(CONNECT_TIMEOUT);
        let unanswered = match timeout(left, client.apiserver_version()).await {
            Ok(Ok(version)) => {
                info!(url, version = version.git_version, "the API server answers");
                return Ok(());
            }
            // It knows us and does not want us to know its version.
            Ok(Err(kube::Error::Api(status))) if Status::is_forbidden(&status) => return Ok(()),
            Ok(Err(error)) => Unanswered::Failed(error.into()),
            Err(_elapsed) => Unanswered::Silence,
        };
        if Instant::now() + pause >= end {
            let limit = limit.try_into().unwrap_or(GoDuration::MAX);
            return Err(ConnectError::Unreachable { url: url.to_owned(), limit, source: unanswered });
        }
        warn!(url, error = %unanswered, "cannot use the API server, trying again");
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Host and port, as client-go labels its requests: without a port where it is the usual one.
fn host(config: &Config) -> String {
    config.cluster_url.authority().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use flux_operator_testkit::apiserver::{self, get};
    use http::StatusCode;
    use serde_json::json;

    use super::*;
    use crate::fence::Refused;
    use flux_operator_reconciler::outcome::describe;

    fn version() -> serde_json::Value {
        let empty = ["buildDate", "compiler", "gitCommit", "gitTreeState", "goVersion", "platform"];
        let mut version = json!({"major": "1", "minor": "34", "gitVersion": "v1.34.0"});
        for field in empty {
            version[field] = json!("");
        }
        version
    }

    #[tokio::test]
    async fn says_which_server_does_not_answer_and_why() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = Config::new(format!("http://{free}").parse().unwrap());
        let url = config.cluster_url.to_string();
        let client = Client::try_from(config).unwrap();
        let start = Instant::now();
        let error = wait(&client, &url, Duration::from_millis(600)).await.unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(1));
        let text = describe(&error);
        let expected = format!("the API server at `http://{free}/` could not be used within `600ms`: ");
        assert!(text.starts_with(&expected) && text.contains("refused"), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn waits_with_growing_pauses() {
        let (client, server) = apiserver::new();
        let played = server.play([
            get("/version").broken(),
            get("/version").fail(StatusCode::SERVICE_UNAVAILABLE),
            get("/version").hang(),
            get("/version").reply_json(version()),
        ]);
        let start = Instant::now();
        wait(&client, "u", STARTUP_LIMIT).await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_millis(250 + 500 + 10_000 + 1000));
        played.complete().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_does_not_know_us_is_of_no_use() {
        let (client, server) = apiserver::new();
        let _played = server.play([get("/version").fail(StatusCode::UNAUTHORIZED).times(99)]);
        let start = Instant::now();
        let error = wait(&client, "u", STARTUP_LIMIT).await.unwrap_err();
        assert!(start.elapsed() <= STARTUP_LIMIT);
        assert!(describe(&error).starts_with("the API server at `u` could not be used within `1m0s`: "), "{error:?}");
    }

    #[tokio::test]
    async fn only_the_client_of_the_controller_is_fenced() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = Config::new(format!("http://{free}").parse().unwrap());
        let metrics = Arc::new(Metrics::new("v1.2.3"));
        let clients = Clients::new(&config, &Fence::shut(), &metrics).unwrap();
        let write = async |client: &Client| {
            let request = http::Request::post("/api/v1/namespaces").body(Vec::new()).unwrap();
            client.request_text(request).await.unwrap_err()
        };
        let refused = write(&clients.fenced).await;
        assert!(
            matches!(&refused, kube::Error::Service(error) if error.downcast_ref() == Some(&Refused::NotYet)),
            "{refused:?}"
        );
        assert!(!metrics.encode().contains("rest_client_requests_total{"));
        let text = RequestError::from(write(&clients.unfenced).await).to_string();
        assert!(text.contains("refused"), "{text}");
        let counted = format!("rest_client_requests_total{{code=\"<error>\",method=\"POST\",host=\"{free}\"}} 1\n");
        assert!(metrics.encode().contains(&counted));
    }
}
