//! A replica in the election: reads, writes, waits.

use std::time::Duration;

use flux_operator_api::GoDuration;
use flux_operator_api::identity::{CONTROLLER, FIELD_MANAGER};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, ObjectMeta, PostParams};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tracing::{info, warn};

use super::decide::{Decision, decide};
use super::{Timing, record};
use crate::fence::Fence;
use crate::request::RequestError;

/// A replica that takes part in the election.
#[derive(Debug)]
pub struct Candidate {
    leases: Api<Lease>,
    /// `namespace/name`, for people.
    lease: String,
    me: String,
    timing: Timing,
    seen: Option<Seen>,
    /// What was said last of why we wait, so that it is not said again.
    said: Option<String>,
}

/// The lease as it was seen last.
#[derive(Clone, Debug)]
struct Seen {
    lease: Lease,
    /// When its record was first seen as it is.
    since: Instant,
}

/// How a look at the lease ended.
enum Look {
    /// The lease is ours, by a request that was sent then.
    Ours { sent: Instant },
    /// Somebody else has it.
    Theirs { holder: String, until: Instant },
}

/// A lease that could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Somebody else was faster.
    #[error("the lease was changed by somebody else at the same moment")]
    Conflict,
    /// The lease is gone.
    #[error("the lease does not exist")]
    Gone,
    /// No answer in time.
    #[error("no answer within `{0}`")]
    Unanswered(GoDuration),
    /// Any other failure.
    #[error(transparent)]
    Failed(RequestError),
}

/// Why a lease that was ours is no more.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// It could not be renewed in time.
    #[error("lost the lease `{lease}`: it was not renewed within `{deadline}`")]
    Expired {
        /// The lease.
        lease: String,
        /// The renew deadline.
        deadline: GoDuration,
    },
    /// Somebody else has it, or has had it.
    #[error("lost the lease `{lease}`: it was ours and is held by `{holder}`")]
    Taken {
        /// The lease.
        lease: String,
        /// Who has it.
        holder: String,
    },
    /// Somebody deleted it.
    #[error("lost the lease `{lease}`: it was deleted")]
    Gone {
        /// The lease.
        lease: String,
    },
}

impl Candidate {
    /// A candidate for the lease `flux-operator` of a namespace. `client` must not be behind the fence
    /// that the lease is for.
    pub fn new(client: kube::Client, namespace: &str, me: String, timing: Timing) -> Self {
        let lease = format!("{namespace}/{CONTROLLER}");
        Self { leases: Api::namespaced(client, namespace), lease, me, timing, seen: None, said: None }
    }

    /// Waits until the lease is ours. Returns until when it is, unless it is renewed.
    ///
    /// # Cancellation
    /// May be dropped at any time. A lease that was just taken then stays ours until it runs out.
    pub async fn acquire(&mut self) -> Instant {
        loop {
            let pause = match self.look().await {
                Ok(Look::Ours { sent }) => {
                    let until = sent + self.timing.renew;
                    if Instant::now() < until {
                        info!(lease = self.lease, identity = self.me, "acquired the lease");
                        return until;
                    }
                    Duration::ZERO
                }
                Ok(Look::Theirs { holder, until }) => {
                    self.say(&format!("waiting for the lease, it is held by `{holder}`"), None);
                    until.saturating_duration_since(Instant::now()).min(self.timing.retry)
                }
                Err(LeaseError::Conflict) => self.timing.retry,
                Err(error) => {
                    self.say("cannot acquire the lease, trying again", Some(&error));
                    self.timing.retry
                }
            };
            sleep(pause + self.timing.retry.mul_f64(fastrand::f64() / 5.0)).await;
        }
    }

    /// Holds on to the lease that is ours until `until`, and keeps the fence open for as long as it is.
    /// Returns when it is lost.
    ///
    /// # Guarantees
    /// The fence is open until the renew deadline after the moment before the last successful renewal
    /// was sent, and not longer. For others the lease runs out later: they cannot have seen the record
    /// before it was sent, and they wait for the whole lease.
    ///
    /// # Cancellation
    /// May be dropped at any time. A renewal may be under way then.
    pub async fn hold(&mut self, fence: &Fence, mut until: Instant) -> Lost {
        // Where the fence has fallen, it was too late, even if the renewal was successful.
        while fence.extend(until) {
            match self.renew(until).await {
                Ok(renewed) => until = renewed,
                Err(lost) => return lost,
            }
        }
        self.expired()
    }

    /// Gives the lease back if it is ours, so that another replica takes it at once.
    ///
    /// # Errors
    /// It could not be written, and others wait until it runs out.
    pub async fn release(&mut self) -> Result<(), LeaseError> {
        loop {
            let Some(seen) = self.seen.clone() else { return Ok(()) };
            if self.decide(&seen) != Decision::Renew {
                return Ok(());
            }
            match self.write(record::released(&seen.record(), Timestamp::now())).await {
                // Our own renewal may have been under way.
                Err(LeaseError::Conflict) => self.observe().await?,
                Ok(_) | Err(LeaseError::Gone) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Renews the lease after the retry period, trying until it runs out. Returns the new end.
    async fn renew(&mut self, until: Instant) -> Result<Instant, Lost> {
        loop {
            sleep_until((Instant::now() + self.timing.retry).min(until)).await;
            if Instant::now() >= until {
                return Err(self.expired());
            }
            match timeout_at(until, self.renew_once()).await {
                Ok(Ok(Ok(sent))) => return Ok(sent + self.timing.renew),
                Ok(Ok(Err(lost))) => return Err(lost),
                Ok(Err(error)) => warn!(lease = self.lease, error = %error, "cannot renew the lease, trying again"),
                Err(_elapsed) => return Err(self.expired()),
            }
        }
    }

    /// Returns when the renewal was sent, or how the lease was lost.
    async fn renew_once(&mut self) -> Result<Result<Instant, Lost>, LeaseError> {
        loop {
            let lease = self.lease.clone();
            let Some(seen) = self.seen.clone() else { return Ok(Err(Lost::Gone { lease })) };
            if self.decide(&seen) != Decision::Renew {
                return Ok(Err(Lost::Taken { lease, holder: seen.holder() }));
            }
            match self.write(record::renewed(&seen.record(), &self.timing, Timestamp::now())).await {
                Ok(sent) => return Ok(Ok(sent)),
                Err(LeaseError::Gone) => return Ok(Err(Lost::Gone { lease })),
                // An earlier renewal of ours without an answer, somebody else, or a label: look again.
                Err(LeaseError::Conflict) => self.observe().await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads the lease, and takes it where it is free.
    async fn look(&mut self) -> Result<Look, LeaseError> {
        self.observe().await?;
        let now = Timestamp::now();
        let Some(seen) = self.seen.clone() else {
            return self.write(record::first(&self.me, &self.timing, now)).await.map(|sent| Look::Ours { sent });
        };
        let record = match self.decide(&seen) {
            Decision::Wait { until } => return Ok(Look::Theirs { holder: seen.holder(), until }),
            Decision::Acquire => record::acquired(&seen.record(), &self.me, &self.timing, now),
            Decision::Renew => record::renewed(&seen.record(), &self.timing, now),
        };
        self.write(record).await.map(|sent| Look::Ours { sent })
    }

    fn decide(&self, seen: &Seen) -> Decision {
        decide(&seen.record(), seen.since, Instant::now(), &self.me, self.timing.lease)
    }

    async fn observe(&mut self) -> Result<(), LeaseError> {
        let live = self.answer(self.leases.get_opt(CONTROLLER)).await?;
        // The moment after the answer: the record may have changed on its way.
        let now = Instant::now();
        let unchanged = |seen: &Seen, live: &Lease| seen.lease.spec == live.spec;
        self.seen = live.map(|lease| match &self.seen {
            Some(seen) if unchanged(seen, &lease) => Seen { lease, since: seen.since },
            _ => Seen { lease, since: now },
        });
        Ok(())
    }

    /// Writes the record over what was seen last, if that is still there. Returns the moment before the
    /// request was sent.
    async fn write(&mut self, record: LeaseSpec) -> Result<Instant, LeaseError> {
        let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        let sent = Instant::now();
        let stored = if let Some(seen) = &self.seen {
            // With its resource version, which is what makes the write conditional.
            let lease = Lease { spec: Some(record), ..seen.lease.clone() };
            self.answer(self.leases.replace(CONTROLLER, &params, &lease)).await?
        } else {
            let metadata = ObjectMeta { name: Some(CONTROLLER.to_owned()), ..ObjectMeta::default() };
            self.answer(self.leases.create(&params, &Lease { metadata, spec: Some(record) })).await?
        };
        self.seen = Some(Seen { lease: stored, since: Instant::now() });
        Ok(sent)
    }

    /// The answer to a request, within half of the renew deadline, so that there is time for another.
    async fn answer<T>(&self, request: impl Future<Output = kube::Result<T>>) -> Result<T, LeaseError> {
        let limit = self.timing.renew / 2;
        match timeout(limit, request).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(kube::Error::Api(status))) if status.code == 409 => Err(LeaseError::Conflict),
            Ok(Err(kube::Error::Api(status))) if status.is_not_found() => Err(LeaseError::Gone),
            Ok(Err(error)) => Err(LeaseError::Failed(error.into())),
            Err(_elapsed) => Err(LeaseError::Unanswered(limit.try_into().unwrap_or(GoDuration::MAX))),
        }
    }

    fn expired(&self) -> Lost {
        let deadline = self.timing.renew.try_into().unwrap_or(GoDuration::MAX);
        Lost::Expired { lease: self.lease.clone(), deadline }
    }

    fn say(&mut self, what: &str, error: Option<&LeaseError>) {
        let said = format!("{what}{}", error.map(ToString::to_string).unwrap_or_default());
        if self.said.replace(said.clone()).is_some_and(|before| before == said) {
            return;
        }
        match error {
            None => info!(lease = self.lease, identity = self.me, "{what}"),
            Some(error) => warn!(lease = self.lease, error = %error, "{what}"),
        }
    }
}

impl Seen {
    fn record(&self) -> LeaseSpec {
        self.lease.spec.clone().unwrap_or_default()
    }

    fn holder(&self) -> String {
        self.lease.spec.as_ref().and_then(|record| record.holder_identity.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
