//! What is written into a lease.

use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;

use super::Timing;

/// A lease that nobody held before.
pub(super) fn first(me: &str, timing: &Timing, now: Timestamp) -> LeaseSpec {
    LeaseSpec { lease_transitions: Some(0), ..taken(LeaseSpec::default(), me, timing, now) }
}

/// A lease that passes to us. Fields that are not about its holder stay.
pub(super) fn acquired(previous: &LeaseSpec, me: &str, timing: &Timing, now: Timestamp) -> LeaseSpec {
    let transitions = previous.lease_transitions.unwrap_or_default().saturating_add(1);
    LeaseSpec { lease_transitions: Some(transitions), ..taken(previous.clone(), me, timing, now) }
}

/// Our lease, held on to.
pub(super) fn renewed(previous: &LeaseSpec, timing: &Timing, now: Timestamp) -> LeaseSpec {
    LeaseSpec {
        lease_duration_seconds: Some(timing.lease_seconds()),
        renew_time: Some(MicroTime(now)),
        ..previous.clone()
    }
}

/// Our lease, given back: without a holder, and run out as soon as one can say.
pub(super) fn released(previous: &LeaseSpec, now: Timestamp) -> LeaseSpec {
    LeaseSpec {
        // Not absent: client-go reads an empty name.
        holder_identity: Some(String::new()),
        lease_duration_seconds: Some(1),
        acquire_time: Some(MicroTime(now)),
        renew_time: Some(MicroTime(now)),
        ..previous.clone()
    }
}

fn taken(previous: LeaseSpec, me: &str, timing: &Timing, now: Timestamp) -> LeaseSpec {
    LeaseSpec {
        holder_identity: Some(me.to_owned()),
        lease_duration_seconds: Some(timing.lease_seconds()),
        acquire_time: Some(MicroTime(now)),
        renew_time: Some(MicroTime(now)),
        ..previous
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;

    fn timing() -> Timing {
        Timing::new(Duration::from_secs(35), Duration::from_secs(30), Duration::from_secs(5)).unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::new(seconds, 1_500).unwrap()
    }

    #[track_caller]
    fn check(record: &LeaseSpec, expected: &Value) {
        assert_eq!(serde_json::to_value(record).unwrap(), *expected);
    }

    #[test]
    fn records_are_those_of_client_go() {
        let record = first("me", &timing(), at(0));
        check(
            &record,
            &json!({
                "holderIdentity": "me",
                "leaseDurationSeconds": 35,
                "acquireTime": "1970-01-01T00:00:00.000001Z",
                "renewTime": "1970-01-01T00:00:00.000001Z",
                "leaseTransitions": 0,
            }),
        );
        let record = renewed(&record, &timing(), at(1));
        check(
            &record,
            &json!({
                "holderIdentity": "me",
                "leaseDurationSeconds": 35,
                "acquireTime": "1970-01-01T00:00:00.000001Z",
                "renewTime": "1970-01-01T00:00:01.000001Z",
                "leaseTransitions": 0,
            }),
        );
        let record = released(&record, at(2));
        check(
            &record,
            &json!({
                "holderIdentity": "",
                "leaseDurationSeconds": 1,
                "acquireTime": "1970-01-01T00:00:02.000001Z",
                "renewTime": "1970-01-01T00:00:02.000001Z",
                "leaseTransitions": 0,
            }),
        );
        check(
            &acquired(&record, "you", &timing(), at(3)),
            &json!({
                "holderIdentity": "you",
                "leaseDurationSeconds": 35,
                "acquireTime": "1970-01-01T00:00:03.000001Z",
                "renewTime": "1970-01-01T00:00:03.000001Z",
                "leaseTransitions": 1,
            }),
        );
    }

    #[test]
    fn what_others_wrote_stays() {
        let previous = LeaseSpec { strategy: Some("OldestEmulationVersion".to_owned()), ..LeaseSpec::default() };
        let record = renewed(&acquired(&previous, "me", &timing(), at(0)), &timing(), at(1));
        assert_eq!(record.strategy, previous.strategy);
    }
}
