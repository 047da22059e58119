//! Following objects as they change, by watches instead of polls.

use std::collections::BTreeSet;
use std::time::Duration;

use flux_operator_api::{Object, ObjectId};
use futures::TryStreamExt as _;
use kube::api::WatchParams;
use kube::core::WatchEvent;
use kube::core::request::Request as Requests;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::sleep;

use super::Engine;
use super::kinds::Kind;
use super::list::typed;
use super::request::RequestError;

/// What was seen of an object.
pub(super) enum Sighting {
    /// It is like this.
    Present(Box<Object>),
    /// It is not there.
    Absent,
    /// It cannot be read, for this reason. The next sighting may be better.
    Unreadable(String),
}

/// Who wants to know.
pub(super) type Teller = UnboundedSender<(ObjectId, Sighting)>;

/// The pause before a list that follows a failure.
const PAUSE: Duration = Duration::from_millis(200);

impl Engine {
    /// Tells of objects of one kind, first as they are and then whenever they change, until the
    /// receiver is gone.
    ///
    /// With a resource version to start `from`, only of changes since then.
    pub(super) async fn follow(
        &self,
        kind: &Kind,
        wanted: &BTreeSet<ObjectId>,
        mut from: Option<String>,
        tell: &Teller,
    ) {
        while !tell.is_closed() {
            let version = match from.take() {
                Some(version) => Ok(version),
                None => self.list_wanted(kind, wanted, tell).await,
            };
            match version {
                Ok(version) => {
                    if let Err(error) = self.watch_wanted(kind, wanted, &version, tell).await {
                        tracing::debug!(kind = kind.resource.kind, %error, "watch was interrupted");
                    }
                }
                Err(error) => tell_all(wanted, &error, tell),
            }
            sleep(PAUSE).await;
        }
    }

    async fn list_wanted(
        &self,
        kind: &Kind,
        wanted: &BTreeSet<ObjectId>,
        tell: &Teller,
    ) -> Result<String, RequestError> {
        let listed = self.list(&kind.path(namespace(wanted)), kind).await?;
        let mut missing = wanted.clone();
        for object in listed.objects {
            if missing.remove(&object.id()) {
                let _ = tell.send((object.id(), Sighting::Present(Box::new(object))));
            }
        }
        for id in missing {
            let _ = tell.send((id, Sighting::Absent));
        }
        Ok(listed.version)
    }

    async fn watch_wanted(
        &self,
        kind: &Kind,
        wanted: &BTreeSet<ObjectId>,
        version: &str,
        tell: &Teller,
    ) -> Result<(), kube::Error> {
        let params = WatchParams::default().labels(&self.owner.selector());
        let request = Requests::new(kind.path(namespace(wanted))).watch(&params, version);
        let request = request.map_err(kube::Error::BuildRequest)?;
        let events = self.client.request_events::<Value>(request).await?;
        futures::pin_mut!(events);
        while let Some(event) = events.try_next().await? {
            let (object, is_there) = match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => (object, true),
                WatchEvent::Deleted(object) => (object, false),
                WatchEvent::Bookmark(_) => continue,
                WatchEvent::Error(status) => return Err(kube::Error::Api(status)),
            };
            let Some(object) = typed(object, kind).filter(|object| wanted.contains(&object.id())) else {
                continue;
            };
            let id = object.id();
            let sighting = if is_there { Sighting::Present(Box::new(object)) } else { Sighting::Absent };
            if tell.send((id, sighting)).is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// Without the kind there are no objects. Anything else may be better next time.
fn tell_all(wanted: &BTreeSet<ObjectId>, error: &RequestError, tell: &Teller) {
    for id in wanted {
        let sighting = if error.is_not_found() { Sighting::Absent } else { Sighting::Unreadable(error.to_string()) };
        // If nobody listens any more, nobody wants to know.
        let _ = tell.send((id.clone(), sighting));
    }
}

/// The namespace of all of them, if it is one.
fn namespace(ids: &BTreeSet<ObjectId>) -> Option<&str> {
    let first = ids.first()?.namespace.as_str();
    ids.iter().all(|id| id.namespace == first).then_some(first)
}
