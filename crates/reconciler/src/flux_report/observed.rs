//! What is known of the cluster, as far as the report needs it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flux_operator_api::ReportedComponent;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use tokio::sync::Notify;

use super::definition::{Definition, Origin};
use super::resource::Resource;
use super::stored::Stored;

/// Everything that is watched, trimmed to what is reported.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    /// Whether the CRDs of the cluster are known.
    pub(crate) definitions: Sight,
    /// The Flux that is installed, if one is.
    pub(crate) flux: Option<Origin>,
    /// Kinds by the names of their CRDs.
    pub(crate) kinds: BTreeMap<String, Kind>,
    pub(crate) components: Listing<ReportedComponent>,
    pub(crate) nodes: Listing<()>,
    pub(crate) server: Option<Server>,
    /// Reports that are there; none where the cluster has no such kind.
    pub(crate) reports: Option<Listing<Stored>>,
}

/// A kind and its objects.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) definition: Definition,
    pub(crate) resources: Listing<Resource>,
}

/// The API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) version: String,
    pub(crate) platform: String,
}

/// The objects of a kind, and whether all of them are known.
#[derive(Debug)]
pub(crate) struct Listing<V> {
    pub(crate) objects: BTreeMap<Key, V>,
    pub(crate) sight: Sight,
}

/// Where an object is. The namespace is empty for objects that live in none.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) namespace: Box<str>,
    pub(crate) name: Box<str>,
}

/// Whether something can be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sight {
    /// It has not been listed yet.
    #[default]
    Waiting,
    /// It is known, and watched.
    Clear,
    /// It cannot be watched, for this reason. What is known is from before.
    Blocked(String),
}

impl Key {
    pub(super) fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    pub(super) fn of(metadata: &ObjectMeta) -> Self {
        Self::new(metadata.namespace.as_deref().unwrap_or_default(), metadata.name.as_deref().unwrap_or_default())
    }
}

impl<V> Default for Listing<V> {
    fn default() -> Self {
        Self { objects: BTreeMap::new(), sight: Sight::Waiting }
    }
}

impl Observed {
    /// Whether something is about to be known.
    pub(super) fn is_incomplete(&self) -> bool {
        let is_waiting = |sight: &Sight| *sight == Sight::Waiting;
        let kinds = self.kinds.values();
        is_waiting(&self.definitions)
            || is_waiting(&self.components.sight)
            || is_waiting(&self.nodes.sight)
            || self.reports.as_ref().is_some_and(|reports| is_waiting(&reports.sight))
            || kinds.into_iter().any(|kind| kind.definition.version.is_none() || is_waiting(&kind.resources.sight))
    }

    /// The kind of that name in a group.
    pub(super) fn kind(&self, group: &str, kind: &str) -> Option<&Kind> {
        self.kinds.values().find(|it| it.definition.group == group && it.definition.kind == kind)
    }
}

/// What is known, shared between those who watch and those who report. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Caches(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    observed: Mutex<Observed>,
    changed: Notify,
}

impl Caches {
    /// What is known now. Not to be held for long.
    pub(crate) fn read(&self) -> MutexGuard<'_, Observed> {
        self.0.observed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes something in; `change` says whether that made a difference.
    pub(super) fn change(&self, change: impl FnOnce(&mut Observed) -> bool) {
        if change(&mut self.read()) {
            self.0.changed.notify_one();
        }
    }

    /// Waits until something is different.
    ///
    /// # Cancellation
    /// Safe. A change while nobody waits is told to the next who does.
    pub(super) async fn changed(&self) {
        self.0.changed.notified().await;
    }
}
