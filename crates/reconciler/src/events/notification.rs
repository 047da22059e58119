//! What notification-controller is told, and what its answers mean.

use std::collections::BTreeMap;
use std::time::Duration;

use flux_operator_api::FIELD_MANAGER;
use http::StatusCode;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use super::{FORWARDED, Occurrence, Severity, Subject};

/// The longest pause between two attempts.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is there.
    Delivered,
    /// It may be there the next time.
    TryAgain,
    /// It will never be.
    Refused,
}

/// The body of the request.
pub(super) fn body(occurrence: &Occurrence, host: &str) -> Value {
    let Occurrence { subject, event, at } = occurrence;
    json!({
        "involvedObject": {
            "apiVersion": Subject::API_VERSION,
            "kind": Subject::KIND,
            "name": subject.name,
            "namespace": subject.namespace,
            "uid": subject.uid,
            "resourceVersion": subject.resource_version,
        },
        "severity": severity(event.severity),
        "timestamp": Time(*at),
        "message": event.message,
        "reason": event.reason.as_str(),
        "metadata": metadata(occurrence),
        "reportingController": FIELD_MANAGER,
        "reportingInstance": host,
    })
}

/// What the code of an answer means.
pub(super) fn judge(code: StatusCode) -> Answer {
    match code {
        // The same event was delivered a moment ago.
        StatusCode::TOO_MANY_REQUESTS => Answer::Delivered,
        StatusCode::NOT_IMPLEMENTED => Answer::Refused,
        _ if code.is_success() => Answer::Delivered,
        _ if code.is_server_error() => Answer::TryAgain,
        _ => Answer::Refused,
    }
}

/// The pause after the nth failure, counted from 1: a second, twice as long after each, half a minute at most.
pub(super) fn pause(failures: u32) -> Duration {
    let seconds = 1_u64.checked_shl(failures.saturating_sub(1)).unwrap_or(u64::MAX);
    Duration::from_secs(seconds).min(MAX_PAUSE)
}

/// The annotations of the event, and those of its subject that are meant for it. The event has the last word.
fn metadata(occurrence: &Occurrence) -> BTreeMap<&str, &str> {
    let Occurrence { subject, event, .. } = occurrence;
    let forwarded = subject.annotations.iter().filter(|(key, _)| key.starts_with(FORWARDED));
    forwarded.chain(&event.annotations).map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Normal => "info",
        Severity::Warning => "error",
    }
}

#[cfg(test)]
mod tests {
    use flux_operator_api::Reason;

    use super::super::Event;
    use super::super::tests::{at, subject};
    use super::*;

    #[test]
    fn the_body_is_what_notification_controller_reads() {
        let mut subject = subject();
        subject.annotations.insert("event.toolkit.fluxcd.io/team".to_owned(), "platform".to_owned());
        subject.annotations.insert("event.toolkit.fluxcd.io/env".to_owned(), "of the subject".to_owned());
        subject.annotations.insert("example.com/other".to_owned(), "kept back".to_owned());
        let mut event = Event::warning(Reason::BuildFailed, "build failed").about("v2.8.3@sha256:abc");
        event.annotations.insert("event.toolkit.fluxcd.io/env".to_owned(), "of the event".to_owned());
        let expected = json!({
            "involvedObject": {
                "apiVersion": "fluxcd.controlplane.io/v1",
                "kind": "FluxInstance",
                "name": "flux",
                "namespace": "flux-system",
                "uid": "u-1",
                "resourceVersion": "7",
            },
            "severity": "error",
            "timestamp": "2026-11-22T10:00:07Z",
            "message": "build failed",
            "reason": "BuildFailed",
            "metadata": {
                "event.toolkit.fluxcd.io/env": "of the event",
                "event.toolkit.fluxcd.io/team": "platform",
                "fluxcd.controlplane.io/revision": "v2.8.3@sha256:abc",
            },
            "reportingController": "flux-operator",
            "reportingInstance": "host",
        });
        assert_eq!(body(&Occurrence { subject, event, at: at(7) }, "host"), expected);
    }

    #[test]
    fn normal_is_info() {
        let event = Event::normal(Reason::ReconciliationSucceeded, "");
        assert_eq!(body(&Occurrence { subject: subject(), event, at: at(0) }, "host")["severity"], "info");
    }

    #[test]
    fn answers_are_judged_by_their_code() {
        use Answer::{Delivered, Refused, TryAgain};
        let cases = [
            (200, Delivered),
            (202, Delivered),
            (301, Refused),
            (400, Refused),
            (401, Refused),
            (404, Refused),
            (429, Delivered),
            (500, TryAgain),
            (501, Refused),
            (502, TryAgain),
            (503, TryAgain),
        ];
        for (code, expected) in cases {
            assert_eq!(judge(StatusCode::from_u16(code).unwrap()), expected, "{code}");
        }
    }

    #[test]
    fn pauses_grow_to_half_a_minute() {
        let cases = [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 30), (64, 30), (65, 30), (u32::MAX, 30)];
        for (failures, seconds) in cases {
            assert_eq!(pause(failures), Duration::from_secs(seconds), "{failures}");
        }
    }
}
