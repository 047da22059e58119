//! Until everything is ready, or there is something newer to do.

use flux_operator_api::Reason;
use flux_operator_inventory::health::{Summary, Verdict};

use super::Run;
use super::apply::Applied;
use crate::events::Event;
use crate::outcome::{ApplyFailure, Failure};

/// How a wait ended, if not with a failure.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    Ready,
    Interrupted,
}

impl Waited {
    pub(super) fn is_interrupted(self) -> bool {
        self == Self::Interrupted
    }
}

impl Run<'_> {
    /// Waits for what was applied, if the spec asks for that.
    ///
    /// Ends early when the instance changes: whatever it asks for now, waiting for what it asked for
    /// before is of no use.
    pub(super) async fn wait(&self, applied: &Applied) -> Result<Waited, Failure> {
        if !self.spec().is_some_and(|spec| spec.wait) {
            return Ok(Waited::Ready);
        }
        let entries: Vec<_> = applied.inventory.iter().cloned().collect();
        let summary = tokio::select! {
            summary = self.ctx.engine.wait(&entries, self.settings.timeout) => {
                summary.map_err(|error| Failure::Apply(ApplyFailure::Watch(error)))?
            }
            () = self.interrupt.triggered() => {
                self.tell_interruption();
                return Ok(Waited::Interrupted);
            }
        };
        match summary.verdict() {
            Verdict::Ready => Ok(Waited::Ready),
            Verdict::Failed => Err(not_ready(&summary, summary.failure_message())),
            Verdict::InProgress => Err(not_ready(&summary, summary.timeout_message())),
        }
    }

    /// Tells that a wait was given up because there is something newer to do.
    pub(super) fn tell_interruption(&self) {
        let subject = format!("FluxInstance/{}/{}", self.instance.namespace(), self.instance.name());
        let message = format!("Health checks canceled due to new reconciliation triggered by {subject}");
        self.tell(Event::normal(Reason::HealthCheckCanceled, message));
    }
}

/// The message, and a line for each object of Flux itself with what its controller says.
fn not_ready(summary: &Summary, mut message: String) -> Failure {
    let of_flux = summary.unready().iter().filter(|(id, _)| id.group.ends_with(".fluxcd.io"));
    for (id, health) in of_flux.filter(|(_, health)| !health.message.is_empty()) {
        message = format!("{message}\n{id} status: {}", health.message);
    }
    Failure::Apply(ApplyFailure::NotReady(message))
}

#[cfg(test)]
mod tests {
    use flux_operator_api::ObjectId;
    use flux_operator_inventory::health::{Health, Status};

    use super::*;

    #[test]
    fn objects_of_flux_say_what_their_controller_says() {
        let source = ObjectId::new("source.toolkit.fluxcd.io", "GitRepository", "flux-system", "flux-system");
        let controller = ObjectId::new("apps", "Deployment", "flux-system", "source-controller");
        let summary: Summary = [
            (source, Health::new(Status::InProgress, "failed to clone")),
            (controller, Health::new(Status::InProgress, "0 of 1 replicas exist")),
        ]
        .into_iter()
        .collect();
        let failure = not_ready(&summary, "timeout waiting for: [..]".to_owned());
        assert_eq!(
            crate::outcome::describe(&failure),
            "reconciliation failed: timeout waiting for: [..]\n\
             GitRepository/flux-system/flux-system status: failed to clone",
        );
    }
}
