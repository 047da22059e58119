//! Drift: what applying an object would change.
//!
//! The API server says what an object would be after an apply, in a dry run. Where that differs
//! from what it is, the object has drifted.

use std::borrow::Cow;
use std::collections::BTreeSet;

use flux_operator_api::Object;
use serde_json::{Map, Value};

/// How many fields a drift names. The rest is only counted by being there.
pub const MAX_FIELDS: usize = 20;

/// The difference between an object as it is and as it would be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drift {
    fields: Vec<String>,
}

impl Drift {
    /// The fields that differ, as JSON pointers (RFC 6901), at most [`MAX_FIELDS`].
    ///
    /// Lists of different lengths are named as a whole. Never empty. No values: they may be secret.
    pub fn fields(&self) -> &[String] {
        &self.fields
    }
}

/// Compares an object of the cluster with what a dry run made of it.
///
/// Labels, annotations and everything outside of `metadata` and `status` count. What the API server
/// keeps book of does not: finalizers, owner references, managed fields, versions. Absent and empty
/// labels or annotations are equal. Metrics of a `HorizontalPodAutoscaler` are compared as a
/// set, because the API server reorders them.
pub fn compare(live: &Object, dry_run: &Object) -> Option<Drift> {
    let mut fields = Vec::new();
    for name in ["labels", "annotations"] {
        let (left, right) = (metadata(live, name), metadata(dry_run, name));
        differences(&left, &right, &format!("/metadata/{name}"), &mut fields);
    }
    let names: BTreeSet<&str> = live.fields().chain(dry_run.fields()).map(|(name, _)| name).collect();
    let is_autoscaler = live.kind() == "HorizontalPodAutoscaler";
    for name in names.into_iter().filter(|name| !matches!(*name, "metadata" | "status")) {
        match (live.get(name), dry_run.get(name)) {
            (Some(left), Some(right)) if is_autoscaler && name == "spec" => {
                differences(&with_metrics_as_set(left), &with_metrics_as_set(right), "/spec", &mut fields);
            }
            (Some(left), Some(right)) => differences(left, right, &pointer("", name), &mut fields),
            _ => note(pointer("", name), &mut fields),
        }
    }
    (!fields.is_empty()).then_some(Drift { fields })
}

fn metadata<'a>(object: &'a Object, name: &str) -> Cow<'a, Value> {
    let value = object.get("metadata").and_then(|metadata| metadata.get(name));
    match value {
        None | Some(Value::Null) => Cow::Owned(Value::Object(Map::new())),
        Some(value) => Cow::Borrowed(value),
    }
}

fn differences(left: &Value, right: &Value, path: &str, fields: &mut Vec<String>) {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            let names: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for name in names {
                match (left.get(name), right.get(name)) {
                    (Some(left), Some(right)) => differences(left, right, &pointer(path, name), fields),
                    _ => note(pointer(path, name), fields),
                }
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                differences(left, right, &format!("{path}/{index}"), fields);
            }
        }
        _ if left == right => {}
        _ => note(path.to_owned(), fields),
    }
}

fn note(path: String, fields: &mut Vec<String>) {
    if fields.len() < MAX_FIELDS {
        fields.push(path);
    }
}

/// The pointer of a field below another. Slashes and tildes of the name are escaped.
fn pointer(path: &str, name: &str) -> String {
    format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The spec of an autoscaler with each metric once, in a fixed order, and those without a type left
/// out.
fn with_metrics_as_set(spec: &Value) -> Value {
    let mut spec = spec.clone();
    if let Some(Value::Array(metrics)) = spec.get_mut("metrics") {
        metrics.retain(|metric| metric.get("type").and_then(Value::as_str).is_some_and(|kind| !kind.is_empty()));
        metrics.sort_by_cached_key(Value::to_string);
        metrics.dedup();
    }
    spec
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(live: Value, dry_run: Value, expected: &[&str]) {
        let object = |mut fields: Value| {
            let kind = fields.get("kind").cloned().unwrap_or_else(|| json!("ConfigMap"));
            fields["apiVersion"] = json!("v1");
            fields["kind"] = kind;
            fields["metadata"]["name"] = json!("a");
            Object::try_from(fields).unwrap()
        };
        let drift = compare(&object(live), &object(dry_run));
        let fields = drift.as_ref().map_or(&[][..], Drift::fields);
        assert_eq!(fields, expected);
    }

    #[test]
    fn fields_outside_of_metadata_and_status_count() {
        check(json!({"data": {"a": "1"}}), json!({"data": {"a": "1"}}), &[]);
        check(json!({"data": {"a": "1"}}), json!({"data": {"a": "2"}}), &["/data/a"]);
        check(json!({"data": {"a": "1"}}), json!({"data": {}}), &["/data/a"]);
        check(json!({}), json!({"data": {}}), &["/data"]);
        check(json!({"data": null}), json!({"data": {}}), &["/data"]);
        check(json!({"status": {"a": 1}}), json!({"status": {"a": 2}}), &[]);
        check(json!({"spec": {"a/b": {"~": 1}}}), json!({"spec": {"a/b": {"~": 2}}}), &["/spec/a~1b/~0"]);
    }

    #[test]
    fn lists_are_compared_in_order() {
        let list = |items: Value| json!({"spec": {"list": items}});
        check(list(json!([1, 2])), list(json!([1, 2])), &[]);
        check(list(json!([1, 2])), list(json!([2, 1])), &["/spec/list/0", "/spec/list/1"]);
        check(list(json!([1])), list(json!([1, 2])), &["/spec/list"]);
        check(list(json!([{"a": 1}])), list(json!([{"a": 2}])), &["/spec/list/0/a"]);
    }

    #[test]
    fn of_metadata_only_labels_and_annotations_count() {
        let metadata = |key: &str, value: Value| json!({"metadata": {key: value}});
        for key in ["finalizers", "ownerReferences", "managedFields", "resourceVersion", "generation"] {
            check(metadata(key, json!(["a"])), metadata(key, json!(["b"])), &[]);
        }
        for key in ["labels", "annotations"] {
            check(metadata(key, json!({})), json!({"metadata": {}}), &[]);
            check(metadata(key, json!(null)), metadata(key, json!({})), &[]);
            let path = format!("/metadata/{key}/k");
            check(metadata(key, json!({"k": "1"})), metadata(key, json!({"k": "2"})), &[&path]);
            check(json!({"metadata": {}}), metadata(key, json!({"k": "2"})), &[&path]);
        }
    }

    #[test]
    fn metrics_of_an_autoscaler_are_a_set() {
        let scaler = |kind: &str, metrics: Value| json!({"kind": kind, "spec": {"metrics": metrics}});
        let (left, right) =
            (json!([{"type": "B"}, {"type": "A"}, {"x": 1}]), json!([{"type": "A"}, {"type": "B"}, {"type": "B"}]));
        check(scaler("HorizontalPodAutoscaler", left.clone()), scaler("HorizontalPodAutoscaler", right.clone()), &[]);
        let fewer = json!([{"type": "A"}]);
        check(
            scaler("HorizontalPodAutoscaler", left.clone()),
            scaler("HorizontalPodAutoscaler", fewer),
            &["/spec/metrics"],
        );
        check(
            scaler("Other", left),
            scaler("Other", right),
            &["/spec/metrics/0/type", "/spec/metrics/1/type", "/spec/metrics/2/type", "/spec/metrics/2/x"],
        );
    }

    #[test]
    fn a_drift_names_a_bounded_number_of_fields() {
        let many = |value: u8| json!({"data": (0..100).map(|key| (key.to_string(), value)).collect::<std::collections::BTreeMap<_, _>>()});
        let drift = compare(
            &Object::try_from(with_identity(many(1))).unwrap(),
            &Object::try_from(with_identity(many(2))).unwrap(),
        );
        assert_eq!(drift.unwrap().fields().len(), MAX_FIELDS);
    }

    fn with_identity(mut fields: Value) -> Value {
        fields["apiVersion"] = json!("v1");
        fields["kind"] = json!("ConfigMap");
        fields["metadata"] = json!({"name": "a"});
        fields
    }
}
