//! One event as a line.

use flux_operator_api::Object;
use jiff::Timestamp;
use serde_json::Value;

use crate::readiness::text;
use crate::sources::Reference;
use crate::view::{UNKNOWN, age};

/// What happened to an object, perhaps several times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) r#type: String,
    pub(super) group: String,
    pub(super) object: Reference,
    pub(super) last: Option<Timestamp>,
    first: Option<Timestamp>,
    count: i64,
    reason: String,
    message: String,
}

impl From<&Object> for Event {
    fn from(event: &Object) -> Self {
        let told = |pointer: &str| text(event, pointer).unwrap_or_default().to_owned();
        let moment = |paths: &[&str]| {
            paths.iter().find_map(|path| text(event, path)).and_then(|moment| moment.parse::<Timestamp>().ok())
        };
        let count =
            ["/series/count", "/count"].into_iter().find_map(|path| event.pointer(path).and_then(Value::as_i64));
        let group = told("/involvedObject/apiVersion");
        Self {
            r#type: told("/type"),
            group: group.split_once('/').map(|(group, _)| group.to_owned()).unwrap_or_default(),
            object: Reference {
                kind: told("/involvedObject/kind"),
                namespace: told("/involvedObject/namespace"),
                name: told("/involvedObject/name"),
            },
            last: moment(&["/series/lastObservedTime", "/lastTimestamp", "/eventTime"]),
            first: moment(&["/firstTimestamp", "/eventTime"]),
            count: count.unwrap_or(1),
            reason: told("/reason"),
            message: told("/message"),
        }
    }
}

/// The headers of the columns.
pub(super) fn headers(with_namespace: bool) -> Vec<&'static str> {
    let namespace = with_namespace.then_some("namespace");
    namespace.into_iter().chain(["last seen", "type", "reason", "object", "message"]).collect()
}

impl Event {
    /// The cells below the headers.
    pub(super) fn cells(&self, with_namespace: bool, now: Timestamp) -> Vec<String> {
        let Self { r#type, object, reason, message, .. } = self;
        let namespace = with_namespace.then(|| object.namespace.clone());
        let subject = format!("{}/{}", object.kind, object.name);
        let rest = [self.seen(now), r#type.clone(), reason.clone(), subject, message.trim().to_owned()];
        namespace.into_iter().chain(rest).collect()
    }

    /// `5m`, or `2m (x4 over 1h)`.
    fn seen(&self, now: Timestamp) -> String {
        let ago = |moment: Option<Timestamp>| {
            moment.map_or_else(|| UNKNOWN.to_owned(), |moment| age(&moment.to_string(), now))
        };
        if self.count > 1 {
            format!("{} (x{} over {})", ago(self.last), self.count, ago(self.first))
        } else {
            ago(self.last)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn series_tell_how_often() {
        let event = |more: Value| {
            let mut event = json!({
                "apiVersion": "v1", "kind": "Event", "metadata": {"name": "e"}, "type": "Normal", "reason": "Progress",
                "message": "done\n",
                "involvedObject": {
                    "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "namespace": "n", "name": "a",
                },
            });
            event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            Event::from(&Object::try_from(event).unwrap())
        };
        let now = "2026-08-01T12:00:00Z".parse().unwrap();
        let once = event(json!({"lastTimestamp": "2026-08-01T11:55:00Z"}));
        assert_eq!(once.cells(true, now), ["n", "5m", "Normal", "Progress", "Kustomization/a", "done"]);
        let often = event(json!({
            "firstTimestamp": "2026-08-01T09:00:00Z", "lastTimestamp": "2026-08-01T11:57:00Z", "count": 4,
        }));
        assert_eq!(often.seen(now), "3m (x4 over 3h)");
        let series = event(json!({
            "eventTime": "2026-08-01T11:50:00Z", "series": {"count": 2, "lastObservedTime": "2026-08-01T11:59:00Z"},
        }));
        assert_eq!(series.seen(now), "60s (x2 over 10m)");
    }
}
