//! A patch of `spec.kustomize.patches`: what form it has, and what it does to which objects.

use serde_json::{Map, Value};

use super::json6902::{JsonPatch, OperationError};
use super::schema::Kind;
use super::strategic::{Merge, MergeError, Outcome};
use super::target::Target;
use crate::resource::{Identity, Resource};
use crate::violation::Checker;
use crate::yaml::{self, Dialect, Limits, Node, NodeKind, YamlError};

/// A patch that can be applied.
#[derive(Clone, Debug)]
pub(crate) struct Patch {
    /// Where it stands, such as `spec.kustomize.patches[2]`.
    path: String,
    target: Option<Target>,
    body: Body,
}

#[derive(Clone, Debug)]
enum Body {
    /// Only comments, nulls, `{}` or `[]`.
    Nothing,
    Strategic(Vec<Merge>),
    Json(JsonPatch),
}

/// Why a text is no patch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PatchTextError {
    #[error("is required: a strategic merge patch, or a list of JSON patch operations")]
    Empty,
    #[error("{0}")]
    Yaml(#[from] YamlError),
    #[error("a text that starts with `[` is read as JSON: line {line}, column {column}: {reason}")]
    Json { line: usize, column: usize, reason: String },
    #[error("line {0}: a JSON patch operation has to be an element of a list, put `- ` before it")]
    LoneOperation(usize),
    #[error("line {0}: expected a mapping with `kind` and `metadata.name`, or a list of JSON patch operations")]
    NotAPatch(usize),
    #[error("operation {0} is no mapping with `op` and `path`")]
    NotAnOperation(usize),
    #[error("line {0}: a JSON patch is one YAML document, this is another one; join the lists")]
    SeveralDocuments(usize),
    #[error("has {0} strategic merge documents and a target; give each its own entry")]
    SeveralWithTarget(usize),
    #[error("is a JSON patch, which does not say what it is for; add a `target`")]
    JsonWithoutTarget,
    #[error("line {0}: without a `target`, a patch needs `apiVersion` to find its object")]
    NoApiVersion(usize),
}

/// A patch that could not be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` cannot be applied{}", .object.as_ref().map(|object| format!(" to {object}")).unwrap_or_default())]
pub struct PatchError {
    /// The patch, such as `spec.kustomize.patches[2]`.
    pub path: String,
    /// The object, as `Kind/namespace/name`, where one was found.
    pub object: Option<String>,
    /// What went wrong.
    #[source]
    pub source: Box<PatchFault>,
}

/// Why a patch does not fit an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchFault {
    /// A JSON patch operation failed.
    #[error(transparent)]
    Operation(#[from] OperationError),
    /// A strategic merge failed.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// A patch without a target names an object that is not part of the installation.
    #[error("there is no {object}; objects are patched before they get a namespace: leave it out, or add a `target`")]
    NoObject {
        /// The object that was looked for, as `Kind/namespace/name`.
        object: String,
    },
    /// A patch without a target names several objects.
    #[error("{object} is the name of {} objects ({}); add a `target`", .found.len(), .found.join(", "))]
    SeveralObjects {
        /// The object that was looked for, as `Kind/namespace/name`.
        object: String,
        /// The objects that were found.
        found: Vec<String>,
    },
    /// A patch would take away what makes an object one.
    #[error("leaves the object without `{0}`")]
    Identity(&'static str),
    /// A patch would put something else in the place of the labels or annotations.
    #[error("leaves `{0}` as something else than a mapping")]
    NoMapping(&'static str),
    /// A patch would put a value into the labels that is no text.
    #[error("sets the label `{label}` to {value}, labels are texts: put the value in quotes")]
    Label {
        /// The key of the label.
        label: String,
        /// The value, as JSON.
        value: String,
    },
}

impl Patch {
    /// Reads a patch and notes everything that cannot be read.
    pub(crate) fn parse(patch: &flux_operator_api::Patch, path: String, checker: &mut Checker) -> Option<Self> {
        let target = patch.target.as_ref().map(|selector| Target::parse(selector, &format!("{path}.target"), checker));
        let body = checker.check(&format!("{path}.patch"), Body::parse(&patch.patch, target.is_some()))?;
        Some(Self { path, target, body })
    }

    /// Applies the patch to every object it is for. A patch that matches nothing changes nothing.
    ///
    /// # Errors
    /// The first object that the patch does not fit, and for a patch without a target an object
    /// that is not there or not the only one.
    pub(crate) fn apply(&self, resources: &mut Vec<Resource>) -> Result<(), PatchError> {
        let fault =
            |object: Option<String>, source| PatchError { path: self.path.clone(), object, source: Box::new(source) };
        let merges = match (&self.body, &self.target) {
            (Body::Nothing, _) => return Ok(()),
            (Body::Json(patch), target) => {
                for resource in resources.iter_mut() {
                    if target.as_ref().is_none_or(|target| target.matches(resource)) {
                        let subject = resource.subject();
                        apply_json(patch, resource).map_err(|source| fault(Some(subject), source))?;
                    }
                }
                return Ok(());
            }
            (Body::Strategic(merges), _) => merges,
        };
        for merge in merges {
            let selected: Vec<bool> = if let Some(target) = &self.target {
                resources.iter().map(|resource| target.matches(resource)).collect()
            } else {
                let only = find_only(merge, resources).map_err(|source| fault(None, source))?;
                (0..resources.len()).map(|index| index == only).collect()
            };
            let mut kept = Vec::with_capacity(resources.len());
            for (mut resource, selected) in std::mem::take(resources).into_iter().zip(selected) {
                let outcome = if selected {
                    let subject = resource.subject();
                    apply_merge(merge, &mut resource).map_err(|source| fault(Some(subject), source))?
                } else {
                    Outcome::Merged
                };
                if outcome == Outcome::Merged {
                    kept.push(resource);
                }
            }
            *resources = kept;
        }
        Ok(())
    }
}

impl Body {
    fn parse(text: &str, has_target: bool) -> Result<Self, PatchTextError> {
        let start = text.trim_start();
        if start.is_empty() {
            return Err(PatchTextError::Empty);
        }
        if start.starts_with('[') {
            let mut list: Vec<Value> = serde_json::from_str(text).map_err(|error| PatchTextError::Json {
                line: error.line(),
                column: error.column(),
                reason: error.to_string().split(" at line ").next().unwrap_or_default().to_owned(),
            })?;
            list.iter_mut().for_each(yaml::normalize_numbers);
            return Self::json(list, has_target);
        }
        let is_nothing = |node: &Node| node.is_null() || node.entries().is_some_and(<[_]>::is_empty);
        // Without the line breaks at the end of the text, and so at the end of a last literal block.
        let mut documents = yaml::parse(text.trim_end(), &Limits::INPUT)?;
        documents.retain(|node| !is_nothing(node));
        let Some(first) = documents.first() else {
            return Ok(Self::Nothing);
        };
        if matches!(first.kind, NodeKind::Sequence(_)) {
            if let Some(another) = documents.get(1) {
                return Err(PatchTextError::SeveralDocuments(another.line));
            }
            let list = match documents.remove(0).into_value(Dialect::Yaml11)? {
                Value::Array(list) => list,
                other => vec![other],
            };
            return Self::json(list, has_target);
        }
        Self::strategic(documents, has_target)
    }

    fn json(list: Vec<Value>, has_target: bool) -> Result<Self, PatchTextError> {
        if list.is_empty() {
            return Ok(Self::Nothing);
        }
        if let Some(index) = list.iter().position(|operation| !operation.is_object()) {
            return Err(PatchTextError::NotAnOperation(index));
        }
        if !has_target {
            return Err(PatchTextError::JsonWithoutTarget);
        }
        Ok(Self::Json(JsonPatch::from_value(list)))
    }

    fn strategic(documents: Vec<Node>, has_target: bool) -> Result<Self, PatchTextError> {
        let mut merges = Vec::new();
        for document in documents.into_iter().flat_map(yaml::expand_list) {
            let line = document.line;
            if document.get("op").is_some() && document.get("path").is_some() {
                return Err(PatchTextError::LoneOperation(line));
            }
            if document.entries().is_none() {
                return Err(PatchTextError::NotAPatch(line));
            }
            let merge = Merge::from_node(document)?;
            let names_something = |path: &[&str]| merge.text(path).is_some_and(|text| !text.is_empty());
            if !names_something(&["kind"]) || !names_something(&["metadata", "name"]) {
                return Err(PatchTextError::NotAPatch(line));
            }
            if !has_target && merge.text(&["apiVersion"]).is_none() {
                return Err(PatchTextError::NoApiVersion(line));
            }
            merges.push(merge);
        }
        if has_target && merges.len() > 1 {
            return Err(PatchTextError::SeveralWithTarget(merges.len()));
        }
        Ok(Self::Strategic(merges))
    }
}

/// The position of the one object that a merge without a target names by any identity it has had.
fn find_only(merge: &Merge, resources: &[Resource]) -> Result<usize, PatchFault> {
    let text = |path: &[&str]| merge.text(path).unwrap_or_default().to_owned();
    let api_version = text(&["apiVersion"]);
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", &api_version));
    let wanted = Identity {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: text(&["kind"]),
        namespace: text(&["metadata", "namespace"]),
        name: text(&["metadata", "name"]),
    };
    let found: Vec<(usize, &Resource)> = resources
        .iter()
        .enumerate()
        .filter(|(_, resource)| resource.identities().any(|identity| identity.is_same(&wanted)))
        .collect();
    let object = wanted.subject();
    match found.as_slice() {
        [(index, _)] => Ok(*index),
        [] => Err(PatchFault::NoObject { object }),
        several => Err(PatchFault::SeveralObjects {
            object,
            found: several.iter().map(|(_, resource)| resource.subject()).collect(),
        }),
    }
}

fn apply_json(patch: &JsonPatch, resource: &mut Resource) -> Result<(), PatchFault> {
    resource.edit(|object| {
        let adds_annotations = add_annotations(object);
        patch.apply(object)?;
        check_identity(object)?;
        settle_annotations(object);
        check_metadata(object)?;
        if adds_annotations {
            remove_empty_annotations(object);
        }
        Ok(())
    })
}

/// Gives an object without annotations an empty map of them, so that a JSON patch can add one to
/// every object alike. Tells whether it did.
fn add_annotations(object: &mut Value) -> bool {
    let Some(Value::Object(metadata)) = object.get_mut("metadata") else {
        return false;
    };
    let is_absent = metadata.get("annotations").is_none_or(Value::is_null);
    if is_absent {
        metadata.insert("annotations".to_owned(), Value::Object(Map::new()));
    }
    is_absent
}

fn remove_empty_annotations(object: &mut Value) {
    if let Some(Value::Object(metadata)) = object.get_mut("metadata")
        && metadata.get("annotations").and_then(Value::as_object).is_some_and(Map::is_empty)
    {
        metadata.remove("annotations");
    }
}

fn apply_merge(merge: &Merge, resource: &mut Resource) -> Result<Outcome, PatchFault> {
    let identity = resource.identity();
    let api_version = resource.text("apiVersion").to_owned();
    let mut outcome = Outcome::Merged;
    resource.edit(|object| {
        outcome = merge.apply(object, Kind::of(&identity.group, &identity.kind))?;
        if outcome == Outcome::Deleted {
            return Ok(());
        }
        // What says which object it is comes from the object, not from the patch.
        if let Value::Object(map) = object {
            map.insert("apiVersion".to_owned(), Value::String(api_version));
            map.insert("kind".to_owned(), Value::String(identity.kind.clone()));
        }
        if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
            metadata.insert("name".to_owned(), Value::String(identity.name.clone()));
            if identity.namespace.is_empty() {
                metadata.remove("namespace");
            } else {
                metadata.insert("namespace".to_owned(), Value::String(identity.namespace.clone()));
            }
        }
        check_identity(object)?;
        settle_annotations(object);
        check_metadata(object)
    })?;
    Ok(outcome)
}

fn check_identity(object: &Value) -> Result<(), PatchFault> {
    let is_text = |value: Option<&Value>| value.and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    for (path, pointer) in [("apiVersion", "/apiVersion"), ("kind", "/kind"), ("metadata.name", "/metadata/name")] {
        if !is_text(object.pointer(pointer)) {
            return Err(PatchFault::Identity(path));
        }
    }
    Ok(())
}

/// Annotations are texts: a JSON patch may write a number or a boolean and means its text.
fn settle_annotations(object: &mut Value) {
    let Some(Value::Object(annotations)) = object.pointer_mut("/metadata/annotations") else {
        return;
    };
    for value in annotations.values_mut() {
        *value = Value::String(match std::mem::take(value) {
            Value::String(text) => text,
            Value::Array(_) | Value::Object(_) => String::new(),
            scalar => scalar.to_string(),
        });
    }
}

/// Labels and annotations are maps, and labels are texts.
fn check_metadata(object: &Value) -> Result<(), PatchFault> {
    for (path, pointer) in [("metadata.labels", "/metadata/labels"), ("metadata.annotations", "/metadata/annotations")]
    {
        let value = object.pointer(pointer).filter(|value| !value.is_null());
        if value.is_some_and(|value| !value.is_object()) {
            return Err(PatchFault::NoMapping(path));
        }
    }
    let labels = object.pointer("/metadata/labels").and_then(Value::as_object);
    match labels.into_iter().flatten().find(|(_, value)| !value.is_string()) {
        Some((label, value)) => Err(PatchFault::Label { label: label.clone(), value: format!("`{value}`") }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
