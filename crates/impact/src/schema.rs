//! What is different between two schemas of a custom resource, for those who have some.
//!
//! Structural schemas of Kubernetes (`openAPIV3Schema`) are compared keyword by keyword. What only
//! widens what is accepted is told as well, and harmless.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

use crate::difference::below;

/// One difference between two schemas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaChange {
    /// The field: `spec.sourceRef.kind`. `[]` stands for the items of a list, `*` for all keys of a map.
    pub path: String,
    /// What about it.
    pub kind: SchemaChangeKind,
}

/// What a difference is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaChangeKind {
    /// There is a field more.
    FieldAdded,
    /// A field is gone: what is stored in it is dropped.
    FieldRemoved,
    /// A field has to be given that did not have to, and has no default.
    Required,
    /// Values that were accepted no longer are.
    EnumNarrowed(Vec<String>),
    /// The type is another one.
    TypeChanged {
        /// The type before.
        from: String,
        /// The type after.
        to: String,
    },
    /// A limit is narrower, or there was none: the keyword and its new value.
    Limited(String, String),
    /// A rule in CEL that was not there: what it tells people.
    Rule(String),
}

/// Top-level fields that are not for users to write.
const NOT_WRITTEN: [&str; 4] = ["apiVersion", "kind", "metadata", "status"];

/// Keywords by which a number, a length or a count is limited from above, and from below.
const UPPER: [&str; 4] = ["maximum", "maxLength", "maxItems", "maxProperties"];
const LOWER: [&str; 4] = ["minimum", "minLength", "minItems", "minProperties"];

impl SchemaChangeKind {
    /// Whether something that was accepted may be refused or dropped.
    pub fn is_narrowing(&self) -> bool {
        !matches!(self, Self::FieldAdded)
    }
}

impl fmt::Display for SchemaChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.kind {
            SchemaChangeKind::FieldAdded => write!(f, "field `{path}` is new"),
            SchemaChangeKind::FieldRemoved => write!(f, "field `{path}` is gone"),
            SchemaChangeKind::Required => write!(f, "field `{path}` is required"),
            SchemaChangeKind::EnumNarrowed(gone) => {
                write!(f, "field `{path}` no longer accepts `{}`", gone.join("`, `"))
            }
            SchemaChangeKind::TypeChanged { from, to } => write!(f, "field `{path}` is of type {to}, was {from}"),
            SchemaChangeKind::Limited(keyword, limit) => write!(f, "field `{path}` is limited: {keyword} {limit}"),
            SchemaChangeKind::Rule(message) => write!(f, "new rule for `{path}`: {message}"),
        }
    }
}

/// Compares two schemas of the same version, from the root of the object.
pub fn compare(before: &Value, after: &Value) -> Vec<SchemaChange> {
    let mut found = Vec::new();
    properties(before, after, "", &mut found);
    found
}

fn node(before: &Value, after: &Value, path: &str, found: &mut Vec<SchemaChange>) {
    let mut note = |kind| found.push(SchemaChange { path: path.to_owned(), kind });
    let (from, to) = (r#type(before), r#type(after));
    if from != to {
        note(SchemaChangeKind::TypeChanged { from, to });
        return;
    }
    if let Some(accepted) = after.get("enum").and_then(Value::as_array) {
        match before.get("enum").and_then(Value::as_array) {
            None => note(SchemaChangeKind::Limited("one of".to_owned(), texts(accepted).join(", "))),
            Some(earlier) => {
                let gone: Vec<Value> = earlier.iter().filter(|value| !accepted.contains(value)).cloned().collect();
                if !gone.is_empty() {
                    note(SchemaChangeKind::EnumNarrowed(texts(&gone)));
                }
            }
        }
    }
    let limit = |schema: &Value, keyword: &str| schema.get(keyword).cloned();
    for (keywords, narrower) in [(UPPER, is_less as fn(&Value, &Value) -> bool), (LOWER, |a, b| is_less(b, a))] {
        for keyword in keywords {
            if let Some(new) = limit(after, keyword)
                && limit(before, keyword).is_none_or(|old| narrower(&new, &old))
            {
                note(SchemaChangeKind::Limited(keyword.to_owned(), new.to_string()));
            }
        }
    }
    if let Some(new) = limit(after, "pattern")
        && limit(before, "pattern").as_ref() != Some(&new)
    {
        note(SchemaChangeKind::Limited("pattern".to_owned(), new.as_str().unwrap_or_default().to_owned()));
    }
    if before.get("nullable") == Some(&Value::Bool(true)) && after.get("nullable") != Some(&Value::Bool(true)) {
        note(SchemaChangeKind::Limited("nullable".to_owned(), "false".to_owned()));
    }
    for (rule, message) in rules(after) {
        if !rules(before).iter().any(|(known, _)| *known == rule) {
            note(SchemaChangeKind::Rule(message));
        }
    }
    properties(before, after, path, found);
    let pairs = [("items", format!("{path}[]")), ("additionalProperties", below(path, "*"))];
    for (keyword, path) in pairs {
        if let (Some(before), Some(after)) = (before.get(keyword), after.get(keyword)) {
            node(before, after, &path, found);
        }
    }
}

fn properties(before: &Value, after: &Value, path: &str, found: &mut Vec<SchemaChange>) {
    let none = Map::new();
    let of = |schema: &'_ Value| schema.get("properties").and_then(Value::as_object).cloned();
    let (old, new) = (of(before).unwrap_or_else(|| none.clone()), of(after).unwrap_or(none));
    let is_open = is_open(after);
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names.into_iter().filter(|name| !(path.is_empty() && NOT_WRITTEN.contains(&name.as_str()))) {
        let path = below(path, name);
        match (old.get(name), new.get(name)) {
            (Some(before), Some(after)) => node(before, after, &path, found),
            (Some(_), None) if !is_open => found.push(SchemaChange { path, kind: SchemaChangeKind::FieldRemoved }),
            (None, Some(_)) => found.push(SchemaChange { path, kind: SchemaChangeKind::FieldAdded }),
            _ => {}
        }
    }
    let earlier = required(before);
    for name in required(after).into_iter().filter(|name| !earlier.contains(name)) {
        let has_default = new.get(&name).is_some_and(|schema| schema.get("default").is_some());
        let is_ours = !path.is_empty() || !NOT_WRITTEN.contains(&name.as_str());
        if is_ours && !has_default {
            found.push(SchemaChange { path: below(path, &name), kind: SchemaChangeKind::Required });
        }
    }
}

/// Whether fields are kept that the schema does not name.
pub(crate) fn is_open(schema: &Value) -> bool {
    let keeps = schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
    keeps || schema.get("additionalProperties").is_some_and(|more| *more != Value::Bool(false))
}

fn r#type(schema: &Value) -> String {
    if schema.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
        return "integer or string".to_owned();
    }
    schema.get("type").and_then(Value::as_str).unwrap_or("anything").to_owned()
}

fn required(schema: &Value) -> Vec<String> {
    schema.get("required").and_then(Value::as_array).map(|names| texts(names)).unwrap_or_default()
}

/// The rules in CEL, each with what it tells people.
pub(crate) fn rules(schema: &Value) -> Vec<(String, String)> {
    let rules = schema.get("x-kubernetes-validations").and_then(Value::as_array).into_iter().flatten();
    let text = |rule: &Value, field: &str| rule.get(field).and_then(Value::as_str).map(str::to_owned);
    rules
        .filter_map(|rule| {
            let expression = text(rule, "rule")?;
            let message = text(rule, "message").unwrap_or_else(|| format!("`{expression}`"));
            Some((expression, message))
        })
        .collect()
}

fn is_less(left: &Value, right: &Value) -> bool {
    left.as_f64().zip(right.as_f64()).is_some_and(|(left, right)| left < right)
}

fn texts(values: &[Value]) -> Vec<String> {
    values.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The changes between two schemas of `spec`.
    #[track_caller]
    fn check(before: Value, after: Value, expected: &[&str]) {
        let root = |spec: Value| json!({"type": "object", "properties": {"spec": spec, "status": {}, "kind": {}}});
        let found = compare(&root(before), &root(after));
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
    }

    fn of(name: &str, schema: Value) -> Value {
        let mut properties = Map::new();
        properties.insert(name.to_owned(), schema);
        json!({"type": "object", "properties": properties})
    }

    #[test]
    fn what_narrows_is_found_and_what_widens_is_not() {
        let text = json!({"type": "string"});
        check(of("a", text.clone()), of("b", text.clone()), &["field `spec.a` is gone", "field `spec.b` is new"]);
        check(
            json!({"properties": {"a": {}}}),
            json!({"properties": {}, "x-kubernetes-preserve-unknown-fields": true}),
            &[],
        );
        let either = json!({"type": "string", "enum": ["x", "y"]});
        let one = json!({"type": "string", "enum": ["y"]});
        check(of("a", either.clone()), of("a", one.clone()), &["field `spec.a` no longer accepts `x`"]);
        check(of("a", one.clone()), of("a", either), &[]);
        check(of("a", text.clone()), of("a", one), &["field `spec.a` is limited: one of y"]);
        check(
            of("a", text.clone()),
            of("a", json!({"type": "integer"})),
            &["field `spec.a` is of type integer, was string"],
        );
        check(
            of("a", json!({"maxLength": 5})),
            of("a", json!({"maxLength": 3, "minLength": 1})),
            &["field `spec.a` is limited: maxLength 3", "field `spec.a` is limited: minLength 1"],
        );
        check(of("a", json!({"maxLength": 3, "minLength": 1})), of("a", json!({"maxLength": 5})), &[]);
        let ruled =
            json!({"type": "string", "x-kubernetes-validations": [{"rule": "self != ''", "message": "say it"}]});
        check(of("a", text), of("a", ruled.clone()), &["new rule for `spec.a`: say it"]);
        check(of("a", ruled.clone()), of("a", ruled), &[]);
    }

    #[test]
    fn a_required_field_with_a_default_asks_nobody() {
        let with = |required: Value, default: Value| {
            let mut schema = of("a", json!({"type": "string"}));
            schema["required"] = required;
            if !default.is_null() {
                schema["properties"]["a"]["default"] = default;
            }
            schema
        };
        let none = with(json!([]), Value::Null);
        check(none.clone(), with(json!(["a"]), Value::Null), &["field `spec.a` is required"]);
        check(none, with(json!(["a"]), json!("x")), &[]);
    }

    #[test]
    fn items_and_values_are_looked_into() {
        let list = |schema: Value| of("a", json!({"type": "array", "items": of("b", schema)}));
        check(
            list(json!({"type": "string"})),
            list(json!({"type": "integer"})),
            &["field `spec.a[].b` is of type integer, was string"],
        );
        let map = |schema: Value| of("a", json!({"type": "object", "additionalProperties": schema}));
        check(map(json!({"maximum": 2})), map(json!({"maximum": 1})), &["field `spec.a.*` is limited: maximum 1"]);
    }
}
