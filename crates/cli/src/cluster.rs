//! The connection to a cluster, made only by commands that need one.
//!
//! Requests are tried and read by the engine's [`Connection`], so that a busy API server is treated
//! the same by all programs of the workspace.

mod discovery;
mod failure;
mod kubeconfig;
mod objects;
mod story;
mod watch;

use std::time::Duration;

use flux_operator_api::GoDuration;
use flux_operator_inventory::{Connection, RequestLimits};
use kube::Client;
use tokio::runtime::Builder;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep_until};

pub(crate) use discovery::{Discovery, ServedKind};
pub(crate) use failure::ClusterError;
pub(crate) use objects::{Scope, WINDOW, json_patch};
pub(crate) use story::Story;
pub(crate) use watch::Seen;

use crate::error::{Complaint, Failure};
use crate::globals::Globals;

/// The longest one attempt of a request may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a request is tried: somebody waits in front of the screen.
const ATTEMPTS: u32 = 3;

/// What a command may take beyond its time to say what it was waiting for.
const GRACE: Duration = Duration::from_secs(2);

/// A cluster, and what was asked of all commands.
pub(crate) struct Cluster {
    connection: Connection,
    client: Client,
    /// The namespace that is meant where none is named.
    namespace: String,
    /// Whether that is so because a flag says it.
    pub(crate) namespace_is_explicit: bool,
    pub(crate) story: Story,
    deadline: Instant,
    /// The kinds of all groups but the core group, once somebody has asked.
    groups: OnceCell<Discovery>,
    /// All kinds, the same way.
    everything: OnceCell<Discovery>,
}

/// How long a command may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    /// As long as `--timeout` says.
    Limited,
    /// Until somebody interrupts it.
    Endless,
}

/// Connects, and does `work` until it is done, out of time or interrupted.
///
/// # Errors
/// Those of the work, and what [`ClusterError`] says of the connection. An interruption drops the
/// work between two requests.
pub(crate) fn on_cluster<T>(
    globals: &Globals,
    span: Span,
    work: impl AsyncFnOnce(Cluster) -> Result<T, Failure>,
) -> Result<T, Failure> {
    // Whoever asks first for TLS finds the one provider there is.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| Complaint::new(ClusterError::NoRuntime(source)))?;
    let result = runtime.block_on(async {
        let deadline = Instant::now() + globals.timeout;
        let work = Box::pin(async {
            let cluster = Cluster::connect(globals, deadline).await?;
            work(cluster).await
        });
        tokio::select! {
            // Whoever listens first is not killed by an interruption that comes early.
            biased;
            _ = tokio::signal::ctrl_c() => Err(Complaint::new(ClusterError::Interrupted).into()),
            () = sleep_until(deadline + GRACE), if span == Span::Limited => {
                Err(Complaint::new(ClusterError::OutOfTime(globals.timeout)).into())
            }
            result = work => result,
        }
    });
    // A lookup of a host name may still hang on another thread.
    runtime.shutdown_background();
    result
}

/// The namespace that the kubeconfig means, where nobody has to be asked for more.
pub(crate) fn namespace_of(globals: &Globals) -> Option<String> {
    let runtime = Builder::new_current_thread().build().ok()?;
    runtime.block_on(kubeconfig::load(globals)).ok().map(|access| access.namespace)
}

impl Cluster {
    async fn connect(globals: &Globals, deadline: Instant) -> Result<Self, Failure> {
        let access = kubeconfig::load(globals).await.map_err(Complaint::new)?;
        let client = Client::try_from(access.config).map_err(|error| Complaint::new(ClusterError::client(error)))?;
        let limits =
            RequestLimits { timeout: PATIENCE.min(globals.timeout), attempts: ATTEMPTS, max_pause: globals.timeout };
        Ok(Self {
            connection: Connection::new(client.clone(), limits),
            client,
            namespace: access.namespace,
            namespace_is_explicit: globals.namespace.is_some(),
            story: Story::new(globals.quiet),
            deadline,
            groups: OnceCell::new(),
            everything: OnceCell::new(),
        })
    }

    /// The namespace to look in.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// When the time of the command is over.
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// What is left of the time of the command.
    pub(crate) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The connection, for the engine.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }
}

/// A time as users write it.
pub(crate) fn written(duration: Duration) -> String {
    GoDuration::try_from(duration).map_or_else(|_| format!("{duration:?}"), |duration| duration.to_string())
}
