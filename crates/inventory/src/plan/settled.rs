//! Whether applying an object would change nothing, told without asking.
//!
//! Server-side apply sets the fields of the applied object and removes those that the manager owned
//! and no longer wants. So it changes nothing where the fields that our manager owns are exactly the
//! desired ones, and each has the desired value. The owned fields are written in the object itself:
//! <https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management>.
//!
//! What cannot be told here, because the API server stores a value in another form than it was
//! applied in, is asked for in a dry run.

use flux_operator_api::{FIELD_MANAGER, Object};
use serde_json::{Map, Value};

/// What identifies an object is nobody's field.
const IDENTITY: [&str; 2] = ["apiVersion", "kind"];
const METADATA_IDENTITY: [&str; 2] = ["name", "namespace"];

/// Whether `live` is what applying `desired` would make of it.
///
/// # Guarantees
/// True only where a dry run of the apply would differ from `live` in nothing. The reverse does not
/// hold: false means that it has to be asked.
pub fn is_settled(desired: &Object, live: &Object) -> bool {
    let Some(owned) = owned_fields(desired, live) else {
        return false;
    };
    let mut names: Vec<&str> = desired.fields().map(|(name, _)| name).filter(|name| !IDENTITY.contains(name)).collect();
    // Metadata that only identifies is not owned.
    let is_bare = |metadata: &Map<String, Value>| metadata.keys().all(|key| METADATA_IDENTITY.contains(&key.as_str()));
    if desired.get("metadata").and_then(Value::as_object).is_some_and(is_bare) {
        names.retain(|name| *name != "metadata");
    }
    has_exactly(owned, &names)
        && names.iter().all(|name| {
            let below = owned.get(&format!("f:{name}")).unwrap_or(&Value::Null);
            match (desired.get(name), live.get(name)) {
                (Some(Value::Object(desired)), Some(Value::Object(live))) if *name == "metadata" => {
                    let without_identity = |key: &&String| !METADATA_IDENTITY.contains(&key.as_str());
                    let keys: Vec<&str> = desired.keys().filter(without_identity).map(String::as_str).collect();
                    fields_hold(below, desired, live, &keys)
                }
                (Some(desired), Some(live)) => holds(below, desired, live),
                _ => false,
            }
        })
}

/// The fields that our applies own, where they were applied in the version that is desired.
fn owned_fields<'o>(desired: &Object, live: &'o Object) -> Option<&'o Map<String, Value>> {
    let text = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let entries = live.pointer("/metadata/managedFields")?.as_array()?;
    let ours = entries.iter().find(|entry| {
        text(entry, "manager") == FIELD_MANAGER
            && text(entry, "operation") == "Apply"
            && text(entry, "subresource").is_empty()
            && text(entry, "apiVersion") == desired.api_version()
    })?;
    ours.get("fieldsV1")?.as_object()
}

/// Whether what is owned at a place is what is desired there, and has its value.
fn holds(owned: &Value, desired: &Value, live: &Value) -> bool {
    let Some(owned_below) = owned.as_object().filter(|below| below.keys().any(|key| key != ".")) else {
        // Owned as a whole.
        return desired == live;
    };
    match (desired, live) {
        (Value::Object(fields), Value::Object(live)) => {
            let keys: Vec<&str> = fields.keys().map(String::as_str).collect();
            fields_hold(owned, fields, live, &keys)
        }
        (Value::Array(items), Value::Array(live)) => items_hold(owned_below, items, live),
        _ => false,
    }
}

fn fields_hold(owned: &Value, desired: &Map<String, Value>, live: &Map<String, Value>, keys: &[&str]) -> bool {
    let Some(owned) = owned.as_object() else {
        return false;
    };
    has_exactly(owned, keys)
        && keys.iter().all(|key| match (owned.get(&format!("f:{key}")), desired.get(*key), live.get(*key)) {
            (Some(owned), Some(desired), Some(live)) => holds(owned, desired, live),
            _ => false,
        })
}

/// Whether exactly these fields are owned.
fn has_exactly(owned: &Map<String, Value>, keys: &[&str]) -> bool {
    let owned: Vec<&str> = owned.keys().map(String::as_str).filter(|key| *key != ".").collect();
    owned.len() == keys.len() && keys.iter().all(|key| owned.iter().any(|field| field.strip_prefix("f:") == Some(*key)))
}

/// Whether exactly the desired elements of a list are owned, have their values, and stand in the
/// desired order. Elements are told apart by keys, `k:{"name":"manager"}`, or by value, `v:"x"`.
fn items_hold(owned: &Map<String, Value>, desired: &[Value], live: &[Value]) -> bool {
    let selectors: Vec<(&String, &Value)> = owned.iter().filter(|(key, _)| *key != ".").collect();
    let mut last = None;
    selectors.len() == desired.len()
        && desired.iter().all(|item| {
            let Some((selector, below)) = selectors.iter().find(|(selector, _)| selects(selector, item)) else {
                return false;
            };
            let Some(position) = live.iter().position(|item| selects(selector, item)) else {
                return false;
            };
            let is_in_order = last.is_none_or(|last| last < position);
            last = Some(position);
            is_in_order && live.get(position).is_some_and(|live| holds(below, item, live))
        })
}

fn selects(selector: &str, item: &Value) -> bool {
    if let Some(keys) = selector.strip_prefix("k:") {
        let Ok(Value::Object(keys)) = serde_json::from_str(keys) else {
            return false;
        };
        return keys.iter().all(|(key, value)| item.get(key) == Some(value));
    }
    let value = selector.strip_prefix("v:").map(serde_json::from_str::<Value>);
    value.is_some_and(|value| value.is_ok_and(|value| value == *item))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn desired() -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "a", "namespace": "apps", "labels": {"l": "1"}},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": {"app": "a"}},
                "containers": [
                    {"name": "one", "args": ["--x"], "ports": [{"containerPort": 80, "protocol": "TCP"}]},
                    {"name": "two"},
                ],
                "finalizers": ["b"],
            },
        })
    }

    fn owned() -> Value {
        json!({
            "f:metadata": {"f:labels": {"f:l": {}}},
            "f:spec": {
                "f:replicas": {},
                "f:selector": {},
                "f:containers": {
                    "k:{\"name\":\"one\"}": {
                        ".": {}, "f:name": {}, "f:args": {},
                        "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}, "f:protocol": {}}},
                    },
                    "k:{\"name\":\"two\"}": {".": {}, "f:name": {}},
                },
                "f:finalizers": {"v:\"b\"": {}},
            },
        })
    }

    fn live() -> Value {
        let mut live = desired();
        live["metadata"]["uid"] = json!("u");
        live["metadata"]["labels"]["theirs"] = json!("1");
        live["spec"]["paused"] = json!(false);
        live["spec"]["containers"][0]["image"] = json!("defaulted");
        live["spec"]["containers"].as_array_mut().unwrap().insert(1, json!({"name": "sidecar"}));
        live["spec"]["finalizers"] = json!(["a", "b"]);
        live["status"] = json!({"replicas": 1});
        live["metadata"]["managedFields"] = json!([
            {"manager": "other", "operation": "Update", "apiVersion": "apps/v1", "fieldsV1": {"f:status": {}}},
            {"manager": FIELD_MANAGER, "operation": "Apply", "apiVersion": "apps/v1", "fieldsV1": owned()},
        ]);
        live
    }

    #[track_caller]
    fn check(desired: Value, live: Value, expected: bool) {
        assert_eq!(is_settled(&Object::try_from(desired).unwrap(), &Object::try_from(live).unwrap()), expected);
    }

    /// A change of the object that is there, or of the one that is desired, unsettles it.
    #[track_caller]
    fn unsettled(change: impl Fn(&mut Value)) {
        let mut changed = live();
        change(&mut changed);
        check(desired(), changed, false);
        let mut changed = desired();
        change(&mut changed);
        check(changed, live(), false);
    }

    #[test]
    fn what_others_add_does_not_matter() {
        check(desired(), live(), true);
    }

    #[test]
    fn every_desired_value_counts() {
        unsettled(|object| object["spec"]["replicas"] = json!(2));
        unsettled(|object| object["metadata"]["labels"]["l"] = json!("2"));
        unsettled(|object| object["spec"]["selector"]["matchLabels"]["app"] = json!("b"));
        unsettled(|object| object["spec"]["containers"][0]["args"] = json!(["--y"]));
        unsettled(|object| object["spec"]["containers"][0]["name"] = json!("other"));
        unsettled(|object| object["spec"]["finalizers"] = json!(["c"]));
        unsettled(|object| drop(object["spec"].as_object_mut().unwrap().remove("replicas")));
        unsettled(|object| object["spec"]["containers"].as_array_mut().unwrap().reverse());
        unsettled(|object| object["spec"] = json!([]));
    }

    #[test]
    fn a_field_more_or_less_counts() {
        for change in [
            (|object: &mut Value| object["spec"]["paused"] = json!(false)) as fn(&mut Value),
            |object| object["metadata"]["annotations"] = json!({"a": "1"}),
            |object| object["spec"]["containers"][1]["image"] = json!("x"),
            |object| object["spec"]["containers"].as_array_mut().unwrap().truncate(1),
            |object| object["data"] = json!({}),
            |object| drop(object["metadata"].as_object_mut().unwrap().remove("labels")),
        ] {
            let mut more = desired();
            change(&mut more);
            check(more, live(), false);
        }
    }

    #[test]
    fn only_our_own_applies_in_the_same_version_count() {
        for (key, value) in
            [("manager", "x"), ("operation", "Update"), ("apiVersion", "apps/v2"), ("subresource", "scale")]
        {
            let mut other = live();
            other["metadata"]["managedFields"][1][key] = json!(value);
            check(desired(), other, false);
        }
        let mut none = live();
        none["metadata"]["managedFields"] = json!(null);
        check(desired(), none, false);
    }

    proptest::proptest! {
        #[test]
        fn no_field_set_makes_it_panic(fields in "[fkvi.:{}\"a-z0-9,]{0,40}", value in "[a-z0-9\\[\\]{}:\",]{0,20}") {
            let mut odd = live();
            odd["metadata"]["managedFields"][1]["fieldsV1"] = json!({fields: serde_json::from_str::<Value>(&value).unwrap_or_default()});
            check(desired(), odd, false);
        }
    }
}
