//! Polling: whether the artifact moved since it was pulled.
//!
//! One request to the registry, and none to the API server unless there is something new or a pull
//! secret to read. An instance that is stalled or not ready is polled like any other: the next artifact
//! may be what it waits for.

use std::time::Duration;

use flux_operator_builder::InstancePlan;
use flux_operator_distro::Digest;
use flux_operator_inventory::{Connection, RequestError, patch_params};
use jiff::Timestamp;
use kube::api::{DynamicObject, Patch};
use kube::core::Resource as _;
use kube::core::request::Request as Requests;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use flux_operator_api::annotations;

use super::Source;
use crate::context::Context;
use crate::instance::{Instance, resource};
use crate::outcome::FetchError;

/// When the artifact is looked at, and by whom.
///
/// The look itself is a task of its own: a registry that is slow delays no run.
#[derive(Debug, Default)]
pub(crate) struct Poll {
    due: Option<Instant>,
    /// The interval, as it was when `due` was set.
    every: Option<Duration>,
    looking: Option<JoinHandle<Result<Digest, FetchError>>>,
    failures: u32,
}

/// What a look came to.
#[derive(Debug)]
pub(crate) enum Polled {
    /// The artifact has this digest.
    At(Digest),
    /// It could not be looked at.
    Failed(FetchError),
}

impl Poll {
    /// Takes in what the instance says about polling.
    pub(crate) fn schedule(&mut self, instance: Option<&Instance>) {
        let every = instance.and_then(|instance| {
            let names_artifact = instance.spec.as_ref().is_ok_and(|spec| spec.distribution.artifact.is_some());
            instance.settings().artifact_every.filter(|_| names_artifact && !instance.is_deleted())
        });
        if every == self.every {
            return;
        }
        self.every = every;
        self.due = every.map(|every| Instant::now() + every);
        if every.is_none()
            && let Some(looking) = self.looking.take()
        {
            looking.abort();
        }
    }

    /// Waits until it is time to look, looks, and says what came of it.
    ///
    /// # Cancellation
    /// Safe: a look that was begun goes on, and is waited for by the next call.
    pub(crate) async fn turn(&mut self, source: impl Fn() -> Option<Source>) -> Polled {
        loop {
            if let Some(looking) = &mut self.looking {
                let looked = looking.await;
                self.looking = None;
                match looked {
                    Ok(Ok(digest)) => {
                        self.failures = 0;
                        return Polled::At(digest);
                    }
                    Ok(Err(error)) => {
                        self.failures = self.failures.saturating_add(1);
                        return Polled::Failed(error);
                    }
                    // Aborted, or a panic that the log has.
                    Err(_) => continue,
                }
            }
            match self.due {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
            self.due = self.every.map(|every| Instant::now() + every);
            if let Some(source) = source() {
                self.looking = Some(tokio::spawn(async move { source.resolve().await }));
            }
        }
    }

    /// Looks again after a pause, if that is before the interval ends.
    pub(crate) fn retry(&mut self, pause: impl Fn(u32) -> Duration) {
        let again = Instant::now() + pause(self.failures);
        self.due = self.due.map(|due| due.min(again));
    }
}

impl Source {
    /// The artifact of an instance that can be read, if it names one.
    pub(crate) fn observed(ctx: &Context, instance: &Instance) -> Option<Self> {
        let plan = InstancePlan::parse(&instance.readable().ok()?).ok()?;
        Self::of(ctx, instance, &plan)
    }
}

/// Asks for a run, as a user would: by an annotation with the time.
pub(crate) async fn request_run(
    connection: &Connection,
    instance: &Instance,
    now: Timestamp,
) -> Result<(), RequestError> {
    let path = DynamicObject::url_path(&resource(), Some(instance.namespace()));
    let patch = json!({"metadata": {"annotations": {annotations::REQUESTED_AT: format!("{now:.9}")}}});
    let request = Requests::new(path).patch(instance.name(), &patch_params(), &Patch::Merge(patch));
    let _: DynamicObject = connection.json(request.map_err(RequestError::unreadable)?).await?;
    Ok(())
}
