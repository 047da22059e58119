//! Following a kind: lists it once in small pages, and watches it from there.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use futures::StreamExt as _;
use kube::api::Api;
use kube::core::Resource;
use kube::runtime::watcher::{self, Event, watcher};
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::observed::{Caches, Key, Listing, Observed, Sight};
use crate::outcome::describe;

/// Objects in a page of a list. They are in memory at once, whole, so there are few.
pub(super) const PAGE: u32 = 50;

/// The pause after a failure. It doubles until everything has been listed again.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// How many failures in a row count. Fewer are part of life: a connection that ends, an API server
/// that does not serve a new kind yet.
const FAILURES: u32 = 3;

/// Failures in a row.
#[derive(Debug, Default)]
pub(super) struct Failures(u32);

impl Failures {
    /// Something worked.
    pub(super) fn end(&mut self) {
        self.0 = 0;
    }

    /// One more: how long to wait, and whether it is time to say so and to list anew.
    pub(super) fn count(&mut self) -> (Duration, bool) {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.0.min(16)).min(MAX_PAUSE);
        self.0 = self.0.saturating_add(1);
        (pause, self.0 >= FAILURES)
    }
}

/// Where what is kept of the objects of a kind goes.
pub(super) trait Shelf {
    type Object;
    type Kept: PartialEq;

    /// What is kept of an object, and where it is.
    fn keep(&self, object: Self::Object) -> (Key, Self::Kept);

    /// Its place; none where nobody wants it any more.
    fn place<'o>(&self, observed: &'o mut Observed) -> Option<&'o mut Listing<Self::Kept>>;
}

/// Follows a kind for as long as this is polled. One of all who share `turn` lists at a time.
///
/// A watch that ends is taken up where it was. After some failures in a row, or where the API server
/// no longer has the versions since then, everything is listed anew.
pub(super) async fn follow<S>(
    api: &Api<S::Object>,
    config: &watcher::Config,
    caches: &Caches,
    turn: &Semaphore,
    shelf: S,
) where
    S: Shelf,
    S::Object: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let mut failures = Failures::default();
    loop {
        watch(api, config, caches, turn, &shelf, &mut failures).await;
    }
}

/// Watches until there were too many failures.
async fn watch<S>(
    api: &Api<S::Object>,
    config: &watcher::Config,
    caches: &Caches,
    turn: &Semaphore,
    shelf: &S,
    failures: &mut Failures,
) where
    S: Shelf,
    S::Object: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let mut events = watcher(api.clone(), config.clone()).boxed();
    let mut listed = BTreeMap::new();
    let mut ticket = None;
    while let Some(event) = events.next().await {
        match event {
            // Comes before the first request.
            Ok(Event::Init) => {
                listed.clear();
                // Nobody closes the semaphore; without it, everybody would list at once.
                ticket = turn.acquire().await.ok();
            }
            Ok(Event::InitApply(object)) => listed.extend([shelf.keep(object)]),
            Ok(Event::InitDone) => {
                ticket = None;
                failures.end();
                let all = std::mem::take(&mut listed);
                caches.change(|observed| shelf.place(observed).is_some_and(|place| place.replace(all)));
            }
            Ok(Event::Apply(object)) => {
                failures.end();
                let kept = shelf.keep(object);
                caches.change(|observed| shelf.place(observed).is_some_and(|place| place.put(kept)));
            }
            Ok(Event::Delete(object)) => {
                failures.end();
                let (key, _) = shelf.keep(object);
                caches.change(|observed| shelf.place(observed).is_some_and(|place| place.remove(&key)));
            }
            Err(error) => {
                ticket = None;
                let (pause, is_final) = failures.count();
                let text = describe(&error);
                tracing::debug!(url = api.resource_url(), error = text, "cannot watch");
                if is_final {
                    caches.change(|observed| shelf.place(observed).is_some_and(|place| place.block(text)));
                }
                sleep(pause).await;
                if is_final {
                    return;
                }
            }
        }
    }
    drop(ticket);
}

impl<V: PartialEq> Listing<V> {
    /// Takes in everything that there is. Whether that made a difference.
    fn replace(&mut self, objects: BTreeMap<Key, V>) -> bool {
        let is_same = self.sight == Sight::Clear && self.objects == objects;
        *self = Self { objects, sight: Sight::Clear };
        !is_same
    }

    /// Takes in one object. Whether that made a difference.
    pub(super) fn put(&mut self, (key, kept): (Key, V)) -> bool {
        let is_same = self.objects.get(&key) == Some(&kept);
        if !is_same {
            self.objects.insert(key, kept);
        }
        !is_same
    }

    fn remove(&mut self, key: &Key) -> bool {
        self.objects.remove(key).is_some()
    }

    fn block(&mut self, reason: String) -> bool {
        let blocked = Sight::Blocked(reason);
        let is_same = self.sight == blocked;
        self.sight = blocked;
        !is_same
    }
}
