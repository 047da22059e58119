//! What is stored of a kind whose definition changes.

use std::collections::BTreeMap;

use flux_operator_api::{Object, ObjectId};
use jsonschema::Validator;
use serde_json::{Map, Value};

use crate::definition::{Upgrade, counted};
use crate::difference::below;
use crate::finding::{Finding, Risk, listed};
use crate::rule::Rules;
use crate::schema::is_open;

/// How many objects a finding names.
const NAMED: usize = 5;

/// How many faults of one object are told.
const FAULTS: usize = 3;

/// Fields of an object that its schema does not describe, or that only controllers write.
const NOT_WRITTEN: [&str; 4] = ["apiVersion", "kind", "metadata", "status"];

/// What was seen of the objects of one kind. Objects are shown one by one and not kept.
#[derive(Debug)]
pub struct Survey {
    upgrade: Upgrade,
    validator: Option<Validator>,
    rules: Rules,
    objects: usize,
    refused: Vec<(ObjectId, String)>,
    dropped: Vec<(ObjectId, String)>,
    /// Who applies which objects in a version that goes.
    behind: BTreeMap<(String, String), Vec<ObjectId>>,
}

/// The surveys of a change, by the name of the CRD.
pub type Surveys = BTreeMap<String, Survey>;

impl Survey {
    /// A survey of nothing yet.
    pub fn new(upgrade: Upgrade) -> Self {
        let validator = upgrade.schemas.as_ref().and_then(|(after, _)| {
            let schema = Value::Object(translate(after));
            jsonschema::options().with_draft(jsonschema::Draft::Draft202012).build(&schema).ok()
        });
        let rules = upgrade.schemas.as_ref().map(|(after, before)| Rules::new(before, after)).unwrap_or_default();
        Self {
            upgrade,
            validator,
            rules,
            objects: 0,
            refused: Vec::new(),
            dropped: Vec::new(),
            behind: BTreeMap::new(),
        }
    }

    /// What changes.
    pub fn upgrade(&self) -> &Upgrade {
        &self.upgrade
    }

    /// How many objects were seen.
    pub fn objects(&self) -> usize {
        self.objects
    }

    /// Takes one more object into account, in whatever version it was read.
    pub fn look_at(&mut self, object: &Object) {
        self.objects += 1;
        let id = object.id();
        let written = written(object);
        if let Some(validator) = &self.validator {
            let faults = validator.iter_errors(&written).take(FAULTS);
            let faults: Vec<String> = faults.map(|fault| told(&fault.instance_path().to_string(), &fault)).collect();
            if !faults.is_empty() {
                self.refused.push((id.clone(), faults.join("; ")));
            }
        }
        if let Some((after, before)) = &self.upgrade.schemas {
            let faults = self.rules.faults(&written, after);
            self.refused.extend(faults.into_iter().map(|(path, fault)| (id.clone(), format!("`{path}`: {fault}"))));
            let mut paths = Vec::new();
            dropped(&written, before, after, "", &mut paths);
            self.dropped.extend(paths.into_iter().map(|path| (id.clone(), path)));
        }
        for (manager, version) in appliers(object) {
            if self.upgrade.unserved.contains(&version) {
                self.behind.entry((manager, version)).or_default().push(id.clone());
            }
        }
    }

    /// What they have to fear.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (id, fault) in self.refused.iter().take(NAMED) {
            let finding = Finding::new(Risk::High, format!("`{id}` would be refused: {fault}"));
            findings.push(finding.advise("change it before the upgrade"));
        }
        findings.extend(more(self.refused.len(), "would be refused"));
        for (id, path) in self.dropped.iter().take(NAMED) {
            findings.push(Finding::new(Risk::High, format!("`{id}` loses the field `{path}`")));
        }
        findings.extend(more(self.dropped.len(), "lose fields"));
        for ((manager, version), ids) in &self.behind {
            let objects = counted(ids.len(), "object");
            let text = format!("`{manager}` applies {objects} in `{version}`: {}", listed(ids, NAMED));
            let to = format!("{}/{}", self.upgrade.group, self.upgrade.version);
            let command = format!("flux-operator migrate resources --api-version {to} --kind {} -A", self.upgrade.kind);
            let advice = format!("write `{to}` into their manifests, then run `{command}`");
            findings.push(Finding::new(Risk::High, text).advise(advice));
        }
        findings
    }
}

fn more(count: usize, what: &str) -> Option<Finding> {
    let more = count.saturating_sub(NAMED);
    (more > 0).then(|| Finding::new(Risk::High, format!("{more} more {what}")))
}

/// The object without what users do not write.
fn written(object: &Object) -> Value {
    let fields = object.fields().filter(|(name, _)| !NOT_WRITTEN.contains(name));
    Value::Object(fields.map(|(name, value)| (name.to_owned(), value.clone())).collect())
}

fn told(pointer: &str, fault: &jsonschema::ValidationError<'_>) -> String {
    let path = pointer.split('/').filter(|part| !part.is_empty()).fold(String::new(), |path, part| below(&path, part));
    if path.is_empty() { fault.masked().to_string() } else { format!("`{path}`: {}", fault.masked()) }
}

/// Fields that have a value and a place in the schema before, and none in the one after.
fn dropped(value: &Value, before: &Value, after: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let of = |schema: &'_ Value, name: &str| {
                let by_name = schema.get("properties").and_then(|properties| properties.get(name));
                by_name.or_else(|| schema.get("additionalProperties").filter(|more| more.is_object())).cloned()
            };
            for (name, value) in fields {
                match (of(before, name), of(after, name)) {
                    (Some(before), Some(after)) => dropped(value, &before, &after, &below(path, name), found),
                    (Some(_), None) if !is_open(after) => found.push(below(path, name)),
                    _ => {}
                }
            }
        }
        Value::Array(items) => {
            if let (Some(before), Some(after)) = (before.get("items"), after.get("items")) {
                for (index, item) in items.iter().enumerate() {
                    dropped(item, before, after, &format!("{path}[{index}]"), found);
                }
            }
        }
        _ => {}
    }
}

/// Managers that write the spec of an object, with the version in which they do.
fn appliers(object: &Object) -> Vec<(String, String)> {
    let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array).into_iter().flatten();
    let text = |entry: &Value, field: &str| entry.get(field).and_then(Value::as_str).map(str::to_owned);
    entries
        .filter(|entry| entry.pointer("/fieldsV1/f:spec").is_some() && text(entry, "subresource").is_none())
        .filter_map(|entry| {
            let api_version = text(entry, "apiVersion")?;
            Some((text(entry, "manager")?, api_version.rsplit('/').next()?.to_owned()))
        })
        .collect()
}

/// Keywords that mean in JSON Schema what they mean in Kubernetes.
const KEYWORDS: [&str; 16] = [
    "type",
    "enum",
    "required",
    "pattern",
    "maximum",
    "minimum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "maxLength",
    "minLength",
    "maxItems",
    "minItems",
    "maxProperties",
    "minProperties",
    "multipleOf",
    "uniqueItems",
];

/// A structural schema of Kubernetes in the words of JSON Schema 2020-12.
fn translate(schema: &Value) -> Map<String, Value> {
    let mut translated = Map::new();
    let get = |keyword: &str| schema.get(keyword);
    let is = |keyword: &str| get(keyword) == Some(&Value::Bool(true));
    for keyword in KEYWORDS {
        if let Some(value) = get(keyword) {
            translated.insert(keyword.to_owned(), value.clone());
        }
    }
    exclusive(&mut translated);
    let has_default = |name: &Value| {
        let property = get("properties").zip(name.as_str()).and_then(|(all, name)| all.get(name));
        property.is_some_and(|property| property.get("default").is_some())
    };
    // What is missing gets its default before it is judged.
    if let Some(required) = translated.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|name| !has_default(name));
    }
    if is("x-kubernetes-int-or-string") {
        translated.insert("type".to_owned(), serde_json::json!(["integer", "string"]));
    }
    if is("nullable") {
        if let Some(Value::String(name)) = translated.get("type").cloned() {
            translated.insert("type".to_owned(), serde_json::json!([name, "null"]));
        }
        translated.remove("enum");
    }
    if let Some(properties) = get("properties").and_then(Value::as_object) {
        let properties = properties.iter().map(|(name, schema)| (name.clone(), Value::Object(translate(schema))));
        translated.insert("properties".to_owned(), Value::Object(properties.collect()));
    }
    for keyword in ["items", "additionalProperties", "not"] {
        if let Some(schema) = get(keyword).filter(|schema| schema.is_object()) {
            translated.insert(keyword.to_owned(), Value::Object(translate(schema)));
        }
    }
    for keyword in ["allOf", "anyOf", "oneOf"] {
        if let Some(schemas) = get(keyword).and_then(Value::as_array) {
            let schemas = schemas.iter().map(|schema| Value::Object(translate(schema)));
            translated.insert(keyword.to_owned(), schemas.collect());
        }
    }
    translated
}

/// In the older dialect of Kubernetes, an exclusive limit is a mark beside the limit.
fn exclusive(translated: &mut Map<String, Value>) {
    for (mark, limit) in [("exclusiveMaximum", "maximum"), ("exclusiveMinimum", "minimum")] {
        match translated.remove(mark) {
            Some(Value::Bool(true)) => {
                if let Some(value) = translated.remove(limit) {
                    translated.insert(mark.to_owned(), value);
                }
            }
            Some(Value::Bool(false)) | None => {}
            Some(other) => drop(translated.insert(mark.to_owned(), other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A CRD with one version.
    fn definition(version: &str, spec: &Value) -> Object {
        let root = json!({"type": "object", "properties": {"spec": spec}});
        let version = json!({"name": version, "served": true, "storage": true, "schema": {"openAPIV3Schema": root}});
        let names = json!({"kind": "Box", "plural": "boxes"});
        Object::try_from(json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "boxes.example.com"}, "status": {"storedVersions": [version["name"]]},
            "spec": {"group": "example.com", "names": names, "versions": [version]},
        }))
        .unwrap()
    }

    /// What is found of these specs, where the schema of their kind changes.
    #[track_caller]
    fn check(before: &Value, after: &Value, specs: &[Value], expected: &[&str]) {
        let upgrade = Upgrade::between(&definition("v1", before), Some(&definition("v1", after))).unwrap();
        let mut survey = Survey::new(upgrade);
        for spec in specs {
            let metadata = json!({"name": "a", "namespace": "n"});
            let object = json!({"apiVersion": "example.com/v1", "kind": "Box", "metadata": metadata, "spec": spec});
            survey.look_at(&Object::try_from(object).unwrap());
        }
        let found = survey.findings();
        assert_eq!(found.iter().map(|finding| finding.text.as_str()).collect::<Vec<_>>(), expected);
    }

    fn of(properties: &Value) -> Value {
        json!({"type": "object", "properties": properties})
    }

    #[test]
    fn objects_that_a_schema_no_longer_accepts_are_named_without_their_values() {
        let before = of(&json!({"mode": {"type": "string"}, "size": {"x-kubernetes-int-or-string": true}}));
        let mut after = of(&json!({
            "mode": {"type": "string", "enum": ["a"]}, "size": {"x-kubernetes-int-or-string": true},
        }));
        check(&before, &after, &[json!({"mode": "a", "size": "1"}), json!({"size": 1})], &[]);
        let [text] = ["`Box/n/a` would be refused: `spec.mode`: value is not one of \"a\""];
        check(&before, &after, &[json!({"mode": "canary"})], &[text]);
        after["required"] = json!(["mode"]);
        check(&before, &after, &[json!({})], &["`Box/n/a` would be refused: `spec`: \"mode\" is a required property"]);
        after["properties"]["mode"]["default"] = json!("a");
        check(&before, &after, &[json!({})], &[]);
    }

    #[test]
    fn null_is_a_value_where_the_schema_says_so() {
        let text = |nullable: bool| of(&json!({"mode": {"type": "string", "nullable": nullable}, "more": {}}));
        let after = of(&json!({"mode": {"type": "string", "nullable": true, "maxLength": 1}, "more": {}}));
        check(&text(true), &after, &[json!({"mode": null})], &[]);
    }

    #[test]
    fn a_field_that_goes_is_a_loss_for_those_who_use_it() {
        let inner = |names: &[&str]| {
            let fields = names.iter().map(|name| ((*name).to_owned(), json!({"type": "string"})));
            of(&json!({"items": {"type": "array", "items": of(&fields.collect())}}))
        };
        let specs = [json!({"items": [{"kept": "x"}, {"kept": "x", "gone": "x"}]}), json!({"items": [{"kept": "x"}]})];
        check(
            &inner(&["kept", "gone"]),
            &inner(&["kept"]),
            &specs,
            &["`Box/n/a` loses the field `spec.items[1].gone`"],
        );
    }

    #[test]
    fn who_applies_in_a_version_that_goes_is_told_from_who_only_looks() {
        let upgrade =
            Upgrade::between(&definition("v1beta1", &of(&json!({}))), Some(&definition("v1", &of(&json!({})))));
        let mut survey = Survey::new(upgrade.unwrap());
        let entry = |manager: &str, version: &str, fields: Value| json!({"manager": manager, "apiVersion": format!("example.com/{version}"), "fieldsV1": fields});
        let managed = json!([
            entry("old", "v1beta1", json!({"f:spec": {}})),
            entry("new", "v1", json!({"f:spec": {}})),
            entry("controller", "v1beta1", json!({"f:metadata": {"f:finalizers": {}}})),
        ]);
        let metadata = json!({"name": "a", "namespace": "n", "managedFields": managed});
        let object = json!({"apiVersion": "example.com/v1beta1", "kind": "Box", "metadata": metadata});
        survey.look_at(&Object::try_from(object).unwrap());
        let found: Vec<_> = survey.findings().into_iter().map(|finding| finding.text).collect();
        assert_eq!(found, ["`old` applies 1 object in `v1beta1`: `Box/n/a`"]);
    }
}
