//! Which kinds there are: follows the CRDs of the cluster, and each kind that they define.
//!
//! Of CRDs, only metadata is watched: their schemas are large, and hardly a field matters. Where one
//! that matters has changed, it is read once, and all but those fields passed over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flux_operator_api::identity;
use flux_operator_inventory::{Connection, RequestError};
use futures::StreamExt as _;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Client;
use kube::api::{Api, DynamicObject, GetParams};
use kube::core::request::Request as Requests;
use kube::core::{ApiResource, PartialObjectMeta, Resource as _};
use kube::runtime::watcher::{self, Event, watcher};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::definition::{Definition, Family, MARKER, Origin, Read};
use super::follow::{Failures, PAGE, Shelf, follow};
use super::observed::{Caches, Key, Kind, Listing, Observed, Sight};
use super::resource::{Resource, Trimmed};
use super::stored::{self, Stored};
use crate::outcome::describe;

type Metadata = PartialObjectMeta<CustomResourceDefinition>;

/// How long to wait after a change: a new CRD changes several times in a row.
const SETTLE: Duration = Duration::from_millis(300);

/// How long to wait before a CRD that could not be read is read again.
const AGAIN: Duration = Duration::from_secs(10);

/// Follows the kinds of a cluster. They are no longer followed when this is dropped.
pub(super) struct Definitions {
    client: Client,
    connection: Connection,
    caches: Caches,
    /// The namespace of the report.
    namespace: String,
    turn: Arc<Semaphore>,
    /// Kinds that are followed, by the names of their CRDs.
    running: BTreeMap<String, (ApiResource, AbortHandle)>,
    /// CRDs that have changed since they were read.
    unread: BTreeMap<String, Family>,
    due: Instant,
}

impl Definitions {
    pub(super) fn new(
        client: Client,
        connection: Connection,
        caches: Caches,
        namespace: String,
        turn: Arc<Semaphore>,
    ) -> Self {
        let (running, unread) = (BTreeMap::new(), BTreeMap::new());
        Self { client, connection, caches, namespace, turn, running, unread, due: Instant::now() }
    }

    /// Follows for as long as this is polled.
    pub(super) async fn follow(mut self) {
        let mut failures = Failures::default();
        loop {
            self.watch(&mut failures).await;
        }
    }

    /// Watches until there were too many failures.
    async fn watch(&mut self, failures: &mut Failures) {
        let api: Api<Metadata> = Api::all(self.client.clone());
        let mut events = watcher(api, watcher::Config::default().page_size(PAGE)).boxed();
        let (mut listed, mut is_listed) = (Vec::new(), false);
        loop {
            let event = tokio::select! {
                event = events.next() => event,
                () = sleep_until(self.due), if is_listed && !self.unread.is_empty() => {
                    self.read().await;
                    continue;
                }
            };
            match event {
                Some(Ok(Event::Init)) => {
                    listed.clear();
                    is_listed = false;
                }
                Some(Ok(Event::InitApply(definition))) => {
                    listed.extend(definition.metadata.name.clone());
                    self.see(&definition);
                }
                Some(Ok(Event::InitDone)) => {
                    failures.end();
                    is_listed = true;
                    self.keep(&listed);
                    self.read().await;
                }
                Some(Ok(Event::Apply(definition))) => {
                    failures.end();
                    self.see(&definition);
                }
                Some(Ok(Event::Delete(definition))) => {
                    failures.end();
                    self.forget(&definition.metadata.name.unwrap_or_default());
                }
                Some(Err(error)) => {
                    let (pause, is_final) = failures.count();
                    if is_final {
                        self.set(Sight::Blocked(describe(&error)));
                    }
                    sleep(pause).await;
                    if is_final {
                        return;
                    }
                }
                None => return,
            }
        }
    }

    fn set(&self, sight: Sight) {
        self.caches.change(|observed| {
            let is_same = observed.definitions == sight;
            observed.definitions = sight;
            !is_same
        });
    }

    /// Takes in what the metadata of a CRD say.
    fn see(&mut self, definition: &Metadata) {
        let metadata = &definition.metadata;
        let (name, labels) = (metadata.name.clone().unwrap_or_default(), metadata.labels.as_ref());
        if name == MARKER {
            self.installed(Some(Origin::of(labels)));
        }
        match Family::of(&name, labels) {
            Some(family) => {
                self.unread.insert(name, family);
                self.due = Instant::now() + SETTLE;
            }
            None if name != MARKER => self.forget(&name),
            None => {}
        }
    }

    fn installed(&self, flux: Option<Origin>) {
        self.caches.change(|observed| {
            let is_same = observed.flux == flux;
            observed.flux = flux;
            !is_same
        });
    }

    /// Forgets the CRDs that were not listed.
    fn keep(&mut self, listed: &[String]) {
        if !listed.iter().any(|name| name == MARKER) {
            self.installed(None);
        }
        let known = self.caches.read().kinds.keys().cloned().chain(self.running.keys().cloned()).collect::<Vec<_>>();
        for name in known.iter().filter(|name| !listed.contains(name)) {
            self.forget(name);
        }
    }

    fn forget(&mut self, name: &str) {
        if name == MARKER {
            self.installed(None);
        }
        self.unread.remove(name);
        if let Some((_, task)) = self.running.remove(name) {
            task.abort();
        }
        self.caches.change(|observed| {
            let was_report = name == identity::REPORT_CRD_NAME && observed.reports.take().is_some();
            observed.kinds.remove(name).is_some() || was_report
        });
    }

    /// Reads the CRDs that have changed, of all that were listed.
    async fn read(&mut self) {
        let mut sight = Sight::Clear;
        for (name, family) in std::mem::take(&mut self.unread) {
            match self.read_one(&name).await {
                Ok(read) => self.define(&name, &Definition::new(family, read)),
                Err(error) if error.is_not_found() => self.forget(&name),
                Err(error) => {
                    let error = describe(&error);
                    tracing::error!(error, "cannot read CustomResourceDefinition/{name}");
                    sight = Sight::Blocked(error);
                    self.unread.insert(name, family);
                    self.due = Instant::now() + AGAIN;
                }
            }
        }
        self.set(sight);
    }

    async fn read_one(&self, name: &str) -> Result<Read, RequestError> {
        let path = CustomResourceDefinition::url_path(&(), None);
        let request = Requests::new(path).get(name, &GetParams::default());
        self.connection.json(request.map_err(RequestError::unreadable)?).await
    }

    /// Takes in what a CRD defines, and follows the objects of the kind where they are now.
    fn define(&mut self, name: &str, definition: &Definition) {
        let (family, resource) = (definition.family, definition.resource());
        let is_followed = self.running.get(name).map(|(followed, _)| followed) == resource.as_ref();
        if !is_followed && let Some((_, task)) = self.running.remove(name) {
            task.abort();
        }
        self.caches.change(|observed| observed.define(name, definition.clone(), !is_followed));
        if let Some(resource) = resource.filter(|_| !is_followed) {
            let task = self.start(name, family, &definition.kind, &resource);
            self.running.insert(name.to_owned(), (resource, task));
        }
    }

    fn start(&self, name: &str, family: Family, kind: &str, resource: &ApiResource) -> AbortHandle {
        let (client, caches, turn) = (self.client.clone(), self.caches.clone(), Arc::clone(&self.turn));
        let config = watcher::Config::default().page_size(PAGE);
        let task = if family == Family::Report {
            let api: Api<DynamicObject> = Api::namespaced_with(client, &self.namespace, &stored::resource());
            let config = config.fields(&format!("metadata.name={}", identity::REPORT_NAME));
            tokio::spawn(async move { follow(&api, &config, &caches, &turn, Reports).await })
        } else {
            let api: Api<Trimmed> = Api::all_with(client, resource);
            let shelf = Resources {
                definition: name.to_owned(),
                family,
                kind: kind.to_owned(),
                namespace: self.namespace.clone(),
            };
            tokio::spawn(async move { follow(&api, &config, &caches, &turn, shelf).await })
        };
        task.abort_handle()
    }
}

impl Drop for Definitions {
    fn drop(&mut self) {
        self.running.values().for_each(|(_, task)| task.abort());
    }
}

impl Observed {
    /// Takes in a kind. Whether that made a difference.
    fn define(&mut self, name: &str, definition: Definition, is_new: bool) -> bool {
        if definition.family == Family::Report {
            if is_new || self.reports.is_none() {
                self.reports = Some(Listing::default());
            }
            return is_new;
        }
        match self.kinds.get_mut(name) {
            Some(kind) if !is_new => {
                let is_same = kind.definition == definition;
                kind.definition = definition;
                !is_same
            }
            _ => {
                self.kinds.insert(name.to_owned(), Kind { definition, resources: Listing::default() });
                true
            }
        }
    }
}

/// The objects of a kind.
struct Resources {
    definition: String,
    family: Family,
    kind: String,
    namespace: String,
}

impl Shelf for Resources {
    type Object = Trimmed;
    type Kept = Resource;

    fn keep(&self, object: Trimmed) -> (Key, Resource) {
        (object.key(), Resource::of(self.family, &self.kind, &object, &self.namespace))
    }

    fn place<'o>(&self, observed: &'o mut Observed) -> Option<&'o mut Listing<Resource>> {
        Some(&mut observed.kinds.get_mut(&self.definition)?.resources)
    }
}

/// The report itself.
struct Reports;

impl Shelf for Reports {
    type Object = DynamicObject;
    type Kept = Stored;

    fn keep(&self, object: DynamicObject) -> (Key, Stored) {
        let stored = Stored::from(object);
        (stored.key(), stored)
    }

    fn place<'o>(&self, observed: &'o mut Observed) -> Option<&'o mut Listing<Stored>> {
        observed.reports.as_mut()
    }
}
