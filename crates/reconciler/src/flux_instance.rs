//! One run, from the observed instance to the moment of the next look.
//!
//! ```text
//! begin -> build -> attempt -> apply -> wait -> migrate -> watch     an instance that is there
//!   uninstall                                                        one that is deleted
//!                       -> Outcome -> finish                         the one exit
//! ```
//!
//! Every step is a function in a file of its name. What may be refused, repeated or interrupted is
//! said by the type it returns: a [`Failure`] has a class, an [`Outcome`] says how a run ended.

mod apply;
mod build;
mod migrate;
mod uninstall;
mod wait;

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::OnceLock;

use flux_operator_api::{FluxInstanceSpec, FluxInstanceStatus, ObjectId, Reason};
use flux_operator_inventory::{Inventory, Verification};
use futures::FutureExt as _;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::context::{Context, Interrupt, Memory};
use crate::events::{Event, Subject};
use crate::instance::Instance;
use crate::notices;
use crate::outcome::{ApplyFailure, ChangeCause, Failure, Outcome, Reconciled};
use crate::report::Report;
use crate::schedule::{self, Next, Pace};
use crate::settings::Settings;
use crate::status;

/// A run that is under way.
struct Run<'r> {
    ctx: &'r Context,
    /// Objects whose drift is left alone this time.
    held: &'r BTreeSet<ObjectId>,
    interrupt: &'r Interrupt,
    /// As it was when the run began.
    instance: &'r Instance,
    settings: Settings,
    subject: Subject,
    /// Where notification-controller is.
    address: Option<String>,
    report: Report,
    /// The revision that this run built.
    attempted: OnceLock<String>,
    began: Instant,
}

/// What became of a run.
pub(crate) struct Finished {
    /// The instance as it is stored now.
    pub(crate) instance: Instance,
    pub(crate) outcome: Outcome,
    pub(crate) next: Next,
}

/// Runs once.
///
/// # Cancellation
/// Safe at any moment. The status then still says that a run is under way.
pub(crate) async fn reconcile(
    ctx: &Context,
    memory: &mut Memory,
    instance: &Instance,
    held: &BTreeSet<ObjectId>,
    interrupt: &Interrupt,
) -> Finished {
    let run = Run::new(ctx, instance, held, interrupt);
    let outcome = match AssertUnwindSafe(run.outcome(memory)).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(panic) => Outcome::Failed(Failure::Panicked(panic_message(&*panic))),
    };
    run.finish(memory, outcome).await
}

impl<'r> Run<'r> {
    fn new(ctx: &'r Context, instance: &'r Instance, held: &'r BTreeSet<ObjectId>, interrupt: &'r Interrupt) -> Self {
        let shown = instance.for_show();
        let components = shown.spec.effective_components();
        let cluster = shown.spec.effective_cluster();
        Self {
            ctx,
            held,
            interrupt,
            instance,
            settings: instance.settings(),
            subject: Subject::of(&shown),
            address: ctx.events.address(instance.namespace(), components, cluster.effective_domain()),
            report: Report::new(ctx.engine.connection().clone(), instance.clone()),
            attempted: OnceLock::new(),
            began: Instant::now(),
        }
    }

    async fn outcome(&self, memory: &mut Memory) -> Outcome {
        if self.instance.is_deleted() {
            return self.uninstall().await;
        }
        if !self.instance.has_finalizer() {
            return self.initialize().await;
        }
        if self.settings.is_disabled {
            self.ctx.engine.unwatch();
            return Outcome::Suspended;
        }
        self.converge(memory).await.unwrap_or_else(Outcome::Failed)
    }

    /// The whole story of an installation.
    async fn converge(&self, memory: &mut Memory) -> Result<Outcome, Failure> {
        self.begin().await?; //                                              writes the status
        let built = self.build(memory).await?; //                            reads the distribution, otherwise pure
        self.attempt(&built.revision).await?; //                             writes the status
        let applied = self.apply(&built).await?; //                          writes objects, and the inventory
        let Some(applied) = applied else {
            return Ok(Outcome::Interrupted);
        };
        self.tell_changes(memory, &applied, &built.version);
        if self.wait(&applied).await?.is_interrupted() {
            return Ok(Outcome::Interrupted);
        }
        let forced = self.migrate(memory, &applied, &built).await; //        writes stored objects
        self.watch(&applied.inventory).await?; //                            watches
        Ok(Outcome::Reconciled(Box::new(Reconciled {
            version: built.version,
            artifact: built.artifact,
            changes: applied.changes,
            cause: applied.cause,
            forced,
        })))
    }

    /// The finalizer comes before the first write to the cluster.
    async fn initialize(&self) -> Outcome {
        tracing::info!("Adding finalizer");
        match self.report.set_finalizer(true).await {
            Ok(()) => Outcome::Initialized { is_suspended: self.settings.is_disabled },
            Err(error) => Outcome::Failed(Failure::Instance(error)),
        }
    }

    async fn begin(&self) -> Result<(), Failure> {
        let context = self.context();
        self.update(|status| status::begin(status, &context)).await
    }

    async fn attempt(&self, revision: &str) -> Result<(), Failure> {
        let previous = self.instance.status.last_attempted_revision.as_deref();
        self.attempted.get_or_init(|| revision.to_owned());
        if previous != Some(revision) {
            let verb = if previous.is_none() { "Installing" } else { "Upgrading to" };
            self.tell(Event::normal(Reason::Progressing, format!("{verb} revision {revision}")));
        }
        self.update(|status| status.last_attempted_revision = Some(revision.to_owned())).await
    }

    async fn watch(&self, inventory: &Inventory) -> Result<(), Failure> {
        if !self.settings.corrects_drift {
            self.ctx.engine.unwatch();
            return Ok(());
        }
        let watched = self.ctx.engine.watch(inventory).await;
        watched.map_err(|error| Failure::Apply(ApplyFailure::Watch(error)))
    }

    fn tell_changes(&self, memory: &mut Memory, applied: &apply::Applied, version: &str) {
        let events = match applied.cause {
            ChangeCause::Drift => notices::drift(&applied.changes, |id| memory.fights.corrected(id, Instant::now())),
            cause => notices::changes(&applied.changes, cause, version).into_iter().collect(),
        };
        for event in events {
            self.tell(event);
        }
    }

    /// The one exit: status, events, metrics, and when to look again.
    async fn finish(self, memory: &mut Memory, outcome: Outcome) -> Finished {
        let context = self.context();
        let mut outcome = outcome;
        let reported = if matches!(outcome, Outcome::Released) {
            // Taking off the finalizer has ended the instance; there is nobody left to tell.
            Ok(())
        } else {
            self.report.update(|status| *status = status::summarize(std::mem::take(status), &outcome, &context)).await
        };
        match reported {
            Err(error) if error.is_not_found() => outcome = Outcome::Released,
            Err(error) => outcome = Outcome::Failed(Failure::Instance(error)),
            Ok(()) => {
                if let Some(event) = notices::end(&outcome, &context) {
                    self.tell(event);
                }
            }
        }
        notices::log(&outcome, &context);
        memory.failures = if outcome.is_failure() { memory.failures.saturating_add(1) } else { 0 };
        let pace = Pace {
            backoff: self.ctx.options.backoff,
            jitter_percent: self.ctx.options.jitter_percent,
            chance: fastrand::f64(),
        };
        let next = schedule::next(&outcome, &self.settings, memory.failures, pace);
        Finished { instance: self.report.into_instance(), outcome, next }
    }

    async fn update(&self, change: impl FnOnce(&mut FluxInstanceStatus)) -> Result<(), Failure> {
        self.report.update(change).await.map_err(Failure::Instance)
    }

    fn spec(&self) -> Option<&FluxInstanceSpec> {
        self.instance.spec.as_ref().ok()
    }

    /// Everything is verified with the API server where somebody asked for the run, who may know better
    /// than a watch.
    fn verification(&self) -> Verification {
        let (asked, handled) = (&self.settings.requested_at, &self.instance.status.last_handled_reconcile_at);
        if asked.is_some() && asked != handled { Verification::Full } else { Verification::Watched }
    }

    fn context(&self) -> status::Context {
        status::Context {
            generation: self.instance.metadata.generation,
            namespace: self.instance.namespace().to_owned(),
            spec_digest: self.instance.spec_digest.clone(),
            requested_at: self.settings.requested_at.clone(),
            now: Timestamp::now(),
            elapsed: self.began.elapsed(),
        }
    }

    /// Emits an event, about the revision that was attempted last.
    fn tell(&self, event: Event) {
        let before = self.instance.status.last_attempted_revision.as_ref();
        let event = event.about(self.attempted.get().or(before).map_or("", String::as_str));
        self.ctx.events.emit(&self.subject, event, self.address.as_deref());
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic without a message".to_owned())
}
