//! Measuring, comparing and naming values.

use serde_json::Value;

/// Numbers compare by value, so that 1 equals 1.0, maps regardless of the order of their keys.
pub(super) fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => match (left.as_i128(), right.as_i128()) {
            (Some(left), Some(right)) => left == right,
            _ => left.as_f64() == right.as_f64(),
        },
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, left)| right.get(key).is_some_and(|right| equal(left, right)))
        }
        _ => left == right,
    }
}

/// Levels of lists and maps.
pub(super) fn depth(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Bytes of memory, roughly.
pub(super) fn size(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::String(text) => text.len(),
            Value::Array(list) => list.iter().map(size).sum(),
            Value::Object(map) => map.iter().map(|(key, value)| key.len() + size(value)).sum(),
            _ => 0,
        }
}

pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// A short scalar as JSON, anything else by its kind.
pub(super) fn shown(value: &Value) -> String {
    let json = match value {
        Value::Array(_) | Value::Object(_) => None,
        scalar => Some(scalar.to_string()).filter(|json| json.len() <= 80),
    };
    json.map_or_else(|| kind(value).to_owned(), |json| format!("`{json}`"))
}
