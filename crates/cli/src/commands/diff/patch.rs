//! From one document to another, as a JSON patch (RFC 6902).
//!
//! Fields in the order of their bytes, lists by position. Where the operations inside of a map or a
//! list are longer than its replacement, it is replaced.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::render;

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Operation {
    op: &'static str,
    path: String,
    value: Option<Value>,
}

impl Operation {
    fn new(op: &'static str, path: &str, value: Option<&Value>) -> Self {
        Self { op, path: path.to_owned(), value: value.cloned() }
    }

    /// The one that leaves nothing.
    pub(crate) fn removal() -> Self {
        Self::new("remove", "", None)
    }

    /// The operation as data.
    pub(crate) fn value(&self) -> Value {
        let mut fields = Map::new();
        fields.insert("op".to_owned(), self.op.into());
        fields.insert("path".to_owned(), self.path.as_str().into());
        if let Some(value) = &self.value {
            fields.insert("value".to_owned(), value.clone());
        }
        fields.into()
    }

    /// What it counts for when patches are compared: the text of its fixed parts, its path, and of
    /// a replacement the value.
    fn length(&self) -> usize {
        let value = match (self.op, &self.value) {
            ("replace", Some(value)) => 9 + compact(value),
            ("add", _) => 9,
            _ => 0,
        };
        19 + self.op.len() + self.path.len() + value
    }
}

/// How long a value is as JSON on one line, with its escapes.
fn compact(value: &Value) -> usize {
    render::json_line(value).len()
}

/// The operations that turn `source` into `target`; none where they are equal.
pub(crate) fn between(source: &Value, target: &Value) -> Vec<Operation> {
    if source != target && kind(source) != kind(target) {
        return vec![Operation::new("add", "", Some(target))];
    }
    let mut operations = Vec::new();
    compare(source, target, "", &mut operations);
    operations
}

fn compare(source: &Value, target: &Value, path: &str, operations: &mut Vec<Operation>) {
    let from = operations.len();
    match (source, target) {
        (Value::Object(source), Value::Object(target)) => fields(source, target, path, operations),
        (Value::Array(source), Value::Array(target)) => items(source, target, path, operations),
        _ if source == target => return,
        _ => return operations.push(Operation::new("replace", path, Some(target))),
    }
    let inside = operations.get(from..).unwrap_or_default();
    if inside.is_empty() {
        return;
    }
    let length = inside.iter().map(Operation::length).sum::<usize>() + inside.len() - 1;
    let whole = Operation::new("replace", path, Some(target));
    if length > whole.length() {
        operations.truncate(from);
        operations.push(whole);
    }
}

fn fields(source: &Map<String, Value>, target: &Map<String, Value>, path: &str, operations: &mut Vec<Operation>) {
    let names: BTreeSet<&String> = source.keys().chain(target.keys()).collect();
    for name in names {
        let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
        match (source.get(name), target.get(name)) {
            (Some(source), Some(target)) => compare(source, target, &path, operations),
            (Some(_), None) => operations.push(Operation::new("remove", &path, None)),
            (None, target) => operations.push(Operation::new("add", &path, target)),
        }
    }
}

fn items(source: &[Value], target: &[Value], path: &str, operations: &mut Vec<Operation>) {
    for _ in target.len()..source.len() {
        operations.push(Operation::new("remove", &format!("{path}/{}", target.len()), None));
    }
    for (index, (source, target)) in source.iter().zip(target).enumerate() {
        compare(source, target, &format!("{path}/{index}"), operations);
    }
    for added in target.iter().skip(source.len()) {
        operations.push(Operation::new("add", &format!("{path}/-"), Some(added)));
    }
}

fn kind(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    }
}

/// The operations as JSON, with the value before the rest, as other tools write it.
pub(crate) fn json(operations: &[Operation]) -> String {
    let item = |operation: &Operation| {
        let text = |value: &Value| render::json_text(value).replace('\n', "\n    ");
        let value = operation.value.as_ref().map(|value| format!("    \"value\": {},\n", text(value)));
        let (op, path) = (json!(operation.op), json!(operation.path));
        format!("  {{\n{}    \"op\": {op},\n    \"path\": {}\n  }}", value.unwrap_or_default(), text(&path))
    };
    format!("[\n{}\n]\n", operations.iter().map(item).collect::<Vec<_>>().join(",\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &Value, target: &Value, expected: &Value) {
        let operations: Vec<Value> = between(source, target).iter().map(Operation::value).collect();
        assert_eq!(&Value::Array(operations), expected);
    }

    #[test]
    fn fields_and_items_are_compared_one_by_one() {
        let long = "a text that is long enough to be worth a patch of its own, and not a replacement of all";
        check(&json!({"a": 1}), &json!({"a": 1}), &json!([]));
        check(
            &json!({"a/b~": 1, "keep": long}),
            &json!({"a/b~": 2, "keep": long}),
            &json!([{"op": "replace", "path": "/a~1b~0", "value": 2}]),
        );
        check(
            &json!({"gone": 1, "keep": long}),
            &json!({"keep": long, "new": null}),
            &json!([{"op": "remove", "path": "/gone"}, {"op": "add", "path": "/new", "value": null}]),
        );
        check(
            &json!({"l": [1, 2, 3], "keep": [long, long]}),
            &json!({"l": [1], "keep": [long, long]}),
            &json!([{"op": "replace", "path": "/l", "value": [1]}]),
        );
        check(
            &json!([long, long, long]),
            &json!([long, long, long, 4]),
            &json!([{"op": "add", "path": "/-", "value": 4}]),
        );
        check(&json!([]), &json!({}), &json!([{"op": "add", "path": "", "value": {}}]));
    }

    #[test]
    fn what_is_shorter_is_taken() {
        check(
            &json!({"a": {"b": 1, "c": 2}}),
            &json!({"a": {"b": 2, "c": 3}}),
            &json!([{"op": "replace", "path": "/a", "value": {"b": 2, "c": 3}}]),
        );
    }

    #[test]
    fn a_patch_leads_from_one_to_the_other() {
        let (source, target) =
            (json!({"spec": {"a": [1, {"b": 2}], "t": "x"}}), json!({"spec": {"a": [1], "t": "y", "n": {}}}));
        let operations = between(&source, &target);
        let json = json(&operations);
        assert_eq!(
            serde_json::from_str::<Value>(&json).unwrap(),
            Value::Array(operations.iter().map(Operation::value).collect())
        );
        assert!(json.starts_with("[\n  {\n    \"value\": "), "{json}");
    }
}
