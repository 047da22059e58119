//! What a list shows of an object.

use flux_operator_api::Object;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::readiness::{condition, is_suspended, text};

/// One line of `get all`, and what `-o json` makes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Row {
    pub(crate) kind: String,
    pub(crate) last_reconciled: String,
    pub(crate) message: String,
    /// `<namespace>/<name>`.
    pub(crate) name: String,
    pub(crate) ready: String,
}

/// What stands where nothing is known.
pub(crate) const UNKNOWN: &str = "Unknown";

impl From<&Object> for Row {
    fn from(object: &Object) -> Self {
        let ready = condition(object, "Ready");
        let message = ready.as_ref().map_or("Not initialized", |ready| &ready.message);
        Self {
            kind: object.kind().to_owned(),
            last_reconciled: last_reconciled(object),
            message: message.to_owned(),
            name: match object.namespace() {
                Some(namespace) => format!("{namespace}/{}", object.name()),
                None => object.name().to_owned(),
            },
            ready: ready_status(object),
        }
    }
}

/// `True`, `False` or `Unknown`, and `Suspended` whatever the condition says.
pub(crate) fn ready_status(object: &Object) -> String {
    if is_suspended(object) {
        return "Suspended".to_owned();
    }
    condition(object, "Ready").map_or_else(|| UNKNOWN.to_owned(), |ready| ready.status)
}

/// When the condition `Ready` last changed, in UTC.
pub(crate) fn last_reconciled(object: &Object) -> String {
    let since = condition(object, "Ready").and_then(|ready| ready.since);
    since.map_or_else(|| UNKNOWN.to_owned(), |since| utc(&since))
}

/// A moment in UTC; what is none, as it is.
pub(crate) fn utc(text: &str) -> String {
    text.parse::<Timestamp>().map_or_else(|_| text.to_owned(), |moment| moment.to_string())
}

/// The cells that `-o wide` adds: revision and age.
pub(crate) fn wide_cells(object: &Object, now: Timestamp) -> [String; 2] {
    let created = text(object, "/metadata/creationTimestamp").unwrap_or_default();
    let revision = revision(object).map_or_else(|| UNKNOWN.to_owned(), |found| abbreviated(&found));
    [revision, age(created, now)]
}

/// The revision that was applied, or attempted, or fetched.
fn revision(object: &Object) -> Option<String> {
    let paths = [
        "/status/lastAppliedRevision",
        "/status/lastAttemptedRevision",
        "/status/artifact/revision",
        "/status/history/0/chartVersion",
    ];
    paths.into_iter().find_map(|path| text(object, path)).map(str::to_owned)
}

/// A text with every digest in it cut to what tells it from others: 8 characters.
pub(crate) fn abbreviated(text: &str) -> String {
    let mut cut = String::with_capacity(text.len());
    for part in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let word = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_hash = (40..=128).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_hexdigit());
        match (is_hash, word.get(..8), part.get(word.len()..)) {
            (true, Some(start), Some(end)) => cut.extend([start, end]),
            _ => cut.push_str(part),
        }
    }
    cut
}

/// How long ago a moment is, as `kubectl` says it: `45s`, `5m`, `3h`, `12d`.
pub(crate) fn age(moment: &str, now: Timestamp) -> String {
    let Ok(moment) = moment.parse::<Timestamp>() else {
        return UNKNOWN.to_owned();
    };
    let seconds = now.as_second().saturating_sub(moment.as_second()).max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// How many items a list of an object has.
pub(crate) fn count(object: &Object, pointer: &str) -> String {
    object.pointer(pointer).and_then(Value::as_array).map_or(0, Vec::len).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_utc_and_ages_short() {
        assert_eq!(utc("2026-08-01T11:12:44+02:00"), "2026-08-01T09:12:44Z");
        assert_eq!(utc("soon"), "soon");
        let now = "2026-08-01T12:00:00Z".parse().unwrap();
        for (moment, expected) in [
            ("2026-08-01T11:59:15Z", "45s"),
            ("2026-08-01T11:55:00Z", "5m"),
            ("2026-08-01T09:00:00Z", "3h"),
            ("2026-07-20T12:00:00Z", "12d"),
            ("2026-08-01T12:00:05Z", "0s"),
            ("", UNKNOWN),
        ] {
            assert_eq!(age(moment, now), expected);
        }
    }

    #[test]
    fn digests_are_cut() {
        let digest = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(abbreviated(&format!("main@sha1:{digest}")), "main@sha1:01234567");
        assert_eq!(abbreviated(&format!("applied `{digest}`, grün")), "applied `01234567`, grün");
        assert_eq!(abbreviated("v2.8.3"), "v2.8.3");
    }
}
