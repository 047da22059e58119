//! Objects as they change.

use std::ops::ControlFlow;
use std::time::Duration;

use flux_operator_api::Object;
use flux_operator_inventory::RequestError;
use futures::TryStreamExt as _;
use kube::api::{ListParams, WatchParams};
use kube::core::WatchEvent;
use kube::core::request::Request as Requests;
use serde_json::Value;
use tokio::time::sleep;

use super::objects::{Listed, typed};
use super::{Cluster, ClusterError, Scope, ServedKind};

/// What a watch has seen.
#[derive(Debug)]
pub(crate) enum Seen {
    /// An object is like this.
    Present(Object),
    /// An object is gone.
    Gone,
}

/// The pause after a watch that broke, so that a faulty API server is not pestered.
const PAUSE: Duration = Duration::from_millis(200);

impl Cluster {
    /// Looks at one object until `look` has seen enough: as it is, as nothing, and whenever it
    /// changes.
    pub(crate) async fn watch_one<T>(
        &self,
        kind: &ServedKind,
        namespace: &str,
        name: &str,
        mut look: impl FnMut(Option<&Object>) -> ControlFlow<T>,
    ) -> Result<T, ClusterError> {
        let scope = Scope::Namespace(namespace.to_owned());
        let selector = format!("metadata.name={name}");
        loop {
            let params = ListParams::default().fields(&selector);
            let Listed { objects, version } = self.list(kind, &scope, &params).await?;
            if let ControlFlow::Break(seen) = look(objects.first()) {
                return Ok(seen);
            }
            let params = WatchParams::default().fields(&selector);
            let watched = self
                .watch_from(kind, &scope, &params, &version, |seen| match seen {
                    Seen::Present(object) => look(Some(&object)),
                    Seen::Gone => look(None),
                })
                .await?;
            if let Some(seen) = watched {
                return Ok(seen);
            }
        }
    }

    /// Tells of changes of objects of a kind since a version of their list. `None` when the watch
    /// ends, after a pause, and the list has to be asked for again.
    pub(crate) async fn watch_from<T>(
        &self,
        kind: &ServedKind,
        scope: &Scope,
        params: &WatchParams,
        version: &str,
        tell: impl FnMut(Seen) -> ControlFlow<T>,
    ) -> Result<Option<T>, ClusterError> {
        let seen = self.watch_once(kind, scope, params, version, tell).await?;
        if seen.is_none() {
            sleep(PAUSE).await;
        }
        Ok(seen)
    }

    async fn watch_once<T>(
        &self,
        kind: &ServedKind,
        scope: &Scope,
        params: &WatchParams,
        version: &str,
        mut tell: impl FnMut(Seen) -> ControlFlow<T>,
    ) -> Result<Option<T>, ClusterError> {
        let failed = |error| ClusterError::request(format!("watch {}", kind.plural), error);
        let request = Requests::new(kind.path(scope.namespace())).watch(params, version);
        let request = request.map_err(|error| failed(RequestError::unreadable(error)))?;
        let events = match self.client.request_events::<Value>(request).await {
            Ok(events) => events,
            Err(kube::Error::Api(status)) if status.code == 410 || status.code == 404 => return Ok(None),
            Err(kube::Error::Api(status)) => return Err(failed(RequestError::Refused(status))),
            Err(error) => return Err(failed(RequestError::Unreachable(error.into()))),
        };
        let mut events = std::pin::pin!(events);
        // A stream that breaks is as good as one that ends.
        while let Ok(Some(event)) = events.try_next().await {
            let seen = match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => typed(object, kind).map(Seen::Present),
                WatchEvent::Deleted(_) => Some(Seen::Gone),
                WatchEvent::Bookmark(_) => None,
                WatchEvent::Error(_) => return Ok(None),
            };
            if let Some(ControlFlow::Break(result)) = seen.map(&mut tell) {
                return Ok(Some(result));
            }
        }
        Ok(None)
    }
}
