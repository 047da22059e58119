//! The reference of the FluxInstance, from its CRD.

use std::fmt::Write as _;

use flux_operator_api::crd;
use serde_json::Value;

use super::cell;

/// The page.
pub(super) fn page() -> String {
    let crd = crd::flux_instance();
    let mut text =
        "# FluxInstance\n\nEvery field, with the descriptions of `kubectl explain fluxinstance`. What each field does is \
                    described in [rendering](../rendering.md), and what the status means in [operating](../operating.md).\n"
            .to_owned();
    let properties = crd.pointer("/spec/versions/0/schema/openAPIV3Schema/properties");
    for section in ["spec", "status"] {
        let Some(schema) = properties.and_then(|properties| properties.get(section)) else { continue };
        let mut rows = Vec::new();
        fields(schema, section, &mut rows);
        // Writing to a text cannot fail.
        let _ = writeln!(text, "\n## {section}\n\n| field | type | default | |\n| --- | --- | --- | --- |");
        for row in rows {
            let _ = writeln!(text, "{row}");
        }
    }
    text
}

fn fields(schema: &Value, path: &str, rows: &mut Vec<String>) {
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    for (name, field) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let path = format!("{path}.{name}");
        let default = field.get("default").map(shown).unwrap_or_default();
        let default = if required.contains(&name.as_str().into()) { "required".to_owned() } else { default };
        let description = field.get("description").and_then(Value::as_str).unwrap_or_default();
        rows.push(format!("| `{path}` | {} | {} | {} |", kind(field), cell(&default), cell(description)));
        fields(field, &path, rows);
        if let Some(items) = field.get("items") {
            fields(items, &format!("{path}[]"), rows);
        }
    }
}

/// A value as code, a list with a code for each item, so that its cell can be narrow.
fn shown(default: &Value) -> String {
    match default.as_array() {
        Some(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        None => format!("`{default}`"),
    }
}

fn kind(schema: &Value) -> String {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let values: Vec<String> = values.iter().filter_map(|value| Some(format!("`{}`", value.as_str()?))).collect();
        return values.join(", ");
    }
    let of = |schema: &Value| schema.get("type").and_then(Value::as_str).unwrap_or("anything").to_owned();
    match (schema.get("items"), schema.get("additionalProperties")) {
        (Some(items), _) => format!("list of {}", of(items)),
        (None, Some(values)) => format!("map of {}", of(values)),
        (None, None) => of(schema),
    }
}
