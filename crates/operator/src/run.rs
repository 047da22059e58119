//! The life of the program, once its flags are read.
//!
//! ```text
//! serve probes -> find the API server -> wait for it -> wait for the lease -> controller
//!                                                                   held and renewed beside it
//! ```
//!
//! At the end: the controller stops, the fence shuts, the lease is given back, all of it within five
//! seconds. Where the lease is lost, nothing is waited for.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use flux_operator_api::identity::CONTROLLER;
use flux_operator_distro::Artifacts;
use flux_operator_reconciler::Options;
use flux_operator_reconciler::health::Health;
use flux_operator_reconciler::metrics::Metrics;
use kube::{Client, Config};
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use crate::artifacts::ArtifactsError;
use crate::connect::{self, Clients, ConnectError, STARTUP_LIMIT};
use crate::fence::Fence;
use crate::lease::{self, Candidate, Lost};
use crate::probes::{self, ListenFailed};
use crate::settings::{Election, Settings};
use crate::shutdown::Shutdown;
use crate::version::VERSION;

/// How long the controller may take to stop, and the lease to be given back: five seconds together,
/// with some to spare.
const CONTROLLER_GRACE: Duration = Duration::from_secs(3);
const RELEASE_GRACE: Duration = Duration::from_millis(1500);

/// The namespace of the pod, which is where its Lease is.
const POD_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// Why the program ended before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Metrics or probes cannot be served.
    #[error(transparent)]
    Listen(ListenFailed),
    /// The API server cannot be used.
    #[error(transparent)]
    Connect(ConnectError),
    /// The lease is lost.
    #[error(transparent)]
    Lost(Lost),
    /// The task that renews the lease panicked.
    #[error("the lease is not renewed any more")]
    Unrenewed(#[source] JoinError),
    /// Artifacts cannot be pulled.
    #[error("cannot set up the pulling of artifacts")]
    Artifacts(#[source] ArtifactsError),
    /// The controller ended by itself.
    #[error("the controller ended by itself")]
    Ended,
}

/// What the program consists of, beside the connection.
struct Program {
    settings: Settings,
    artifacts: Arc<Artifacts>,
    metrics: Arc<Metrics>,
    health: Health,
    shutdown: Shutdown,
}

/// The lease, renewed beside the controller.
struct Tenure {
    keeper: JoinHandle<(Candidate, Option<Lost>)>,
    stop: oneshot::Sender<()>,
    release: bool,
}

/// Runs until the program is asked to end.
///
/// # Errors
/// See [`RunError`]; the process has to end then.
pub async fn run(settings: Settings, shutdown: Shutdown) -> Result<(), RunError> {
    info!(version = VERSION, namespace = settings.controller.namespace, "starting");
    if !settings.without_effect.is_empty() {
        warn!(given = settings.without_effect.join(", "), "some flags and variables have no effect in this operator");
    }
    let artifacts = Arc::new(settings.artifacts.open().map_err(RunError::Artifacts)?);
    let (metrics, health) = (Arc::new(Metrics::new(VERSION)), Health::new());
    let serve_metrics = probes::serve(&settings.metrics, "--metrics-addr", probes::metrics(Arc::clone(&metrics)));
    let _metrics_server = serve_metrics.await.map_err(RunError::Listen)?;
    let serve_health = probes::serve(&settings.probes, "--health-addr", probes::health(health.clone()));
    let _health_server = serve_health.await.map_err(RunError::Listen)?;
    let config = connect::config().await.map_err(RunError::Connect)?;
    Program { settings, artifacts, metrics, health, shutdown }.run(&config, STARTUP_LIMIT).await
}

impl Program {
    async fn run(self, config: &Config, limit: Duration) -> Result<(), RunError> {
        let fence = if self.settings.election.is_some() { Fence::shut() } else { Fence::open() };
        let clients = Clients::new(config, &fence, &self.metrics).map_err(RunError::Connect)?;
        let url = config.cluster_url.to_string();
        tokio::select! {
            answers = connect::wait(&clients.unfenced, &url, limit) => answers.map_err(RunError::Connect)?,
            () = self.shutdown.requested() => return Ok(()),
        }
        self.health.standby();
        match self.settings.election {
            Some(election) => self.elected(election, clients, fence).await,
            None => self.work(clients.fenced).await,
        }
    }

    /// Waits for the lease, and works as long as it is ours.
    async fn elected(&self, election: Election, clients: Clients, fence: Fence) -> Result<(), RunError> {
        self.metrics.set_leading(CONTROLLER, false);
        let namespace = pod_namespace().unwrap_or_else(|| self.settings.controller.namespace.clone());
        let mut candidate = Candidate::new(clients.unfenced, &namespace, lease::identity(), election.timing);
        let until = tokio::select! {
            until = candidate.acquire() => until,
            () = self.shutdown.requested() => return Ok(()),
        };
        // Before the controller starts, and not when the task that renews the lease is first run.
        let _ = fence.extend(until);
        self.metrics.set_leading(CONTROLLER, true);
        let mut tenure = Tenure::begin(candidate, fence.clone(), until, election.release);
        let worked = tokio::select! {
            biased;
            kept = &mut tenure.keeper => Err(match kept {
                Ok((_, Some(lost))) => RunError::Lost(lost),
                Ok((_, None)) => RunError::Ended,
                Err(error) => RunError::Unrenewed(error),
            }),
            worked = self.work(clients.fenced) => Ok(worked),
        };
        // The fence shuts before anybody else may write.
        fence.close();
        self.metrics.set_leading(CONTROLLER, false);
        let worked = worked?;
        tenure.end().await?;
        worked
    }

    /// Runs the controller until the program is asked to end, and some seconds longer.
    async fn work(&self, client: Client) -> Result<(), RunError> {
        let overdue = async {
            self.shutdown.requested().await;
            sleep(CONTROLLER_GRACE).await;
        };
        let options = Options { host: lease::hostname(), ..self.settings.controller.clone() };
        let (metrics, health) = (Arc::clone(&self.metrics), self.health.clone());
        let artifacts = Arc::clone(&self.artifacts);
        let asked = self.shutdown.requested();
        tokio::select! {
            () = flux_operator_reconciler::run(client, options, artifacts, metrics, health, asked) => {
                if self.shutdown.is_requested() { Ok(()) } else { Err(RunError::Ended) }
            }
            () = overdue => {
                warn!("the controller did not stop in time");
                Ok(())
            }
        }
    }
}

impl Tenure {
    fn begin(mut candidate: Candidate, fence: Fence, until: Instant, release: bool) -> Self {
        let (stop, stopped) = oneshot::channel();
        let keeper = tokio::spawn(async move {
            let lost = tokio::select! {
                lost = candidate.hold(&fence, until) => Some(lost),
                _ = stopped => None,
            };
            (candidate, lost)
        });
        Self { keeper, stop, release }
    }

    /// Stops renewing, and gives the lease back if that is wanted.
    async fn end(self) -> Result<(), RunError> {
        // The other side is gone only where the task is, which the next line tells.
        let _ = self.stop.send(());
        let (mut candidate, lost) = self.keeper.await.map_err(RunError::Unrenewed)?;
        if let Some(lost) = lost {
            return Err(RunError::Lost(lost));
        }
        if self.release {
            match timeout(RELEASE_GRACE, candidate.release()).await {
                Ok(Ok(())) => info!("gave the lease back"),
                Ok(Err(error)) => warn!(error = %error, "cannot give the lease back"),
                Err(_elapsed) => warn!("cannot give the lease back: no answer in time"),
            }
        }
        Ok(())
    }
}

fn pod_namespace() -> Option<String> {
    let namespace = fs::read_to_string(POD_NAMESPACE).ok()?;
    Some(namespace.trim().to_owned()).filter(|namespace| !namespace.is_empty())
}
