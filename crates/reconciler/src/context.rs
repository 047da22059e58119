//! What runs work with: connections, and what is remembered between runs.

use std::sync::Arc;
use std::time::Duration;

use flux_operator_distro::{Artifacts, Digest, Location};
use flux_operator_inventory::Engine;
use tokio::sync::watch;

use crate::drift::Fights;
use crate::events::{Events, Notifications};
use crate::instance::Instance;
use crate::schedule::Backoff;

/// How the controller works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The namespace whose FluxInstance is reconciled. Others are left alone.
    pub namespace: String,
    /// Where the manifests are that instances without an artifact are installed from, laid out as
    /// `docs/distribution.md` says: usually the folder that came with the operator.
    pub storage: Location,
    /// The pauses between runs that fail.
    pub backoff: Backoff,
    /// How much of an interval is left to chance, up or down, in percent, up to 99. Default 5.
    pub jitter_percent: u8,
    /// Field managers that the operator takes fields over from, besides the usual ones.
    pub predecessors: Vec<String>,
    /// Whether and where notification-controller is told of events.
    pub notifications: Notifications,
    /// The name of this process in events: that of its pod.
    pub host: String,
    /// The version of the operator, in its report. Default that of this crate.
    pub version: String,
    /// How often the report is looked over without a reason; none where it is not. Default 5 min.
    pub reporting_interval: Option<Duration>,
}

impl Options {
    /// The defaults, for a namespace and a place with manifests.
    pub fn new(namespace: impl Into<String>, storage: Location) -> Self {
        Self {
            namespace: namespace.into(),
            storage,
            backoff: Backoff::default(),
            jitter_percent: 5,
            predecessors: Vec::new(),
            notifications: Notifications::default(),
            host: "flux-operator".to_owned(),
            version: concat!("v", env!("CARGO_PKG_VERSION")).to_owned(),
            reporting_interval: Some(Duration::from_secs(5 * 60)),
        }
    }
}

/// What every run works with.
pub(crate) struct Context {
    pub(crate) engine: Engine,
    pub(crate) events: Events,
    pub(crate) artifacts: Arc<Artifacts>,
    pub(crate) options: Options,
}

/// What is remembered from one run to the next, and lost with the process.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Runs that failed in a row.
    pub(crate) failures: u32,
    /// Objects whose drift comes back.
    pub(crate) fights: Fights,
    /// The artifact that the last run was made from, whatever became of it.
    pub(crate) artifact: Option<Digest>,
    /// Whether every stored object is known to be in the storage version of its CRD.
    pub(crate) is_migrated: bool,
    /// Whether a migration of everything is to be done over.
    pub(crate) has_forced_migration_failed: bool,
}

/// What is known of the instance.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observation {
    /// Whether the instances of the cluster were listed.
    pub(crate) is_synced: bool,
    /// The instance; none where there is none.
    pub(crate) instance: Option<Arc<Instance>>,
    /// How often something happened that asks for a run.
    pub(crate) triggers: u64,
}

/// Tells a run that there is something newer to do.
pub(crate) struct Interrupt {
    pub(crate) observed: watch::Receiver<Observation>,
    /// How often something had happened when the run began.
    pub(crate) since: u64,
}

impl Interrupt {
    /// Waits until something happens that asks for another run.
    pub(crate) async fn triggered(&self) {
        let mut observed = self.observed.clone();
        if observed.wait_for(|observation| observation.triggers > self.since).await.is_err() {
            // Nobody is left who could tell.
            std::future::pending::<()>().await;
        }
    }
}
