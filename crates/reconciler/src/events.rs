//! Events: what a run has to say, to Kubernetes and to notification-controller.
//!
//! ```text
//!        +-> queue -> Recorder -> Correlator -> one request to the API server
//! emit --|
//!        +-> queue -> Notifier -> POST, tried a few times
//! ```
//!
//! # Guarantees
//! - **A run never waits for an event.** [`Events::emit`] only queues. Where a queue is full its oldest event is dropped,
//!   counted and logged.
//! - **Each side is on its own.** A notification-controller that does not answer delays no Kubernetes event.
//! - **One request an event.** Repeated events are counted, similar ones combined, and floods cut, before anything is
//!   sent.
//! - **A failure is a log line.** Nothing here fails a run.

mod address;
mod correlate;
mod endpoint;
mod notification;
mod notifier;
mod queue;
mod quiet;
mod reason;
mod record;
mod recorder;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flux_operator_api::conditions::trim_message;
use flux_operator_api::{Component, FluxInstance, annotations, identity};
use jiff::Timestamp;
use kube::Client;
use tokio::task::JoinSet;
use tokio::time::timeout;

pub use address::{Notifications, address};
pub use reason::EventReason;

use crate::metrics::Metrics;
use endpoint::Endpoint;
use notifier::{Notification, Notifier};
use queue::Queue;
use recorder::Recorder;

/// How many events may wait for the API server, and how many for notification-controller. A run has about five, so this
/// is a dozen runs.
const CAPACITY: usize = 64;

/// Annotations of the subject that start so go along with its notifications.
const FORWARDED: &str = "event.toolkit.fluxcd.io/";

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// As it should be.
    Normal,
    /// Somebody should look.
    Warning,
}

impl Severity {
    /// As the type of a Kubernetes event.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// Who learns of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Whoever reads Kubernetes events.
    Cluster,
    /// Those, and whom notification-controller tells.
    Everyone,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// How bad it is.
    pub severity: Severity,
    /// What kind of thing it is.
    pub reason: EventReason,
    /// What happened, in words; may have several lines. What is too long for a condition is cut here, too.
    pub message: String,
    /// Who learns of it.
    pub audience: Audience,
    /// More about it, for programs.
    pub annotations: BTreeMap<String, String>,
}

/// What events are about: a `FluxInstance`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Its name.
    pub name: String,
    /// Its namespace, which is where its events are.
    pub namespace: String,
    /// Its UID.
    pub uid: String,
    /// The version that was seen.
    pub resource_version: String,
    /// Its annotations. Only those that start with `event.toolkit.fluxcd.io/` are used.
    pub annotations: BTreeMap<String, String>,
}

/// Where events go in. Clones share their queues.
#[derive(Clone)]
pub struct Events {
    metrics: Option<Arc<Metrics>>,
    notifications: Arc<Notifications>,
    for_cluster: Queue<Arc<Occurrence>>,
    for_notification: Queue<Notification>,
}

/// Where events come out: two tasks that end when this is dropped.
#[must_use = "dropping this ends the delivery of events"]
pub struct EventsTask {
    for_cluster: Queue<Arc<Occurrence>>,
    for_notification: Queue<Notification>,
    workers: JoinSet<()>,
}

/// An event, whom it is about, and when it was.
#[derive(Debug)]
struct Occurrence {
    subject: Subject,
    event: Event,
    at: Timestamp,
}

impl Event {
    /// An event that is as it should be, for those who read Kubernetes events.
    pub fn normal(reason: impl Into<EventReason>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Normal,
            reason: reason.into(),
            message: message.into(),
            audience: Audience::Cluster,
            annotations: BTreeMap::new(),
        }
    }

    /// An event that somebody should look at, for those who read Kubernetes events.
    pub fn warning(reason: impl Into<EventReason>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::normal(reason, message) }
    }

    /// The event, for everyone.
    #[must_use]
    pub fn for_everyone(mut self) -> Self {
        self.audience = Audience::Everyone;
        self
    }

    /// The event, about a revision, where there is one.
    #[must_use]
    pub fn about(mut self, revision: &str) -> Self {
        if !revision.is_empty() {
            self.annotations.insert(annotations::REVISION.to_owned(), revision.to_owned());
        }
        self
    }
}

impl Subject {
    /// `apiVersion` of every subject.
    pub const API_VERSION: &'static str = identity::API_VERSION;

    /// `kind` of every subject.
    pub const KIND: &'static str = identity::KIND;

    /// The instance as a subject.
    pub fn of(instance: &FluxInstance) -> Self {
        let metadata = &instance.metadata;
        let annotations = metadata.annotations.iter().flatten().filter(|(key, _)| key.starts_with(FORWARDED));
        Self {
            name: metadata.name.clone().unwrap_or_default(),
            namespace: metadata.namespace.clone().unwrap_or_default(),
            uid: metadata.uid.clone().unwrap_or_default(),
            resource_version: metadata.resource_version.clone().unwrap_or_default(),
            annotations: annotations.map(|(key, value)| (key.clone(), value.clone())).collect(),
        }
    }
}

impl Events {
    /// Starts delivery. `host` is the name of the machine or pod, which events are signed with.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn start(client: Client, host: String, notifications: Notifications) -> (Self, EventsTask) {
        let for_cluster = Queue::new("Kubernetes", CAPACITY);
        let for_notification = Queue::new("notification-controller", CAPACITY);
        let mut workers = JoinSet::new();
        workers.spawn(Recorder::new(client, host.clone()).run(for_cluster.clone()));
        workers.spawn(Notifier::new(host).run(for_notification.clone()));
        let events = Self {
            metrics: None,
            notifications: Arc::new(notifications),
            for_cluster: for_cluster.clone(),
            for_notification: for_notification.clone(),
        };
        (events, EventsTask { for_cluster, for_notification, workers })
    }

    /// Counts events, too.
    #[must_use]
    pub fn counted_by(mut self, metrics: Arc<Metrics>) -> Self {
        self.metrics = Some(metrics);
        self
    }

    /// Hands an event over. `address` is that of notification-controller, where there is one.
    ///
    /// Never waits and never fails.
    pub fn emit(&self, subject: &Subject, mut event: Event, address: Option<&str>) {
        event.message = trim_message(event.message);
        if let Some(metrics) = &self.metrics {
            metrics.count_event(event.severity, event.reason);
        }
        let audience = event.audience;
        let occurrence = Arc::new(Occurrence { subject: subject.clone(), event, at: Timestamp::now() });
        self.for_cluster.push(occurrence.clone());
        let Some(address) = address.filter(|_| audience == Audience::Everyone) else {
            return;
        };
        match Endpoint::parse(address) {
            Ok(endpoint) => self.for_notification.push(Notification { occurrence, endpoint }),
            Err(error) => tracing::warn!(%error, "cannot notify notification-controller"),
        }
    }

    /// Where notification-controller is, if anywhere: [`address`], with what [`Events::start`] was told.
    pub fn address(&self, namespace: &str, components: &[Component], domain: &str) -> Option<String> {
        address(&self.notifications, namespace, components, domain)
    }

    /// How many events were dropped so far, because a queue was full.
    pub fn dropped(&self) -> u64 {
        self.for_cluster.dropped() + self.for_notification.dropped()
    }
}

impl EventsTask {
    /// Delivers what waits, as far as that is possible in time, and ends. Events that come later are lost.
    pub async fn flush(mut self, within: Duration) {
        self.for_cluster.close();
        self.for_notification.close();
        let finished = async { while self.workers.join_next().await.is_some() {} };
        if timeout(within, finished).await.is_err() {
            let (events, notifications) = (self.for_cluster.waiting(), self.for_notification.waiting());
            tracing::warn!(events, notifications, "ended before every event was delivered");
        }
    }
}

#[cfg(test)]
mod tests;
