//! The FluxReport: what the operator sees of Flux, written when that is something else than before.
//!
//! ```text
//! watches -> Observed -> compose -> Composed -> differs from what is stored? -> write
//!            trimmed      pure                                                  one request
//! ```
//!
//! Everything is listed once and watched from there, and only what is reported is kept of it. `pace`
//! says when to look, `compose` what there is to say, and `stored` writes it. What the fields mean is
//! written down in `docs/reporting.md`.

mod compose;
mod definition;
mod definitions;
mod follow;
mod observed;
mod pace;
mod resource;
mod stored;
mod surroundings;

use std::sync::Arc;
use std::time::Duration;

use flux_operator_api::{ReportedOperator, identity};
use flux_operator_inventory::{Connection, RequestError};
use jiff::Timestamp;
use kube::Client;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

pub(crate) use definition::Family;
pub(crate) use observed::{Caches, Key};
pub(crate) use resource::Resource;

use compose::{Composed, compose};
use definitions::Definitions;
use observed::Sight;
use pace::Pace;
use stored::{Look, Stored, Writer};

use crate::context::Options;
use crate::metrics::{ControllerMetrics, ReconcileResult, platform};
use crate::outcome::describe;

/// The report of the namespace, as far as that is known.
enum Report {
    /// Nobody can tell: there is no such kind, or it cannot be watched.
    Unseen,
    Missing,
    Stored(Box<Stored>),
}

/// Writes the report of a namespace.
pub(crate) struct Reporter {
    connection: Connection,
    writer: Writer,
    caches: Caches,
    runs: ControllerMetrics,
    operator: ReportedOperator,
    namespace: String,
    interval: Option<Duration>,
    pace: Pace,
    /// The report as it was when its user was last asked for his wishes.
    known: Option<Stored>,
    /// When the API server was last asked for its version.
    asked_server: Option<Instant>,
    /// Watches, which end with this.
    _watches: JoinSet<()>,
}

impl Reporter {
    /// Starts watching.
    pub(crate) fn start(
        client: &Client,
        connection: Connection,
        options: &Options,
        caches: Caches,
        runs: ControllerMetrics,
    ) -> Self {
        let namespace = options.namespace.clone();
        let turn = Arc::new(Semaphore::new(1));
        let definitions =
            Definitions::new(client.clone(), connection.clone(), caches.clone(), namespace.clone(), Arc::clone(&turn));
        let mut watches = JoinSet::new();
        watches.spawn(definitions.follow());
        watches.spawn(surroundings::follow_components(
            client.clone(),
            namespace.clone(),
            caches.clone(),
            Arc::clone(&turn),
        ));
        watches.spawn(surroundings::follow_nodes(client.clone(), caches.clone(), turn));
        Self {
            writer: Writer::new(connection.clone(), &namespace),
            connection,
            caches,
            runs,
            operator: ReportedOperator {
                api_version: identity::API_VERSION.to_owned(),
                version: options.version.clone(),
                platform: platform(),
            },
            namespace,
            interval: options.reporting_interval,
            pace: Pace::new(options.reporting_interval, options.backoff, Instant::now()),
            known: None,
            asked_server: None,
            _watches: watches,
        }
    }

    /// Reports for as long as this is polled. Whoever notifies `asked` sees a report soon.
    ///
    /// # Cancellation
    /// Safe at any moment.
    pub(crate) async fn run(mut self, asked: Arc<Notify>) {
        loop {
            let due = self.pace.due();
            let is_due = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.caches.changed() => {
                    self.pace.change(Instant::now());
                    self.hear();
                }
                () = asked.notified() => self.pace.ask(Instant::now()),
                () = is_due => self.turn().await,
            }
        }
    }

    /// Looks what the user of the report wishes: that it be written now, or how often.
    fn hear(&mut self) {
        let stored = match self.report() {
            Report::Unseen => return,
            Report::Missing => None,
            Report::Stored(stored) => Some(*stored),
        };
        let is_wish = match (&stored, &self.known) {
            (Some(stored), Some(known)) => stored.is_asked_for() || stored.differs_for_its_user(known),
            // Somebody has deleted it, or made it.
            (stored, known) => stored.is_some() || known.is_some(),
        };
        if is_wish {
            self.pace.ask(Instant::now());
        }
        self.pace.set_interval(stored.as_ref().and_then(Stored::every).or(self.interval));
        self.known = stored;
    }

    fn report(&self) -> Report {
        let observed = self.caches.read();
        let Some(reports) = observed.reports.as_ref().filter(|reports| reports.sight == Sight::Clear) else {
            return Report::Unseen;
        };
        let stored = reports.objects.get(&Key::new(&self.namespace, identity::REPORT_NAME));
        stored.map_or(Report::Missing, |stored| Report::Stored(Box::new(stored.clone())))
    }

    /// Looks, and writes what is new.
    async fn turn(&mut self) {
        let now = Instant::now();
        if self.caches.read().is_incomplete() && self.pace.put_off(now) {
            return;
        }
        let timer = self.runs.start();
        let result = match self.look(now).await {
            Ok(has_written) => {
                self.pace.looked(Instant::now(), has_written);
                ReconcileResult::RequeueAfter
            }
            // Somebody has just changed it.
            Err(error) if error.is_conflict() || error.is_not_found() => {
                self.read_again().await;
                self.pace.failed(Instant::now());
                ReconcileResult::Requeue
            }
            Err(error) => {
                tracing::error!(error = describe(&error), "cannot write FluxReport/{}/flux", self.namespace);
                self.pace.failed(Instant::now());
                ReconcileResult::Error
            }
        };
        timer.finish(result);
    }

    /// Whether something was written.
    async fn look(&mut self, began: Instant) -> Result<bool, RequestError> {
        self.ask_server(began).await;
        let stored = match self.report() {
            Report::Unseen => return Ok(false),
            Report::Stored(stored) if stored.is_disabled() => return Ok(false),
            Report::Stored(stored) => Some(*stored),
            Report::Missing => None,
        };
        let Composed { spec, problems } = compose(&self.caches.read(), &self.operator, &self.namespace);
        let spec = serde_json::to_value(spec).map_err(RequestError::unreadable)?;
        let (stored, has_written) = match stored {
            Some(stored) if stored.says_otherwise(&spec) => (self.writer.replace(&stored, &spec).await?, true),
            Some(stored) => (stored, false),
            None => (self.writer.create(&spec).await?, true),
        };
        self.remember(&stored);
        let look = Look { problems, took: began.elapsed(), now: Timestamp::now() };
        let told = self.writer.tell(&stored, &look).await?;
        if let Some(stored) = &told {
            self.remember(stored);
        }
        Ok(has_written || told.is_some())
    }

    /// Asks the API server for its version once in an interval: it is not told when that changes.
    async fn ask_server(&mut self, now: Instant) {
        let is_recent = |asked: Instant| self.interval.is_none_or(|interval| now < asked + interval);
        if self.asked_server.is_some_and(is_recent) && self.caches.read().server.is_some() {
            return;
        }
        match surroundings::server(&self.connection).await {
            Ok(server) => {
                self.asked_server = Some(now);
                self.caches.read().server = Some(server);
            }
            Err(error) => tracing::error!(error = describe(&error), "cannot ask the API server for its version"),
        }
    }

    /// What was written is known before the watch tells it. Unless the watch was faster, and has told
    /// what came after it.
    fn remember(&mut self, stored: &Stored) {
        self.known = Some(stored.clone());
        self.take_in(stored);
    }

    fn take_in(&self, stored: &Stored) {
        if let Some(reports) = &mut self.caches.read().reports
            && reports.objects.get(&stored.key()).is_none_or(|known| stored.is_after(known))
        {
            reports.put((stored.key(), stored.clone()));
        }
    }

    /// The report is not what it was taken for.
    async fn read_again(&mut self) {
        match self.writer.read().await {
            Ok(Some(stored)) => self.take_in(&stored),
            Ok(None) => {
                if let Some(reports) = &mut self.caches.read().reports {
                    reports.objects.clear();
                }
            }
            Err(error) => {
                tracing::error!(error = describe(&error), "cannot read FluxReport/{}/flux", self.namespace);
            }
        }
        self.hear();
    }
}
