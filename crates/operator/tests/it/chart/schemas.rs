//! JSON schemas of kinds, from what the API server says of itself, for a validator that would otherwise download them.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

/// Where kubeconform finds them.
pub(super) const LOCATION: &str = "{{.ResourceKind}}{{.KindSuffix}}.json";

/// Writes a schema for each kind that an OpenAPI document (version 2) has and that is among `kinds`, as pairs of API
/// version and kind.
pub(super) fn write(folder: &Path, openapi: &Value, kinds: &[(String, String)]) {
    let mut definitions = openapi["definitions"].clone();
    for definition in definitions.as_object_mut().unwrap().values_mut() {
        mend(definition);
    }
    for (api_version, kind) in kinds {
        let Some(name) = find(definitions.as_object().unwrap(), api_version, kind) else { continue };
        let schema = json!({"$ref": format!("#/definitions/{name}"), "definitions": definitions});
        fs::write(folder.join(file(api_version, kind)), schema.to_string()).unwrap();
    }
}

fn find<'d>(definitions: &'d Map<String, Value>, api_version: &str, kind: &str) -> Option<&'d str> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let wanted = json!({"group": group, "version": version, "kind": kind});
    let is_it = |definition: &Value| {
        definition["x-kubernetes-group-version-kind"].as_array().is_some_and(|kinds| kinds.contains(&wanted))
    };
    definitions.iter().find(|(_, definition)| is_it(definition)).map(|(name, _)| name.as_str())
}

/// As [`LOCATION`] has it: of the group, the first part counts.
fn file(api_version: &str, kind: &str) -> String {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let group = group.split('.').next().filter(|group| !group.is_empty());
    let suffix = group.map_or_else(|| version.to_owned(), |group| format!("{group}-{version}"));
    format!("{}-{suffix}.json", kind.to_lowercase())
}

/// Says in JSON schema what OpenAPI has as extension, and refuses fields that nobody has heard of.
fn mend(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else { return };
    let is_number_or_text = fields.get("format").is_some_and(|format| format == "int-or-string")
        || fields
            .get("description")
            .and_then(Value::as_str)
            .is_some_and(|text| text.starts_with("Quantity is a fixed-"));
    if is_number_or_text {
        *schema = json!({"type": ["string", "number"]});
        return;
    }
    let is_open = fields.get("x-kubernetes-preserve-unknown-fields").is_some();
    if fields.get("properties").is_some_and(Value::is_object)
        && !fields.contains_key("additionalProperties")
        && !is_open
    {
        fields.insert("additionalProperties".to_owned(), json!(false));
    }
    if let Some(properties) = fields.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(mend);
    }
    for inner in ["items", "additionalProperties"] {
        fields.get_mut(inner).into_iter().for_each(mend);
    }
}

#[test]
fn files_are_called_what_the_validator_asks_for() {
    assert_eq!(file("v1", "Service"), "service-v1.json");
    assert_eq!(file("rbac.authorization.k8s.io/v1", "ClusterRole"), "clusterrole-rbac-v1.json");
}
