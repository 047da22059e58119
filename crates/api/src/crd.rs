//! The CRDs as an API server should get them.
//!
//! kube generates the definitions from the types. A few of its habits do not fit an API whose
//! objects are written by many clients: it declares every optional field `nullable`, which changes
//! how defaults fill in, and makes `spec` required. One pass over the JSON mends that; the tests
//! say what has to come out.

use kube::CustomResourceExt;
use serde_json::{Map, Value, json};

use crate::{FluxInstance, FluxReport, identity};

/// Keys of a schema that hold one schema each.
const SINGLE: [&str; 2] = ["items", "additionalProperties"];

/// The `CustomResourceDefinition` of the [`FluxInstance`], to be applied or printed.
///
/// ```
/// let crd = flux_operator_api::crd::flux_instance();
/// assert_eq!(crd["metadata"]["name"], "fluxinstances.fluxcd.controlplane.io");
/// ```
pub fn flux_instance() -> Value {
    definition::<FluxInstance>(identity::KIND)
}

/// The `CustomResourceDefinition` of the [`FluxReport`], to be applied or printed.
///
/// ```
/// let crd = flux_operator_api::crd::flux_report();
/// assert_eq!(crd["metadata"]["name"], "fluxreports.fluxcd.controlplane.io");
/// ```
pub fn flux_report() -> Value {
    definition::<FluxReport>(identity::REPORT_KIND)
}

/// Every definition of the API.
pub fn all() -> [Value; 2] {
    [flux_instance(), flux_report()]
}

fn definition<K: CustomResourceExt>(kind: &str) -> Value {
    // A value made of strings, numbers, lists and maps with string keys always serializes.
    let mut crd = serde_json::to_value(K::crd()).unwrap_or_default();
    if let Some(Value::Object(names)) = crd.pointer_mut("/spec/names") {
        // What the API server would fill in; said here so that the live object equals this one.
        names.insert("listKind".to_owned(), json!(format!("{kind}List")));
    }
    for version in crd.pointer_mut("/spec/versions").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(root) = version.pointer_mut("/schema/openAPIV3Schema").and_then(Value::as_object_mut) {
            mend(root);
            complete(root, kind);
        }
    }
    crd
}

/// Rids a schema and those within it of what schemars adds for the sake of other readers.
fn mend(schema: &mut Map<String, Value>) {
    schema.remove("nullable");
    schema.remove("title");
    if let Some(Value::Array(members)) = schema.get_mut("enum") {
        members.retain(|member| !member.is_null());
    }
    for bound in ["minimum", "maximum"] {
        if let Some(value) = schema.get_mut(bound) {
            make_integer(value);
        }
    }
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = unwrap_lines(text);
    }
    for inner in SINGLE {
        if let Some(Value::Object(inner)) = schema.get_mut(inner) {
            mend(inner);
        }
    }
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.values_mut().filter_map(Value::as_object_mut).for_each(mend);
    }
}

/// Gives the root what kube leaves to the API server, for the sake of `kubectl explain`, and lets
/// `spec` be absent.
fn complete(root: &mut Map<String, Value>, kind: &str) {
    root.remove("required");
    if let Some(Value::Object(properties)) = root.get_mut("properties") {
        let string = |description: &str| json!({ "type": "string", "description": description });
        properties.insert(
            "apiVersion".to_owned(),
            string("Group and version of the API this object is written in: `fluxcd.controlplane.io/v1`."),
        );
        properties.insert("kind".to_owned(), string(&format!("Kind of this object: `{kind}`.")));
        // Without a description: an API server refuses a definition that says anything here.
        properties.insert("metadata".to_owned(), json!({ "type": "object" }));
    }
}

/// Writes a bound such as `0.0` as `0`. Bounds of this API are small whole numbers, others are left
/// alone.
fn make_integer(value: &mut Value) {
    let digits = value.as_f64().map(|number| number.to_string());
    if let Some(integer) = digits.and_then(|digits| digits.parse::<i64>().ok()) {
        *value = integer.into();
    }
}

/// Joins the lines of each paragraph: where source code breaks a line says nothing to a reader of
/// the API.
fn unwrap_lines(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests;
