//! The way back: controllers, finalizers, objects, CRDs, and last the instance itself.
//!
//! What Flux has deployed stays. Its controllers go first, with their pods, so that nobody puts a
//! finalizer back or deletes what it once applied. Then finalizers are taken off, and everything of
//! the inventory is deleted. The namespace is marked to be kept, and is.
//!
//! A step that is not complete ends the run, and the next run begins anew: all steps may be
//! repeated. The finalizer of the instance stays for as long as anything is left.

use std::time::Duration;

use flux_operator_inventory::{ApplyError, Deletion, Entry, Inventory, RequestError};
use kube::api::PropagationPolicy;

use super::Run;
use crate::outcome::{Failure, Outcome, Remains, describe};
use crate::status;

/// How long one run waits for something to be gone before it reports and begins anew.
const PATIENCE: Duration = Duration::from_secs(10);

impl Run<'_> {
    pub(super) async fn uninstall(&self) -> Outcome {
        if !self.instance.has_finalizer() {
            return Outcome::Released;
        }
        let inventory = self.instance.status.inventory.as_ref().map(Inventory::from).unwrap_or_default();
        if self.settings.is_disabled {
            tracing::info!("deleted while suspended, the installation stays");
            return self.release().await;
        }
        let entries: Vec<Entry> = inventory.iter().cloned().collect();
        if !entries.is_empty() {
            self.ctx.engine.unwatch();
            match self.remove(entries).await {
                Ok(remains) if remains.left.is_empty() && remains.failure.is_none() => {}
                Ok(remains) => return Outcome::Uninstalling(remains),
                Err(error) => {
                    let failure = Some(describe(&error));
                    return Outcome::Uninstalling(Remains { left: inventory.iter().cloned().collect(), failure });
                }
            }
        }
        self.release().await
    }

    async fn remove(&self, entries: Vec<Entry>) -> Result<Remains, RequestError> {
        let context = self.context();
        let all = Remains { left: entries.clone(), failure: None };
        let outcome = Outcome::Uninstalling(all);
        let tell = |status: &mut _| *status = status::summarize(std::mem::take(status), &outcome, &context);
        self.report.update(tell).await?;
        let engine = &self.ctx.engine;

        let (workloads, others): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|entry| entry.id.kind == "Deployment" && entry.id.group == "apps");
        // In the foreground: a Deployment is gone when its pods are.
        let deletion = engine.delete_with(&workloads, PropagationPolicy::Foreground).await;
        if !deletion.failures.is_empty() {
            return Ok(failed(workloads.into_iter().chain(others).collect(), deletion));
        }
        let left = engine.wait_gone(&deletion.terminating, PATIENCE).await?;
        if !left.is_empty() {
            return Ok(Remains { left, failure: None });
        }

        let definitions: Vec<_> = others.iter().filter(|entry| entry.id.is_definition()).cloned().collect();
        self.strip_finalizers(&definitions).await?;
        let deletion = engine.delete(&others).await;
        if !deletion.failures.is_empty() {
            return Ok(failed(deletion.failed(&others).cloned().collect(), deletion));
        }
        let left = engine.wait_gone(&deletion.terminating, PATIENCE).await?;
        // Somebody may have been quick, and have put one back.
        let definitions: Vec<_> = left.iter().filter(|entry| entry.id.is_definition()).cloned().collect();
        self.strip_finalizers(&definitions).await?;
        for entry in &definitions {
            engine.nudge(&entry.id.name, &context.now.to_string()).await?;
        }
        Ok(Remains { left, failure: None })
    }

    async fn strip_finalizers(&self, definitions: &[Entry]) -> Result<(), RequestError> {
        for entry in definitions {
            let objects = self.ctx.engine.strip_finalizers(&entry.id.name).await?;
            if objects > 0 {
                tracing::info!(crd = entry.id.name, objects, "finalizers removed");
            }
        }
        Ok(())
    }

    /// Lets the instance go.
    async fn release(&self) -> Outcome {
        match self.report.set_finalizer(false).await {
            Err(error) if !error.is_not_found() => Outcome::Failed(Failure::Instance(error)),
            _ => Outcome::Released,
        }
    }
}

fn failed(left: Vec<Entry>, deletion: Deletion) -> Remains {
    Remains { left, failure: Some(ApplyError::Objects(deletion.failures).to_string()) }
}
