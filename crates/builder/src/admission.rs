//! FluxInstances from files: what the API server would do to them, without one.
//!
//! [`Admission::read`] finds the FluxInstances of a text and [`Manifest::plan`] does to each what
//! admission would: scalars take the types of the schema, defaults are filled in, and everything
//! that is wrong is reported at once, with its line. Unlike the API server, which drops fields it
//! does not know, it refuses them: a misspelt field would otherwise be a setting that is silently
//! not there.

mod decode;

use flux_operator_api::{FluxInstance, crd, identity};
use serde_json::Value;

use crate::plan::InstancePlan;
use crate::violation::{Checker, Violations};
use crate::yaml::{self, Limits, Node, YamlError};

/// Reads FluxInstances by the schema of their CRD.
///
/// ```
/// use flux_operator_builder::Admission;
///
/// let text = "
/// apiVersion: fluxcd.controlplane.io/v1
/// kind: FluxInstance
/// metadata: { name: flux }
/// spec:
///   distribution: { version: 2.8, registry: ghcr.io/fluxcd }
/// ";
/// let admission = Admission::new();
/// let manifests = admission.read(text)?;
/// let plan = manifests[0].plan().unwrap();
/// assert_eq!(plan.version_range().to_string(), "2.8");
/// # Ok::<(), flux_operator_builder::yaml::YamlError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Admission {
    schema: Value,
}

/// One document of a file.
#[derive(Clone, Debug)]
pub struct Manifest<'a> {
    admission: &'a Admission,
    node: Node,
}

impl Default for Admission {
    fn default() -> Self {
        Self::new()
    }
}

impl Admission {
    /// Prepares the schema; one value serves any number of files.
    pub fn new() -> Self {
        let crd = crd::flux_instance();
        let schema = crd.pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec");
        Self { schema: schema.cloned().unwrap_or_default() }
    }

    /// Finds the documents of a text, lists expanded; empty documents are left out.
    ///
    /// # Errors
    /// The text is no YAML.
    pub fn read(&self, text: &str) -> Result<Vec<Manifest<'_>>, YamlError> {
        let documents = yaml::parse(text, &Limits::INPUT)?;
        let documents = documents.into_iter().filter(|node| !node.is_null()).flat_map(yaml::expand_list);
        Ok(documents.map(|node| Manifest { admission: self, node }).collect())
    }
}

impl Manifest<'_> {
    /// The line the document starts on, from 1.
    pub fn line(&self) -> usize {
        self.node.line
    }

    /// The kind that the document says it is.
    pub fn kind(&self) -> Option<&str> {
        self.text("kind")
    }

    /// True where the document says that it is a FluxInstance.
    pub fn is_flux_instance(&self) -> bool {
        self.kind() == Some(identity::KIND)
    }

    /// The plan of the instance.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the lines.
    pub fn plan(&self) -> Result<InstancePlan, Violations> {
        let mut checker = Checker::default();
        let instance = self.instance(&mut checker);
        let noted = checker.paths();
        let plan = instance.and_then(|instance| match InstancePlan::parse(&instance) {
            Ok(plan) => Some(plan),
            Err(violations) => {
                // What the provider works with cannot be said while the kind is not known.
                let hidden = checker.has("spec.sync.kind").then_some("spec.sync.provider");
                checker.adopt(violations.without(hidden).with_paths(|path| decode::original_path(path, &noted)));
                None
            }
        });
        checker.finish(plan).map_err(|violations| violations.with_lines(|path| decode::line_of(&self.node, path)))
    }

    /// The text of a field of the document; of equal keys the last.
    fn text(&self, field: &str) -> Option<&str> {
        let entries = self.node.entries()?.iter().rev();
        let mut values = entries.filter(|(key, _)| key.as_scalar().is_some_and(|key| key.text == field));
        Some(values.next()?.1.as_scalar()?.text.as_str())
    }

    fn instance(&self, checker: &mut Checker) -> Option<FluxInstance> {
        if self.node.entries().is_none() {
            checker.note("", "expected a FluxInstance, found no mapping");
            return None;
        }
        for (field, expected) in [("kind", identity::KIND), ("apiVersion", identity::API_VERSION)] {
            let found = self.text(field);
            if found != Some(expected) {
                let found = found.map_or_else(|| "nothing".to_owned(), |found| format!("`{found}`"));
                checker.note(field, format!("expected `{expected}`, found {found}"));
                return None;
            }
        }
        let mut object = serde_json::Map::new();
        for (key, value) in decode::mapping(&self.node, "", checker)? {
            match key.as_str() {
                "metadata" => {
                    object.insert("metadata".to_owned(), decode::metadata(value, checker));
                }
                "spec" => {
                    let spec = decode::value(value, &self.admission.schema, "spec", checker);
                    object.extend(spec.map(|spec| ("spec".to_owned(), spec)));
                }
                // The status is the operator's and says nothing about what is wanted.
                "apiVersion" | "kind" | "status" => {}
                other => {
                    checker.note(other, decode::unknown_field(other, ["metadata", "spec"]));
                }
            }
        }
        if !object.contains_key("spec") {
            if !checker.has("spec") {
                checker.note("spec", "is required");
            }
            return None;
        }
        object.insert("apiVersion".to_owned(), identity::API_VERSION.into());
        object.insert("kind".to_owned(), identity::KIND.into());
        object.entry("metadata").or_insert_with(|| Value::Object(serde_json::Map::new()));
        checker.check("", serde_json::from_value(Value::Object(object)))
    }
}

#[cfg(test)]
mod tests;
