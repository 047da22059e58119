//! Waiting until objects are ready, or gone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use flux_operator_api::{Object, ObjectId};
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, sleep_until};

use super::Engine;
use super::follow::{Sighting, Teller};
use super::kinds::Kind;
use super::request::RequestError;
use crate::health::{self, Health, Status, Summary, Verdict};
use crate::record::Entry;

/// An object to wait for, and as it was last seen.
pub(super) struct Awaited {
    pub(super) id: ObjectId,
    pub(super) kind: Kind,
    pub(super) latest: Option<Object>,
}

/// How often objects are judged without news: the age of some counts.
const TICK: Duration = Duration::from_secs(5);

impl Engine {
    /// Waits until objects are ready, by the rules of [`health`].
    ///
    /// Ends when all are `Current`, when only failed ones are left, or after `timeout`; the summary
    /// says which. Objects of kinds that are ready by being there are not looked at, nor are those
    /// of which a watch says that they have not changed since they were ready.
    ///
    /// # Errors
    /// The API server cannot be asked about a kind that it does not have from the start. Failures
    /// to read an object are in the summary, as `Unknown`.
    ///
    /// # Cancellation
    /// Safe.
    pub async fn wait(&self, objects: &[Entry], timeout: Duration) -> Result<Summary, RequestError> {
        let mut awaited = Vec::new();
        let mut gone = Vec::new();
        let is_open = |id| health::needs_watching(id) && !self.memory.is_ready(id);
        for entry in objects.iter().filter(|entry| is_open(&entry.id)) {
            match self.kinds.of_entry(&self.connection, entry).await? {
                Some(kind) => awaited.push(Awaited { id: entry.id.clone(), kind, latest: None }),
                None => gone.push((entry.id.clone(), Health::new(Status::NotFound, "the cluster has no such kind"))),
            }
        }
        let summary = self.wait_for(awaited, timeout).await;
        Ok(summary.unready().iter().cloned().chain(gone).collect())
    }

    /// Waits until objects are gone, and returns those that are not.
    ///
    /// # Errors
    /// As of [`wait`](Self::wait).
    ///
    /// # Cancellation
    /// Safe.
    pub async fn wait_gone(&self, objects: &[Entry], timeout: Duration) -> Result<Vec<Entry>, RequestError> {
        let mut kinds = Vec::new();
        for entry in objects {
            let kind = self.kinds.of_entry(&self.connection, entry).await?;
            kinds.extend(kind.map(|kind| Awaited { id: entry.id.clone(), kind, latest: None }));
        }
        let mut left: BTreeSet<ObjectId> = kinds.iter().map(|awaited| awaited.id.clone()).collect();
        let deadline = Instant::now() + timeout;
        let (tell, mut told) = mpsc::unbounded_channel();
        let mut followers = self.follow_all(kinds, &tell);
        while !left.is_empty() {
            tokio::select! {
                Some((id, sighting)) = told.recv() => {
                    if matches!(sighting, Sighting::Absent) {
                        left.remove(&id);
                    }
                }
                Some(()) = followers.next() => {}
                () = sleep_until(deadline) => break,
            }
        }
        Ok(objects.iter().filter(|entry| left.contains(&entry.id)).cloned().collect())
    }

    pub(super) async fn wait_for(&self, awaited: Vec<Awaited>, timeout: Duration) -> Summary {
        let deadline = Instant::now() + timeout;
        let mut objects: BTreeMap<ObjectId, Seen> = BTreeMap::new();
        for awaited in &awaited {
            let seen = awaited.latest.clone().map_or(Seen::Nothing, |object| Seen::Object(Box::new(object)));
            objects.insert(awaited.id.clone(), seen);
        }
        let mut summary = self.judge(&objects);
        if summary.verdict() != Verdict::InProgress {
            return summary;
        }
        let unready: BTreeSet<&ObjectId> = summary.unready().iter().map(|(id, _)| id).collect();
        let followed = awaited.into_iter().filter(|awaited| unready.contains(&awaited.id)).collect();
        let (tell, mut told) = mpsc::unbounded_channel();
        let mut followers = self.follow_all(followed, &tell);
        let mut ticks = interval(TICK);
        loop {
            tokio::select! {
                Some((id, sighting)) = told.recv() => {
                    objects.insert(id, sighting.into());
                }
                _ = ticks.tick() => {}
                Some(()) = followers.next() => {}
                () = sleep_until(deadline) => return summary,
            }
            // What has arrived together is judged together.
            while let Ok((id, sighting)) = told.try_recv() {
                objects.insert(id, sighting.into());
            }
            summary = self.judge(&objects);
            if summary.verdict() != Verdict::InProgress {
                return summary;
            }
        }
    }

    /// Follows objects, each kind on its own. They never end by themselves.
    fn follow_all<'e>(&'e self, awaited: Vec<Awaited>, tell: &'e Teller) -> FuturesUnordered<BoxFuture<'e, ()>> {
        let follow = |(kind, ids, from)| async move { self.follow(&kind, &ids, from, tell).await }.boxed();
        groups(awaited).into_iter().map(follow).collect()
    }

    fn judge(&self, objects: &BTreeMap<ObjectId, Seen>) -> Summary {
        let now = Timestamp::now();
        let judge = |(id, seen): (&ObjectId, &Seen)| {
            let health = match seen {
                Seen::Object(object) => health::of(object, now),
                Seen::Nothing => Health::new(Status::Unknown, ""),
                Seen::Absent => Health::new(Status::NotFound, ""),
                Seen::Unreadable(reason) => Health::new(Status::Unknown, reason.clone()),
            };
            if let (Seen::Object(object), Status::Current) = (seen, health.status) {
                self.memory.ready(id, object);
            }
            (id.clone(), health)
        };
        objects.iter().map(judge).collect()
    }
}

/// The last that was seen of an object.
enum Seen {
    Nothing,
    Object(Box<Object>),
    Absent,
    Unreadable(String),
}

impl From<Sighting> for Seen {
    fn from(sighting: Sighting) -> Self {
        match sighting {
            Sighting::Present(object) => Self::Object(object),
            Sighting::Absent => Self::Absent,
            Sighting::Unreadable(reason) => Self::Unreadable(reason),
        }
    }
}

impl Awaited {
    /// Resource versions are numbers that grow: <https://kep.k8s.io/5504>.
    fn version(&self) -> Option<u64> {
        self.latest.as_ref()?.pointer("/metadata/resourceVersion")?.as_str()?.parse().ok()
    }
}

type Group = (Kind, BTreeSet<ObjectId>, Option<String>);

/// Objects by kind, with the version from which to follow those that were all seen before.
fn groups(awaited: Vec<Awaited>) -> Vec<Group> {
    let mut groups: BTreeMap<String, Vec<Awaited>> = BTreeMap::new();
    for object in awaited {
        groups.entry(object.kind.path(None)).or_default().push(object);
    }
    let group = |objects: Vec<Awaited>| {
        let versions: Option<Vec<u64>> = objects.iter().map(Awaited::version).collect();
        let earliest = versions.and_then(|versions| versions.into_iter().min());
        let kind = objects.first()?.kind.clone();
        let ids = objects.into_iter().map(|object| object.id).collect();
        Some((kind, ids, earliest.map(|version| version.to_string())))
    };
    groups.into_values().filter_map(group).collect()
}
