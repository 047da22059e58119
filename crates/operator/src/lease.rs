//! Leader election: which replica works.
//!
//! Replicas agree through a Lease, in the way of client-go, so that an operator in Go and this one
//! never work at the same time. The replica that holds the lease renews it every few seconds; another
//! one takes it once it has seen the same record for the whole lease duration. Clocks are never
//! compared: times in the record are for people.
//!
//! `decide` says what to do about a record and `record` what is written, both pure. `candidate` reads,
//! writes and waits. `identity` is who we are.

mod candidate;
mod decide;
mod identity;
mod record;

use std::time::Duration;

use flux_operator_api::GoDuration;

pub use candidate::{Candidate, LeaseError, Lost};
pub use identity::{hostname, identity};

/// Least ratio of the renew deadline to the retry period, so that there is more than one try.
const RETRY_FACTOR: f64 = 1.2;

/// Durations of an election that fit each other: lease > renew deadline > 1.2 retry periods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    lease: Duration,
    renew: Duration,
    retry: Duration,
}

/// Durations that do not fit each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimingError {
    /// A leader would still work when another one starts to.
    #[error("expected a renew deadline shorter than the lease of `{lease}`, found `{renew}`")]
    Renew {
        /// The duration of the lease.
        lease: GoDuration,
        /// The deadline.
        renew: GoDuration,
    },
    /// A leader could not try twice.
    #[error("expected a retry period shorter than 5/6 of the renew deadline of `{renew}`, found `{retry}`")]
    Retry {
        /// The deadline.
        renew: GoDuration,
        /// The period.
        retry: GoDuration,
    },
}

impl Timing {
    /// The durations of `--leader-election-*`.
    ///
    /// # Errors
    /// They do not fit each other.
    pub fn new(lease: Duration, renew: Duration, retry: Duration) -> Result<Self, TimingError> {
        let go = |duration| GoDuration::try_from(duration).unwrap_or(GoDuration::MAX);
        if renew >= lease {
            return Err(TimingError::Renew { lease: go(lease), renew: go(renew) });
        }
        if renew <= retry.mul_f64(RETRY_FACTOR) {
            return Err(TimingError::Retry { renew: go(renew), retry: go(retry) });
        }
        Ok(Self { lease, renew, retry })
    }

    /// The lease duration as the record has it: in whole seconds, and never less than it is.
    fn lease_seconds(&self) -> i32 {
        let rounded_up = self.lease.as_secs() + u64::from(self.lease.subsec_nanos() > 0);
        i32::try_from(rounded_up).unwrap_or(i32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing(lease: u64, renew: u64, retry: u64) -> Result<Timing, TimingError> {
        Timing::new(Duration::from_millis(lease), Duration::from_millis(renew), Duration::from_millis(retry))
    }

    #[test]
    fn durations_have_to_fit_each_other() {
        assert!(timing(35_000, 30_000, 5_000).is_ok());
        assert!(matches!(timing(30_000, 30_000, 5_000), Err(TimingError::Renew { .. })));
        assert!(matches!(timing(35_000, 6_000, 5_000), Err(TimingError::Retry { .. })));
    }

    #[test]
    fn the_record_never_promises_less_than_the_lease() {
        assert_eq!(timing(1_500, 1_200, 500).unwrap().lease_seconds(), 2);
        assert_eq!(timing(2_000, 1_200, 500).unwrap().lease_seconds(), 2);
    }
}
