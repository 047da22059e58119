//! Writes events to the API server, one after the other.

use std::sync::Arc;
use std::time::Duration;

use flux_operator_api::FIELD_MANAGER;
use flux_operator_inventory::patch_params;
use http::StatusCode;
use k8s_openapi::api::core::v1::Event as Record;
use kube::api::{Api, Patch, PostParams};
use kube::core::Status;
use kube::{Client, Error};
use tokio::time::{sleep, timeout};

use super::correlate::{Correlator, Sighting, Verdict};
use super::queue::Queue;
use super::{Occurrence, record};

/// How often a write is tried. Events are not worth more: the next run has others.
const ATTEMPTS: u32 = 3;

/// How long one attempt may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The pause after the first failure. It doubles with every further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Recorder {
    client: Client,
    host: String,
    correlator: Correlator,
}

/// A write that came to nothing.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error("{}", .0.message)]
    Refused(Box<Status>),
    #[error("the API server cannot be reached: {0}")]
    Unreachable(Error),
    #[error("the API server did not answer within {}s", TIMEOUT.as_secs())]
    TimedOut,
}

impl Recorder {
    pub(super) fn new(client: Client, host: String) -> Self {
        Self { client, host, correlator: Correlator::default() }
    }

    /// Writes what comes, until the queue is closed and empty.
    pub(super) async fn run(mut self, queue: Queue<Arc<Occurrence>>) {
        while let Some(occurrence) = queue.next().await {
            self.record(&occurrence).await;
        }
    }

    async fn record(&mut self, occurrence: &Occurrence) {
        let Occurrence { subject, event, at } = occurrence;
        let written = match self.correlator.observe(&subject.uid, event, *at) {
            Verdict::Create(sighting) => self.create(occurrence, &sighting).await,
            Verdict::Update(sighting) => match self.update(occurrence, &sighting).await {
                // Events do not live for long.
                Err(error) if error.has_code(StatusCode::NOT_FOUND) => self.create(occurrence, &sighting).await,
                written => written,
            },
            Verdict::Suppress => {
                tracing::debug!(reason = %event.reason, "too many events, this one is not recorded");
                return;
            }
        };
        match written {
            Ok(()) => {}
            // Nothing that anybody would mend.
            Err(error) if error.is_about_namespace() => {
                tracing::debug!(reason = %event.reason, %error, "the namespace goes away, its event is lost");
            }
            Err(error) => tracing::warn!(reason = %event.reason, %error, "cannot record an event"),
        }
    }

    async fn create(&self, occurrence: &Occurrence, sighting: &Sighting) -> Result<(), WriteError> {
        let api = self.api(occurrence);
        let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        let record = record::create(occurrence, sighting, &self.host);
        match attempts(|| api.create(&params, &record)).await {
            // An attempt before did it, and its answer was lost: nobody else makes this name.
            Err(error) if error.has_code(StatusCode::CONFLICT) => Ok(()),
            created => created,
        }
    }

    async fn update(&self, occurrence: &Occurrence, sighting: &Sighting) -> Result<(), WriteError> {
        let api = self.api(occurrence);
        let params = patch_params();
        let name = record::name(&occurrence.subject, sighting);
        let patch = Patch::Merge(record::update(occurrence, sighting));
        attempts(|| api.patch(&name, &params, &patch)).await
    }

    fn api(&self, occurrence: &Occurrence) -> Api<Record> {
        Api::namespaced(self.client.clone(), &occurrence.subject.namespace)
    }
}

/// Tries a write a few times.
async fn attempts<F>(write: impl Fn() -> F) -> Result<(), WriteError>
where
    F: Future<Output = kube::Result<Record>>,
{
    let mut failures = 0;
    loop {
        let error = match timeout(TIMEOUT, write()).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(Error::Api(status))) => WriteError::Refused(status),
            Ok(Err(error)) => WriteError::Unreachable(error),
            Err(_) => WriteError::TimedOut,
        };
        failures += 1;
        if failures >= ATTEMPTS || !error.is_transient() {
            return Err(error);
        }
        sleep(FIRST_PAUSE * (1 << (failures - 1))).await;
    }
}

impl WriteError {
    fn has_code(&self, code: StatusCode) -> bool {
        matches!(self, Self::Refused(status) if status.code == code.as_u16())
    }

    /// Whether the same write may well succeed later.
    fn is_transient(&self) -> bool {
        match self {
            Self::Refused(status) => matches!(status.code, 429 | 500..=599),
            Self::Unreachable(_) | Self::TimedOut => true,
        }
    }

    /// Whether the namespace is gone, or about to be.
    fn is_about_namespace(&self) -> bool {
        let Self::Refused(status) = self else {
            return false;
        };
        let mut causes = status.details.iter().flat_map(|details| &details.causes);
        status.code == 404 || causes.any(|cause| cause.reason == "NamespaceTerminating")
    }
}

#[cfg(test)]
mod tests;
