//! Watches over the kinds of an inventory, metadata only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flux_operator_api::ObjectId;
use futures::StreamExt as _;
use kube::Client;
use kube::api::{Api, DynamicObject};
use kube::core::{ObjectMeta, PartialObjectMeta};
use kube::runtime::watcher::{self, Event, watcher};
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::kinds::Kind;
use super::memory::{Memory, Seen};

/// Running watches, one for each kind. They end when this is dropped.
#[derive(Default)]
pub(crate) struct Watches {
    running: Mutex<BTreeMap<(String, String), AbortHandle>>,
}

impl Watches {
    /// Watches exactly these kinds from now on. Watches that run go on.
    pub(crate) fn set(&self, kinds: Vec<Kind>, client: &Client, selector: &str, memory: &Arc<Memory>) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted: BTreeMap<_, _> = kinds.into_iter().map(|kind| (key(&kind), kind)).collect();
        running.retain(|key, task| {
            let is_wanted = wanted.contains_key(key);
            if !is_wanted {
                task.abort();
                memory.begin(key);
            }
            is_wanted
        });
        for (key, kind) in wanted {
            if running.get(&key).is_none_or(AbortHandle::is_finished) {
                memory.begin(&key);
                let watch = watch(client.clone(), kind, selector.to_owned(), Arc::clone(memory));
                running.insert(key, tokio::spawn(watch).abort_handle());
            }
        }
    }
}

impl Drop for Watches {
    fn drop(&mut self) {
        let running = self.running.get_mut().unwrap_or_else(PoisonError::into_inner);
        running.values().for_each(AbortHandle::abort);
    }
}

fn key(kind: &Kind) -> (String, String) {
    (kind.resource.group.clone(), kind.resource.kind.clone())
}

/// The pause before a watch starts over after a failure. It doubles until the watch has listed
/// everything again.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// Watches a kind for as long as the task lives.
///
/// A connection that ends is taken up where it was. After a failure, or when the API server no
/// longer has the versions since then, nothing is certain until everything has been listed anew.
async fn watch(client: Client, kind: Kind, selector: String, memory: Arc<Memory>) {
    let key = key(&kind);
    let mut pause = FIRST_PAUSE;
    loop {
        let api: Api<PartialObjectMeta<DynamicObject>> = Api::all_with(client.clone(), &kind.resource);
        let mut events = watcher(api, watcher::Config::default().labels(&selector)).boxed();
        let mut listed = BTreeSet::new();
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Init) => {
                    listed.clear();
                    memory.begin(&key);
                }
                Ok(Event::InitApply(object)) => {
                    let id = id(&kind, &object.metadata);
                    memory.observe(&id, &seen(&object.metadata));
                    listed.insert(id);
                }
                Ok(Event::InitDone) => {
                    memory.complete(&key, &std::mem::take(&mut listed));
                    pause = FIRST_PAUSE;
                }
                Ok(Event::Apply(object)) => memory.observe(&id(&kind, &object.metadata), &seen(&object.metadata)),
                Ok(Event::Delete(object)) => {
                    let version = object.metadata.resource_version.as_deref().unwrap_or_default();
                    memory.observe_absence(&id(&kind, &object.metadata), version);
                }
                Err(error) => {
                    tracing::debug!(kind = key.1, %error, "watch failed");
                    break;
                }
            }
        }
        memory.begin(&key);
        sleep(pause).await;
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

fn id(kind: &Kind, metadata: &ObjectMeta) -> ObjectId {
    kind.id(metadata.namespace.as_deref().unwrap_or_default(), metadata.name.as_deref().unwrap_or_default())
}

fn seen(metadata: &ObjectMeta) -> Seen<'_> {
    Seen {
        uid: metadata.uid.as_deref().unwrap_or_default(),
        resource_version: metadata.resource_version.as_deref().unwrap_or_default(),
        generation: metadata.generation,
        labels: texts(metadata.labels.as_ref()),
        annotations: texts(metadata.annotations.as_ref()),
    }
}

fn texts(texts: Option<&BTreeMap<String, String>>) -> Vec<(&str, &str)> {
    texts.into_iter().flatten().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}
