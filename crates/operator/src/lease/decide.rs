//! What to do about the record of a lease.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::LeaseSpec;
use tokio::time::Instant;

/// What a replica does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Nobody holds the lease: take it.
    Acquire,
    /// We hold it: say so again.
    Renew,
    /// Somebody else holds it, at least until then.
    Wait {
        /// When the lease runs out, if the record stays as it is.
        until: Instant,
    },
}

/// Decides from the record of a lease, and from when on it has been seen as it is.
///
/// A holder that is still there changes the record with every renewal. So a lease has run out once
/// its record was the same for as long as it says itself, by our own monotonic clock: no time in the
/// record counts, and no clock has to agree with another. Where it says nothing, `usual` is taken.
///
/// # Guarantees
/// A lease that somebody else holds is not taken before the whole duration of its record has passed
/// since `unchanged_since`, which is not before the record was written.
pub(super) fn decide(
    record: &LeaseSpec,
    unchanged_since: Instant,
    now: Instant,
    me: &str,
    usual: Duration,
) -> Decision {
    let holder = record.holder_identity.as_deref().unwrap_or_default();
    if holder == me {
        return Decision::Renew;
    }
    let seconds = record.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
    let until = unchanged_since + seconds.map_or(usual, Duration::from_secs);
    if holder.is_empty() || now >= until { Decision::Acquire } else { Decision::Wait { until } }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
    use k8s_openapi::jiff::Timestamp;

    use super::*;

    fn record(holder: &str, seconds: Option<i32>) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            lease_duration_seconds: seconds,
            // Long ago for every clock: it must not count.
            renew_time: Some(MicroTime(Timestamp::UNIX_EPOCH)),
            ..LeaseSpec::default()
        }
    }

    #[track_caller]
    fn check(record: &LeaseSpec, seen_for_millis: u64, expected: impl Fn(Instant) -> Decision) {
        let since = Instant::now();
        let now = since + Duration::from_millis(seen_for_millis);
        assert_eq!(decide(record, since, now, "me", Duration::from_secs(35)), expected(since), "{record:?}");
    }

    fn wait(seconds: u64) -> impl Fn(Instant) -> Decision {
        move |since| Decision::Wait { until: since + Duration::from_secs(seconds) }
    }

    #[test]
    fn the_lease_of_somebody_else_is_left_until_it_was_seen_unchanged_for_long_enough() {
        let theirs = record("them", Some(15));
        check(&theirs, 0, wait(15));
        check(&theirs, 14_999, wait(15));
        check(&theirs, 15_000, |_| Decision::Acquire);
    }

    #[test]
    fn a_record_without_duration_gets_the_usual_one() {
        for seconds in [None, Some(-1)] {
            check(&record("them", seconds), 34_999, wait(35));
            check(&record("them", seconds), 35_000, |_| Decision::Acquire);
        }
    }

    #[test]
    fn our_own_is_renewed_however_old() {
        check(&record("me", Some(15)), 0, |_| Decision::Renew);
        check(&record("me", Some(15)), 99_000, |_| Decision::Renew);
    }

    #[test]
    fn a_lease_that_was_given_back_is_free_at_once() {
        check(&record("", Some(1)), 0, |_| Decision::Acquire);
        check(&LeaseSpec::default(), 0, |_| Decision::Acquire);
    }
}
