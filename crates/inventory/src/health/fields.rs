//! Fields of an object by JSON pointer. A field of another type than asked for is absent.

use flux_operator_api::Object;
use serde_json::Value;

/// A text that is not empty: the API server leaves out empty ones.
pub(super) fn text<'o>(object: &'o Object, pointer: &str) -> Option<&'o str> {
    object.pointer(pointer).and_then(filled)
}

/// The entries of a list that are texts.
pub(super) fn texts<'o>(object: &'o Object, pointer: &str) -> impl Iterator<Item = &'o str> {
    list(object, pointer).filter_map(filled)
}

/// The entries of a list.
pub(super) fn list<'o>(object: &'o Object, pointer: &str) -> impl Iterator<Item = &'o Value> {
    object.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// A whole number.
pub(super) fn integer(object: &Object, pointer: &str) -> Option<i64> {
    object.pointer(pointer)?.as_i64()
}

/// A number in a status, where the API server leaves out 0.
pub(super) fn count(object: &Object, pointer: &str) -> i64 {
    integer(object, pointer).unwrap_or(0)
}

/// A text that is not empty, in a part of an object.
pub(super) fn text_in<'o>(part: &'o Value, field: &str) -> Option<&'o str> {
    part.get(field).and_then(filled)
}

fn filled(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty())
}
