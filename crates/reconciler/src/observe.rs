//! Watching the instance.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::StreamExt as _;
use kube::Client;
use kube::api::{Api, DynamicObject};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use tokio::sync::watch;

use flux_operator_api::identity;

use crate::context::Observation;
use crate::instance::{Instance, resource};
use crate::outcome::describe;

/// Watches the instance of a namespace for as long as somebody listens.
///
/// Failures are logged and tried again, with growing pauses: an API server that is away comes back,
/// and a CRD or a permission that is missing may be added.
pub(crate) async fn observe(client: Client, namespace: String, tell: watch::Sender<Observation>) {
    let instances: Api<DynamicObject> = Api::all_with(client, &resource());
    let config = watcher::Config::default().fields(&format!("metadata.name={}", identity::INSTANCE_NAME));
    let mut events = watcher(instances, config).default_backoff().boxed();
    let mut listed = None;
    let mut choice = Choice { namespace, ignored: BTreeSet::new() };
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            () = tell.closed() => return,
        };
        match event {
            Some(Ok(Event::Init)) => listed = None,
            Some(Ok(Event::InitApply(object))) => listed = choice.of(object).or(listed),
            Some(Ok(Event::InitDone)) => {
                tell.send_modify(|observation| observation.is_synced = true);
                see(&tell, listed.take());
            }
            Some(Ok(Event::Apply(object))) => {
                if let Some(instance) = choice.of(object) {
                    see(&tell, Some(instance));
                }
            }
            Some(Ok(Event::Delete(object))) => {
                if choice.of(object).is_some() {
                    see(&tell, None);
                }
            }
            // Right after the CRD was made, the API server asks for patience.
            Some(Err(error)) if code(&error) == Some(429) => {
                tracing::warn!(error = explain(&error), "cannot watch FluxInstances yet, trying again");
            }
            Some(Err(error)) => tracing::error!(error = explain(&error), "cannot watch FluxInstances, trying again"),
            None => return,
        }
    }
}

/// Takes in how the instance is now, and whether that asks for a run.
fn see(tell: &watch::Sender<Observation>, instance: Option<Instance>) {
    tell.send_modify(|observation| {
        let before = observation.instance.as_deref();
        let asks = match &instance {
            Some(instance) => instance.asks_for_a_run(before),
            None => before.is_some(),
        };
        observation.triggers += u64::from(asks);
        observation.instance = instance.map(Arc::new);
    });
}

/// Which instance is meant.
struct Choice {
    namespace: String,
    /// Namespaces of others, each of which was told of once.
    ignored: BTreeSet<String>,
}

impl Choice {
    /// The instance, if it is the one of the namespace, and can be read as far as that is needed.
    fn of(&mut self, object: DynamicObject) -> Option<Instance> {
        let found = object.metadata.namespace.clone().unwrap_or_default();
        if found != self.namespace {
            if self.ignored.insert(found.clone()) {
                let (name, namespace) = (object.metadata.name.unwrap_or_default(), &self.namespace);
                tracing::warn!(
                    "FluxInstance/{found}/{name} is ignored, only the one in namespace `{namespace}` is reconciled"
                );
            }
            return None;
        }
        match Instance::try_from(object) {
            Ok(instance) => Some(instance),
            Err(error) => {
                tracing::error!(error = describe(&error), "the instance is left alone");
                None
            }
        }
    }
}

/// A failure to watch, and what helps where that is known.
fn explain(error: &watcher::Error) -> String {
    let text = describe(error);
    match code(error).unwrap_or_default() {
        404 => format!("{text}; install the CRD `{}`", identity::CRD_NAME),
        403 => format!(
            "{text}; the service account of the operator needs `get`, `list` and `watch` on `fluxinstances.{}`",
            identity::GROUP
        ),
        _ => text,
    }
}

/// The status that the API server answered with.
fn code(error: &watcher::Error) -> Option<u16> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => Some(status.code),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn instance(namespace: &str, generation: i64, label: &str) -> DynamicObject {
        let metadata = json!({
            "name": "flux", "namespace": namespace, "uid": "u", "generation": generation, "labels": {"l": label},
        });
        serde_json::from_value(json!({"metadata": metadata, "spec": {}})).unwrap()
    }

    fn choice(namespace: &str) -> Choice {
        Choice { namespace: namespace.to_owned(), ignored: BTreeSet::new() }
    }

    #[test]
    fn what_a_user_changes_asks_for_a_run_and_nothing_else() {
        let (tell, observed) = watch::channel(Observation::default());
        let steps = [
            (None, 0),
            (Some((1, "a")), 1),
            (Some((1, "a")), 1),
            (Some((1, "b")), 1),
            (Some((2, "b")), 2),
            (None, 3),
            (None, 3),
            (Some((1, "a")), 4),
        ];
        for (step, (seen, triggers)) in steps.into_iter().enumerate() {
            let mut choice = choice("flux-system");
            see(&tell, seen.and_then(|(generation, label)| choice.of(instance("flux-system", generation, label))));
            assert_eq!(observed.borrow().triggers, triggers, "step {step}");
        }
    }

    #[test]
    fn instances_elsewhere_are_ignored() {
        assert!(choice("flux-system").of(instance("apps", 1, "a")).is_none());
        assert!(choice("apps").of(instance("apps", 1, "a")).is_some());
    }

    #[test]
    fn a_missing_crd_and_a_missing_permission_are_told_apart() {
        let said = |code: u16| {
            let status = kube::core::Status::failure("no", "Reason").with_code(code).boxed();
            explain(&watcher::Error::InitialListFailed(kube::Error::Api(status)))
        };
        assert!(said(404).ends_with("; install the CRD `fluxinstances.fluxcd.controlplane.io`"), "{}", said(404));
        assert!(said(403).contains("needs `get`, `list` and `watch`"), "{}", said(403));
        assert!(!said(500).contains(';'), "{}", said(500));
    }
}
