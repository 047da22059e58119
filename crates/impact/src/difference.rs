//! What is different between two states of an object, field by field.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use flux_operator_api::Object;
use flux_operator_inventory::mask;
use serde::Serialize;
use serde_json::{Map, Value};

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Where: `spec.template.spec.containers[manager].image`. Items of lists are told by their name,
    /// where all have one, and else by their number. Keys with dots are quoted: `["app.kubernetes.io/name"]`.
    pub path: String,
    /// The value as it is; absent where it is new. Of texts in a list, one text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The value as it would be; absent where it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// What tells the items of a list apart, best first.
const KEYS: [&str; 3] = ["name", "type", "containerPort"];

/// The fields that differ between two states of an object, in the order of their paths.
///
/// What counts is what [drift](flux_operator_inventory::plan::drift) counts: of `metadata` only
/// labels and annotations, nothing of `status`. Values of a Secret are masked.
///
/// Lists of texts, such as arguments, are compared as sets, each text for itself; where only their
/// order differs, as a whole.
pub fn differences(before: &Object, after: &Object) -> Vec<Difference> {
    let (before, after) = mask::pair(before, after);
    let mut found = Vec::new();
    let empty = Value::Object(Map::new());
    for section in ["labels", "annotations"] {
        let of = |object: &Object| object.get("metadata").and_then(|metadata| metadata.get(section)).cloned();
        let (before, after) =
            (of(&before).unwrap_or_else(|| empty.clone()), of(&after).unwrap_or_else(|| empty.clone()));
        compare(&before, &after, &format!("metadata.{section}"), &mut found);
    }
    let names: BTreeSet<&str> = before.fields().chain(after.fields()).map(|(name, _)| name).collect();
    for name in names.into_iter().filter(|name| !matches!(*name, "metadata" | "status")) {
        field(before.get(name), after.get(name), name.to_owned(), &mut found);
    }
    found
}

fn field(before: Option<&Value>, after: Option<&Value>, path: String, found: &mut Vec<Difference>) {
    match (before, after) {
        (Some(before), Some(after)) => compare(before, after, &path, found),
        (before, after) => found.push(Difference { path, before: before.cloned(), after: after.cloned() }),
    }
}

fn compare(before: &Value, after: &Value, path: &str, found: &mut Vec<Difference>) {
    if before == after {
        return;
    }
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for name in names {
                field(before.get(name), after.get(name), below(path, name), found);
            }
        }
        (Value::Array(before), Value::Array(after)) => lists(before, after, path, found),
        _ => found.push(whole(before, after, path)),
    }
}

fn lists(before: &[Value], after: &[Value], path: &str, found: &mut Vec<Difference>) {
    if let Some(key) = KEYS.into_iter().find(|key| tells_apart(before, key) && tells_apart(after, key)) {
        let name = |item: &Value| item.get(key).map(written).unwrap_or_default();
        let item = |items: &'_ [Value], wanted: &str| items.iter().find(|item| name(item) == wanted).cloned();
        let names = before.iter().chain(after.iter().filter(|new| item(before, &name(new)).is_none())).map(name);
        for name in names {
            field(item(before, &name).as_ref(), item(after, &name).as_ref(), format!("{path}[{name}]"), found);
        }
    } else if before.iter().chain(after).all(Value::is_string) {
        let known = found.len();
        let missing = |from: &[Value], item: &Value| !from.contains(item);
        let gone = before.iter().filter(|item| missing(after, item));
        found.extend(gone.map(|item| Difference { path: path.to_owned(), before: Some(item.clone()), after: None }));
        let new = after.iter().filter(|item| missing(before, item));
        found.extend(new.map(|item| Difference { path: path.to_owned(), before: None, after: Some(item.clone()) }));
        if found.len() == known {
            found.push(whole(&before.into(), &after.into(), path));
        }
    } else {
        for index in 0..before.len().max(after.len()) {
            field(before.get(index), after.get(index), format!("{path}[{index}]"), found);
        }
    }
}

fn whole(before: &Value, after: &Value, path: &str) -> Difference {
    Difference { path: path.to_owned(), before: Some(before.clone()), after: Some(after.clone()) }
}

/// Whether every item has another value under the key.
fn tells_apart(items: &[Value], key: &str) -> bool {
    let mut seen = BTreeSet::new();
    items.iter().all(|item| item.get(key).is_some_and(|value| !value.is_object() && seen.insert(written(value))))
}

fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The path of a field below another.
pub(crate) fn below(path: &str, name: &str) -> String {
    let mut below = path.to_owned();
    if name.is_empty() || name.contains(['.', '/', '[', ' ']) {
        // Writing to a text cannot fail.
        let _ = write!(below, "[\"{name}\"]");
    } else {
        if !below.is_empty() {
            below.push('.');
        }
        below.push_str(name);
    }
    below
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(before: Value, after: Value, expected: &[(&str, Value, Value)]) {
        let object = |fields: Value| {
            let mut object = json!({"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "a"}});
            for (name, value) in fields.as_object().unwrap() {
                object[name] = value.clone();
            }
            Object::try_from(object).unwrap()
        };
        let found: Vec<_> = differences(&object(before), &object(after))
            .into_iter()
            .map(|found| (found.path, found.before.unwrap_or_default(), found.after.unwrap_or_default()))
            .collect();
        let expected: Vec<_> =
            expected.iter().map(|(path, before, after)| ((*path).to_owned(), before.clone(), after.clone())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_field_is_named_as_people_name_it() {
        check(json!({"spec": {"a": 1}}), json!({"spec": {"a": 1}, "status": {"b": 1}}), &[]);
        check(
            json!({"spec": {"a": 1}}),
            json!({"spec": {"a": 2, "b": 3}}),
            &[("spec.a", json!(1), json!(2)), ("spec.b", json!(null), json!(3))],
        );
        check(
            json!({"spec": {"containers": [{"name": "manager", "image": "a:1"}, {"name": "old"}]}}),
            json!({"spec": {"containers": [{"name": "new"}, {"name": "manager", "image": "a:2"}]}}),
            &[
                ("spec.containers[manager].image", json!("a:1"), json!("a:2")),
                ("spec.containers[old]", json!({"name": "old"}), json!(null)),
                ("spec.containers[new]", json!(null), json!({"name": "new"})),
            ],
        );
        check(
            json!({"spec": {"args": ["--a", "--b"]}}),
            json!({"spec": {"args": ["--b", "--c"]}}),
            &[("spec.args", json!("--a"), json!(null)), ("spec.args", json!(null), json!("--c"))],
        );
        let (one, other) = (json!(["--a", "--b"]), json!(["--b", "--a"]));
        check(json!({"spec": {"args": one}}), json!({"spec": {"args": other}}), &[("spec.args", one, other)]);
        check(
            json!({"rules": [{"verbs": ["get"]}]}),
            json!({"rules": [{"verbs": ["get"]}, {"verbs": ["list"]}]}),
            &[("rules[1]", json!(null), json!({"verbs": ["list"]}))],
        );
    }

    #[test]
    fn keys_with_dots_are_quoted_and_other_metadata_does_not_count() {
        let metadata = |value: &str| {
            let labels = json!({"app.kubernetes.io/version": value});
            json!({"metadata": {"name": "a", "labels": labels, "resourceVersion": value, "managedFields": []}})
        };
        check(
            metadata("1"),
            metadata("2"),
            &[("metadata.labels[\"app.kubernetes.io/version\"]", json!("1"), json!("2"))],
        );
    }

    #[test]
    fn values_of_a_secret_are_masked() {
        let secret = |value: &str| {
            let metadata = json!({"name": "a"});
            Object::try_from(json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"k": value}}))
                .unwrap()
        };
        let found = differences(&secret("Y2FuYXJ5"), &secret("YmlyZA=="));
        let text = serde_json::to_string(&found).unwrap();
        assert!(found.len() == 1 && !text.contains("Y2Fu") && !text.contains("Ymly"), "{text}");
    }
}
