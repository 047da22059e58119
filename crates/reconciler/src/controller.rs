//! The loop: one instance, one run at a time, and a reason for each.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use flux_operator_api::{ObjectId, Reason, identity};
use flux_operator_distro::Artifacts;
use flux_operator_inventory::{Engine, Owner};
use kube::Client;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use tracing::Instrument as _;

use crate::artifact::{Poll, Polled, Source, request_run};
use crate::context::{Context, Interrupt, Memory, Observation, Options};
use crate::events::{Event, Events, Subject};
use crate::flux_instance::{Finished, reconcile};
use crate::flux_report::{Caches, Reporter};
use crate::health::Health;
use crate::instance::Instance;
use crate::metrics::{ControllerMetrics, Metrics, ReconcileResult};
use crate::observe::observe;
use crate::outcome::{ChangeCause, Class, FetchError, Outcome, describe};
use crate::schedule::Next;

/// Reconciles the instance of a namespace until `shutdown` is ready.
///
/// The client must not repeat requests by itself (`kube::Config::default_retry`), because the engine
/// does.
///
/// There is a run when the instance appears, when its spec or annotations change, when it is
/// deleted, when its interval is over, after a failure, and when somebody changes an object of it.
/// Between runs nothing is asked of the API server; watches are open.
///
/// # Cancellation
/// A run that is under way at shutdown ends between two requests, which is as safe as the death of
/// the process: the next one goes on. Events that wait are delivered within a short time.
pub async fn run(
    client: Client,
    options: Options,
    artifacts: Arc<Artifacts>,
    metrics: Arc<Metrics>,
    health: Health,
    shutdown: impl Future<Output = ()>,
) {
    let (events, delivery) = Events::start(client.clone(), options.host.clone(), options.notifications.clone());
    let events = events.counted_by(Arc::clone(&metrics));
    let owner = Owner::new(identity::INSTANCE_NAME, options.namespace.as_str());
    let engine = Engine::new(client.clone(), owner);
    let (tell, observed) = watch::channel(Observation::default());
    let watching = tokio::spawn(observe(client.clone(), options.namespace.clone(), tell));
    let (caches, report) = (Caches::default(), Arc::new(Notify::new()));
    metrics.show_resources(&caches);
    let runs = metrics.controller("fluxreport");
    let reporter = Reporter::start(&client, engine.connection().clone(), &options, caches, runs);
    let reporting = tokio::spawn(reporter.run(Arc::clone(&report)));
    health.working();
    let controller = Controller {
        ctx: Context { engine, events, artifacts, options },
        runs: metrics.controller("fluxinstance"),
        metrics,
        health,
        memory: Memory::default(),
        observed,
        instance: None,
        is_settled: false,
        seen: 0,
        handled: 0,
        due: None,
        poll: Poll::default(),
        report,
    };
    tokio::select! {
        () = controller.turn() => {}
        () = shutdown => {}
    }
    watching.abort();
    reporting.abort();
    delivery.flush(FLUSH).await;
}

/// How long events that wait may take to be delivered at shutdown.
const FLUSH: Duration = Duration::from_secs(2);

/// How often there is a sign of life. Rarely, because every one is a wake-up.
const BEAT: Duration = Duration::from_secs(20);

/// How long to wait after a sign of drift: a change seldom comes alone.
const SETTLE: Duration = Duration::from_millis(200);

struct Controller {
    ctx: Context,
    metrics: Arc<Metrics>,
    runs: ControllerMetrics,
    health: Health,
    memory: Memory,
    observed: watch::Receiver<Observation>,
    /// The instance as it was seen or written last.
    instance: Option<Instance>,
    /// Whether the last run succeeded. After a failure the next one comes in its time, drift or not.
    is_settled: bool,
    /// How many triggers there were when the watch was last asked, and when the last run began.
    seen: u64,
    handled: u64,
    /// When the next run is.
    due: Option<Instant>,
    /// When the artifact is looked at.
    poll: Poll,
    /// Asks for a report.
    report: Arc<Notify>,
}

/// Why the loop turns.
enum Wake {
    Observed,
    Due,
    Drift,
    Polled(Polled),
    Beat,
}

impl Controller {
    async fn turn(mut self) {
        let mut beats = interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.health.beat();
            self.poll.schedule(self.instance.as_ref());
            let source = || Source::observed(&self.ctx, self.instance.as_ref()?);
            let wake = tokio::select! {
                Ok(()) = self.observed.changed() => Wake::Observed,
                () = at(self.due) => Wake::Due,
                () = self.ctx.engine.changed(), if self.is_settled => Wake::Drift,
                polled = self.poll.turn(source) => Wake::Polled(polled),
                _ = beats.tick() => Wake::Beat,
            };
            match wake {
                Wake::Observed => self.observe(),
                Wake::Due => Box::pin(self.run(BTreeSet::new())).await,
                Wake::Drift => Box::pin(self.correct()).await,
                Wake::Polled(polled) => self.take_in_poll(polled).await,
                Wake::Beat => {}
            }
        }
    }

    /// Takes in what the watch says.
    fn observe(&mut self) {
        let observation = self.observed.borrow_and_update().clone();
        self.seen = observation.triggers;
        self.health.synced(observation.is_synced);
        match observation.instance {
            Some(seen) => {
                let known = self.instance.take().filter(|known| known.metadata.uid == seen.metadata.uid);
                self.instance = Some(known.filter(|known| known.is_after(&seen)).unwrap_or_else(|| (*seen).clone()));
            }
            None if self.instance.is_some() => {
                self.forget();
                self.handled = self.seen;
            }
            None => {}
        }
        if self.seen > self.handled && self.instance.is_some() {
            self.due = Some(Instant::now());
        }
    }

    /// The instance is gone.
    fn forget(&mut self) {
        self.instance = None;
        self.is_settled = false;
        self.due = None;
        self.memory = Memory::default();
        self.ctx.engine.unwatch();
        self.ctx.engine.forget();
        self.metrics.forget_instance();
    }

    /// Looks whether objects have drifted, and runs for those whose turn it is.
    async fn correct(&mut self) {
        sleep(SETTLE).await;
        let drifted = self.ctx.engine.drifted().await;
        let turn = self.memory.fights.turn(&drifted, Instant::now());
        if turn.is_due {
            let objects: Vec<_> = drifted.iter().map(ToString::to_string).collect();
            tracing::info!(objects = objects.join(", "), "objects have been changed by somebody else");
            Box::pin(self.run(turn.held)).await;
        }
        // Whatever comes first; what is held is a drift still when its turn comes.
        if let Some(next) = turn.next {
            self.due = Some(self.due.map_or(next, |due| due.min(next)));
        }
    }

    /// Asks for a run if the artifact is another than that of the last one.
    async fn take_in_poll(&mut self, polled: Polled) {
        let Some(instance) = &self.instance else { return };
        let backoff = self.ctx.options.backoff;
        match polled {
            Polled::At(digest) => {
                let applied = instance.status.last_artifact_revision.as_deref();
                let known = self.memory.artifact.or_else(|| applied?.parse().ok());
                // An instance that no run has come to yet has one to come.
                if known.is_none_or(|known| known == digest) {
                    return;
                }
                tracing::info!(%digest, "the distribution artifact has changed");
                let now = jiff::Timestamp::now();
                if let Err(error) = request_run(self.ctx.engine.connection(), instance, now).await {
                    tracing::error!(error = describe(&error), "cannot ask for a run");
                    self.poll.retry(|failures| backoff.pause(failures.max(1)));
                }
            }
            Polled::Failed(error) => {
                let message = match &error {
                    FetchError::Pull(_) => format!("fetch failed: {}", describe(&error)),
                    _ => format!("failed to get distribution key chain: {}", describe(&error)),
                };
                tracing::error!(error = message, "cannot look at the distribution artifact");
                let event = Event::warning(Reason::ArtifactFailed, message);
                self.ctx.events.emit(&Subject::of(&instance.for_show()), event, None);
                self.poll.retry(|failures| backoff.pause(failures));
            }
        }
    }

    /// Runs once, and leaves the drift of the objects that are `held` alone.
    async fn run(&mut self, held: BTreeSet<ObjectId>) {
        // What the run is about and what it answers have to be of one moment.
        self.observe();
        self.due = None;
        let interrupt = Interrupt { observed: self.observed.clone(), since: self.seen };
        self.handled = self.seen;
        let Some(instance) = self.instance.clone() else {
            return;
        };
        let span = tracing::info_span!(
            "reconcile",
            controller = "fluxinstance",
            name = instance.name(),
            namespace = instance.namespace(),
        );
        let timer = self.runs.start();
        let run = reconcile(&self.ctx, &mut self.memory, &instance, &held, &interrupt).instrument(span);
        let finished = beating(&self.health, Box::pin(run)).await;
        let took = timer.finish(result(&finished));
        self.metrics.observe_duration(identity::KIND, instance.name(), instance.namespace(), took);
        self.take_in(finished);
    }

    fn take_in(&mut self, finished: Finished) {
        let Finished { instance, outcome, next } = finished;
        self.is_settled = matches!(outcome, Outcome::Reconciled(_));
        if has_changed_flux(&outcome) {
            self.report.notify_one();
        }
        if matches!(outcome, Outcome::Released) {
            self.forget();
            return;
        }
        if instance.is_deleted() {
            self.metrics.forget_instance();
        } else {
            self.metrics.observe_instance(&instance.for_show());
        }
        self.instance = Some(instance);
        self.due = match next {
            Next::Now => Some(Instant::now()),
            Next::After(pause) => Some(Instant::now() + pause),
            Next::Wait => None,
        };
        // What the watch has seen meanwhile, of the instance or of a newer one.
        self.observe();
    }
}

/// Whether Flux was installed, updated or removed, so that a report cannot wait. Drift can: somebody
/// may cause it all the time.
fn has_changed_flux(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Reconciled(reconciled) => {
            reconciled.cause != ChangeCause::Drift && reconciled.changes.effective().next().is_some()
        }
        Outcome::Released => true,
        _ => false,
    }
}

/// How a run counts.
fn result(finished: &Finished) -> ReconcileResult {
    match (&finished.outcome, finished.next) {
        (Outcome::Failed(failure), _) if failure.class() == Class::Terminal => ReconcileResult::TerminalError,
        (outcome, _) if outcome.is_failure() => ReconcileResult::Error,
        (_, Next::Now) => ReconcileResult::Requeue,
        (_, Next::After(_)) => ReconcileResult::RequeueAfter,
        (_, Next::Wait) => ReconcileResult::Success,
    }
}

/// Ready at a moment, or never.
async fn at(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Gives signs of life while something takes long.
async fn beating<T>(health: &Health, mut run: impl Future<Output = T> + Unpin) -> T {
    let mut beats = interval(BEAT);
    loop {
        tokio::select! {
            done = &mut run => return done,
            _ = beats.tick() => health.beat(),
        }
    }
}
