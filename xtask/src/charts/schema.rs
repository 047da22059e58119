//! The JSON schemas by which helm refuses values.

use anyhow::Context as _;
use serde_json::{Map, Value, json};

use super::values::Item;

/// The schema of values: each has the type of its default, and there are no others.
pub(super) fn of(items: &[Item]) -> Value {
    let mut schema = section(items);
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft-07/schema#"));
        // Of a parent chart that has this one as a part.
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert("global".to_owned(), json!({"type": "object"}));
        }
    }
    schema
}

fn section(items: &[Item]) -> Value {
    let properties: Map<_, _> = items.iter().map(property).collect();
    json!({"type": "object", "additionalProperties": false, "properties": properties})
}

fn property(item: &Item) -> (String, Value) {
    match item {
        Item::Section(key, items) => (key.clone(), section(items)),
        Item::Entry(entry) => {
            let mut schema = entry.schema.clone();
            schema.insert("description".to_owned(), json!(entry.description));
            schema.insert("type".to_owned(), json!(name_of_type(&entry.default)));
            (entry.key.clone(), Value::Object(schema))
        }
    }
}

fn name_of_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The schema with the spec of a FluxInstance as `instance`, in which the empty defaults are allowed.
///
/// # Errors
/// The CRD has no schema of a spec.
pub(super) fn with_instance(mut schema: Value, items: &[Item], crd: &Value) -> anyhow::Result<Value> {
    let spec = crd.pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec");
    let mut spec = spec.context("the CRD has no schema of a spec")?.clone();
    close(&mut spec);
    let instance = items.iter().find_map(|item| match item {
        Item::Section(key, items) if key == "instance" => Some(items.as_slice()),
        _ => None,
    });
    allow_empty(&mut spec, instance.unwrap_or_default());
    // What is required is in the defaults.
    *schema.pointer_mut("/properties/instance").context("`instance` is no section of the values")? = spec;
    Ok(schema)
}

/// Turns a structural schema of Kubernetes into one that takes no other fields.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.retain(|key, _| !key.starts_with("x-kubernetes-") && key != "default");
            if fields.contains_key("properties") && !fields.contains_key("additionalProperties") {
                fields.insert("additionalProperties".to_owned(), json!(false));
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

fn allow_empty(schema: &mut Value, items: &[Item]) {
    for item in items {
        let (Item::Section(key, _) | Item::Entry(super::values::Entry { key, .. })) = item;
        let Some(property) = schema.get_mut("properties").and_then(|properties| properties.get_mut(key)) else {
            continue;
        };
        match item {
            Item::Section(_, items) => allow_empty(property, items),
            Item::Entry(entry) if is_empty(&entry.default) => {
                *property = json!({"anyOf": [{"const": entry.default}, property.take()]});
            }
            Item::Entry(_) => {}
        }
    }
}

fn is_empty(value: &Value) -> bool {
    *value == json!("") || *value == json!({}) || *value == json!([])
}

#[cfg(test)]
mod tests {
    use super::super::values;
    use super::*;

    #[test]
    fn types_are_those_of_defaults() {
        let text = "# -- A.\n# @schema {\"minimum\": 0}\na: 1\nb:\n  # -- C.\n  c: []\n";
        let schema = of(&values::read(text).unwrap());
        let a = json!({"type": "integer", "minimum": 0, "description": "A."});
        assert_eq!(schema.pointer("/properties/a"), Some(&a));
        assert_eq!(schema.pointer("/properties/b/properties/c/type"), Some(&json!("array")));
        assert_eq!(schema.pointer("/properties/b/additionalProperties"), Some(&json!(false)));
    }

    #[test]
    fn every_field_of_an_instance_can_be_said_but_no_other() {
        let spec = json!({"type": "object", "properties": {
            "sync": {"type": "object", "required": ["url"], "properties": {"url": {"type": "string"}}},
            "wait": {"type": "boolean", "default": true},
        }});
        let crd = json!({"spec": {"versions": [{"schema": {"openAPIV3Schema": {"properties": {"spec": spec}}}}]}});
        let items = values::read("instance:\n  # -- Sync.\n  sync: {}\n").unwrap();
        let schema = with_instance(of(&items), &items, &crd).unwrap();
        let sync = json!({"anyOf": [{"const": {}}, {"type": "object", "required": ["url"],
            "additionalProperties": false, "properties": {"url": {"type": "string"}}}]});
        let instance = json!({"type": "object", "additionalProperties": false,
            "properties": {"sync": sync, "wait": {"type": "boolean"}}});
        assert_eq!(schema.pointer("/properties/instance"), Some(&instance));
    }
}
