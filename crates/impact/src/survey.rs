//! What is stored of a kind whose definition changes.

use std::collections::BTreeMap;

use flux_operator_api::{Object, ObjectId};
use jsonschema::Validator;
use serde_json::{Map, Value};

use crate::definition::{Upgrade, counted};
use crate::difference::below;
use crate::finding::{Finding, Risk, listed};
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
        Self { upgrade, validator, objects: 0, refused: Vec::new(), dropped: Vec::new(), behind: BTreeMap::new() }
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
const KEYWORDS: [&str; 17] = [
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
    "default",
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
