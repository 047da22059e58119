//! Who manages which fields of an object, set right where others left traces.
//!
//! Entries in `managedFields` outlive those who made them: managers that no longer apply an object,
//! and versions of an API that are about to go. Both kinds of repair are worked out here, from the
//! metadata of one object, as patches that hold for exactly the version that was looked at.

use serde_json::{Value, json};

/// Entries that are taken off an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Stripped {
    /// The managers whose entries go, each once, in the order of the object.
    pub managers: Vec<String>,
    /// The JSON patch (RFC 6902).
    pub patch: Value,
}

/// Takes off the entries of managers for which `is_stale` holds, given name and operation. `None`
/// where there are none.
///
/// # Guarantees
/// Entries of subresources such as `status` are never touched. The fields keep their values, and
/// belong to nobody afterwards but to those who also manage them.
pub fn strip(item: &Value, is_stale: impl Fn(&str, &str) -> bool) -> Option<Stripped> {
    let entries = item.pointer("/metadata/managedFields")?.as_array()?;
    let mut managers: Vec<String> = Vec::new();
    let mut kept = Vec::new();
    for entry in entries {
        let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
        let manager = text("manager");
        if text("subresource").is_empty() && is_stale(manager, text("operation")) {
            if !managers.iter().any(|known| known == manager) {
                managers.push(manager.to_owned());
            }
        } else {
            kept.push(entry.clone());
        }
    }
    if managers.is_empty() {
        return None;
    }
    // An empty list would be ignored; one empty entry is how the API server is told that nobody is left.
    if kept.is_empty() {
        kept.push(json!({}));
    }
    Some(Stripped { managers, patch: replace(item, &kept) })
}

/// Writes another version of the API into every entry. `None` where all of them have it.
///
/// Versions that are gone would be asked for in vain by the next who applies the object.
pub fn restamp(item: &Value, api_version: &str) -> Option<Value> {
    let entries = item.pointer("/metadata/managedFields")?.as_array()?;
    if !entries.iter().any(|entry| is_of_another(entry, api_version)) {
        return None;
    }
    let mut entries = entries.clone();
    for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
        entry.insert("apiVersion".to_owned(), api_version.into());
    }
    Some(replace(item, &entries))
}

/// The managers of an object whose entries are of another version, each once.
pub fn behind<'i>(item: &'i Value, api_version: &str) -> Vec<&'i str> {
    let entries = item.pointer("/metadata/managedFields").and_then(Value::as_array).into_iter().flatten();
    let mut managers = Vec::new();
    for entry in entries.filter(|entry| is_of_another(entry, api_version)) {
        let manager = entry.get("manager").and_then(Value::as_str).unwrap_or_default();
        if !managers.contains(&manager) {
            managers.push(manager);
        }
    }
    managers
}

fn is_of_another(entry: &Value, api_version: &str) -> bool {
    entry.get("apiVersion").is_some_and(|found| found != api_version)
}

/// Replaces the entries of the object in the version that was looked at.
fn replace(item: &Value, entries: &[Value]) -> Value {
    let version = item.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default();
    json!([
        {"op": "test", "path": "/metadata/resourceVersion", "value": version},
        {"op": "replace", "path": "/metadata/managedFields", "value": entries},
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item() -> Value {
        json!({"metadata": {"resourceVersion": "7", "managedFields": [
            {"manager": "helm-controller", "operation": "Apply", "apiVersion": "v1"},
            {"manager": "kustomize-controller", "operation": "Apply", "apiVersion": "v2"},
            {"manager": "helm-controller", "operation": "Update", "apiVersion": "v1", "subresource": "status"},
        ]}})
    }

    #[test]
    fn only_stale_entries_go_and_none_of_a_status() {
        let stripped = strip(&item(), |manager, _| manager == "helm-controller").unwrap();
        assert_eq!(stripped.managers, ["helm-controller"]);
        assert_eq!(stripped.patch[0]["value"], "7");
        let left: Vec<_> =
            stripped.patch[1]["value"].as_array().unwrap().iter().map(|entry| &entry["manager"]).collect();
        assert_eq!(left, ["kustomize-controller", "helm-controller"]);
        assert_eq!(strip(&item(), |_, operation| operation == "Patch"), None);
        let last = json!({"metadata": {"managedFields": [{"manager": "a", "operation": "Apply"}]}});
        assert_eq!(strip(&last, |_, _| true).unwrap().patch[1]["value"], json!([{}]));
    }

    #[test]
    fn versions_are_written_once() {
        assert_eq!(behind(&item(), "v2"), ["helm-controller"]);
        let patch = restamp(&item(), "v2").unwrap();
        let mut migrated = item();
        migrated["metadata"]["managedFields"] = patch[1]["value"].clone();
        assert_eq!(restamp(&migrated, "v2"), None);
        assert_eq!(restamp(&json!({"metadata": {}}), "v2"), None);
    }
}
