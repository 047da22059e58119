//! YAML values by the types of a structural schema.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::violation::Checker;
use crate::yaml::{Dialect, Node, NodeKind};

/// How alike two words have to be for one to be suggested for the other.
const SIMILAR: f64 = 0.8;

/// The fields of `metadata`. Those that the API server writes are in files that come from a cluster.
const KNOWN_METADATA: &[&str] = &[
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// The value as the schema wants it, `None` for null. What does not fit is noted, and left out or
/// replaced by something harmless, so that the rest can be looked at too.
pub(super) fn value(node: &Node, schema: &Value, path: &str, checker: &mut Checker) -> Option<Value> {
    if node.is_null() {
        return None;
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("object") => object(node, schema, path, checker),
        Some("array") => array(node, schema, path, checker),
        Some("boolean") => boolean(node, path, checker),
        Some("string") => text(node, path, checker).and_then(|text| one_of(text, schema, path, checker)),
        _ => checker.check(path, node.clone().into_value(Dialect::Yaml11)),
    }
}

/// `metadata`, of which only the fields that users write are looked at.
pub(super) fn metadata(node: &Node, checker: &mut Checker) -> Value {
    let mut metadata = Map::new();
    let Some(entries) = mapping(node, "metadata", checker) else {
        return Value::Object(metadata);
    };
    for (key, node) in entries {
        let path = format!("metadata.{key}");
        let value = match key.as_str() {
            _ if node.is_null() => None,
            "name" | "namespace" => text(node, &path, checker).map(Value::String),
            "labels" | "annotations" => {
                let texts = mapping(node, &path, checker).unwrap_or_default();
                let texts = texts.into_iter().filter(|(_, node)| !node.is_null());
                let texts = texts.map(|(key, node)| {
                    let text = text(node, &format!("{path}.{key}"), checker);
                    (key, Value::String(text.unwrap_or_default()))
                });
                Some(Value::Object(texts.collect()))
            }
            other => {
                if !KNOWN_METADATA.contains(&other) {
                    checker.note(path, unknown_field(other, KNOWN_METADATA.iter().copied()));
                }
                None
            }
        };
        metadata.extend(value.map(|value| (key, value)));
    }
    Value::Object(metadata)
}

/// The message for a field that nobody reads, with the field that may have been meant.
pub(super) fn unknown_field<'f>(field: &str, known: impl IntoIterator<Item = &'f str>) -> String {
    match nearest(field, known) {
        Some(near) => format!("unknown field, did you mean `{near}`?"),
        None => "unknown field".to_owned(),
    }
}

/// The line of the value at a path such as `spec.sync.ref`, or of the closest one above it.
pub(super) fn line_of(root: &Node, path: &str) -> usize {
    let (mut node, mut line, mut rest) = (root, root.line, path);
    loop {
        let next = match &node.kind {
            NodeKind::Mapping(entries) => {
                // Keys may have dots themselves: the longest that fits is meant, and of equal ones the last.
                let fits = entries.iter().filter_map(|(key, value)| {
                    let name = key.as_scalar()?.text.as_str();
                    let below =
                        rest.strip_prefix(name).filter(|below| below.is_empty() || below.starts_with(['.', '[']))?;
                    Some((key.line, value, below.trim_start_matches('.')))
                });
                fits.rev().min_by_key(|(_, _, below)| below.len())
            }
            NodeKind::Sequence(items) => {
                rest.strip_prefix('[').and_then(|rest| rest.split_once(']')).and_then(|(index, below)| {
                    let item = items.get(index.parse::<usize>().ok()?)?;
                    Some((item.line, item, below.trim_start_matches('.')))
                })
            }
            NodeKind::Scalar(_) => None,
        };
        let Some((next_line, next_node, below)) = next else { return line };
        (node, line, rest) = (next_node, next_line, below);
    }
}

/// The path in the file of a path in the decoded instance, whose lists lack the elements that did
/// not fit.
pub(super) fn original_path(path: &str, noted: &[String]) -> String {
    let mut original = String::new();
    for part in path.split_inclusive('[') {
        let index = part.split_once(']').and_then(|(index, rest)| Some((index.parse::<usize>().ok()?, rest)));
        let Some((index, rest)) = index.filter(|_| original.ends_with('[')) else {
            original.push_str(part);
            continue;
        };
        let was_left_out = |position: &usize| noted.contains(&format!("{original}{position}]"));
        let position = (0..).filter(|position| !was_left_out(position)).nth(index).unwrap_or(index);
        original.push_str(&[&position.to_string(), "]", rest].concat());
    }
    original
}

fn object(node: &Node, schema: &Value, path: &str, checker: &mut Checker) -> Option<Value> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let additional = schema.get("additionalProperties");
    let mut object = Map::new();
    for (key, node) in mapping(node, path, checker)? {
        let path = format!("{path}.{key}");
        // In a map of texts null is the empty text, elsewhere it is nothing.
        if additional.is_some() && node.is_null() {
            object.insert(key, Value::String(String::new()));
            continue;
        }
        let Some(schema) = properties.and_then(|properties| properties.get(&key)).or(additional) else {
            let known = properties.into_iter().flatten().map(|(name, _)| name.as_str());
            checker.note(path, unknown_field(&key, known));
            continue;
        };
        let decoded = value(node, schema, &path, checker);
        object.extend(decoded.map(|value| (key, value)));
    }
    for field in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        if !object.contains_key(field) {
            let path = format!("{path}.{field}");
            if !checker.has(&path) {
                checker.note(&path, "is required");
            }
            let schema = properties.and_then(|properties| properties.get(field)).unwrap_or(&Value::Null);
            object.insert(field.to_owned(), stand_in(schema));
        }
    }
    Some(Value::Object(object))
}

/// Something that decodes, in the place of a required value that is missing.
fn stand_in(schema: &Value) -> Value {
    match schema.get("type").and_then(Value::as_str) {
        Some("object") => {
            let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
            let fields = required.filter_map(Value::as_str).map(|field| {
                let schema = schema.get("properties").and_then(|properties| properties.get(field));
                (field.to_owned(), stand_in(schema.unwrap_or(&Value::Null)))
            });
            Value::Object(fields.collect())
        }
        Some("array") => Value::Array(Vec::new()),
        Some("boolean") => Value::Bool(false),
        _ => schema.pointer("/enum/0").cloned().unwrap_or_else(|| Value::String(String::new())),
    }
}

fn array(node: &Node, schema: &Value, path: &str, checker: &mut Checker) -> Option<Value> {
    let NodeKind::Sequence(items) = &node.kind else {
        checker.note(path, format!("expected a list, found {}", shape(node)));
        return None;
    };
    let item_schema = schema.get("items").unwrap_or(&Value::Null);
    let mut array = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if item.is_null() {
            checker.note(path, "expected a value, found nothing");
        } else {
            array.extend(value(item, item_schema, &path, checker));
        }
    }
    Some(Value::Array(array))
}

fn boolean(node: &Node, path: &str, checker: &mut Checker) -> Option<Value> {
    match node.clone().into_value(Dialect::Yaml11) {
        Ok(Value::Bool(value)) => Some(Value::Bool(value)),
        Ok(Value::String(text)) => {
            checker.note(path, format!("expected `true` or `false`, found the text `{text}`"));
            None
        }
        _ => {
            checker.note(path, format!("expected `true` or `false`, found {}", shape(node)));
            None
        }
    }
}

/// The text of a scalar: numbers and booleans are taken as their JSON text, so `2.80` is `2.8`.
fn text(node: &Node, path: &str, checker: &mut Checker) -> Option<String> {
    if node.as_scalar().is_none() {
        checker.note(path, format!("expected a text, found {}", shape(node)));
        return None;
    }
    match checker.check(path, node.clone().into_value(Dialect::Yaml11).map_err(|error| error.reason))? {
        Value::String(text) => Some(text),
        Value::Null => Some(String::new()),
        other => Some(other.to_string()),
    }
}

fn one_of(text: String, schema: &Value, path: &str, checker: &mut Checker) -> Option<Value> {
    let Some(accepted) = schema.get("enum").and_then(Value::as_array) else {
        return Some(Value::String(text));
    };
    let accepted: Vec<&str> = accepted.iter().filter_map(Value::as_str).collect();
    if accepted.contains(&text.as_str()) {
        return Some(Value::String(text));
    }
    let list = accepted.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let hint = nearest(&text, accepted).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    checker.note(path, format!("expected one of {list}, found `{text}`{hint}"));
    None
}

/// The entries of a mapping with their keys as texts; of duplicates the last.
pub(super) fn mapping<'n>(node: &'n Node, path: &str, checker: &mut Checker) -> Option<Vec<(String, &'n Node)>> {
    let Some(entries) = node.entries() else {
        checker.note(path, format!("expected a mapping, found {}", shape(node)));
        return None;
    };
    let mut texts: Vec<(String, &Node)> = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let key = key.clone().into_key(Dialect::Yaml11).map_err(|error| error.reason);
        texts.extend(checker.check(path, key).map(|key| (key, value)));
    }
    let mut seen = BTreeSet::new();
    let mut last: Vec<_> = texts.into_iter().rev().filter(|(key, _)| seen.insert(key.clone())).collect();
    last.reverse();
    Some(last)
}

fn shape(node: &Node) -> String {
    match &node.kind {
        NodeKind::Scalar(scalar) => format!("`{}`", scalar.text),
        NodeKind::Sequence(_) => "a list".to_owned(),
        NodeKind::Mapping(_) => "a mapping".to_owned(),
    }
}

fn nearest<'w>(word: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let likeness = |other: &str| strsim::jaro_winkler(&word.to_lowercase(), &other.to_lowercase());
    let scored = words.into_iter().map(|other| (likeness(other), other));
    scored.filter(|(score, _)| *score >= SIMILAR).max_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, word)| word)
}
