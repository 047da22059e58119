//! Who wrote to an object last.

use flux_operator_api::{FIELD_MANAGER, Object};
use serde_json::Value;

/// The field manager that wrote to the object last, the operator aside. Writes of `status` and other
/// subresources do not count.
///
/// Asked before the operator corrects a drift, because afterwards it owns the fields again and
/// nothing tells who had changed them.
pub fn last_writer(live: &Object) -> Option<&str> {
    let text = |entry: &Value, field: &str| -> bool { entry.get(field).is_some_and(|value| value != "") };
    let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array)?;
    let others = entries.iter().filter(|entry| !text(entry, "subresource")).filter_map(|entry| {
        let manager = entry.get("manager")?.as_str().filter(|manager| *manager != FIELD_MANAGER)?;
        // RFC 3339 in UTC, so the order of the texts is that of the times.
        Some((entry.get("time").and_then(Value::as_str).unwrap_or_default(), manager))
    });
    others.max_by_key(|(time, _)| *time).map(|(_, manager)| manager)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(entries: &[(&str, &str, &str)], expected: Option<&str>) {
        let entries: Vec<_> = entries
            .iter()
            .map(|(manager, subresource, time)| json!({"manager": manager, "subresource": subresource, "time": time}))
            .collect();
        let metadata = json!({"name": "a", "managedFields": entries});
        let live = Object::try_from(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})).unwrap();
        assert_eq!(last_writer(&live), expected);
    }

    #[test]
    fn the_last_of_the_others_is_named() {
        check(&[], None);
        check(&[("flux-operator", "", "2026-01-01T00:00:00Z")], None);
        check(
            &[
                ("flux-operator", "", "2026-01-03T00:00:00Z"),
                ("kubectl-edit", "", "2026-01-02T00:00:00Z"),
                ("helm", "", "2026-01-01T00:00:00Z"),
                ("kube-controller-manager", "status", "2026-01-04T00:00:00Z"),
            ],
            Some("kubectl-edit"),
        );
    }
}
