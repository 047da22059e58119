//! `flux-operator diff yaml`.

use std::io::Write;

use clap::{Args, ValueEnum};
use flux_operator_builder::yaml::{Dialect, Limits, YamlError, read_documents};
use serde_json::{Value, json};

use super::patch::{self, Operation};
use crate::documents::{self, DocumentError};
use crate::error::{Advise, Complaint, Differs, Failure};
use crate::globals::Globals;
use crate::output::{self, DocumentFormat};
use crate::registry::HostArgs;
use crate::ui::printable;

pub(super) const EXAMPLES: &str = "\
Examples:
  # The patch that makes one CRD the other
  flux-operator diff yaml old.yaml new.yaml

  # Straight from the pages that show them
  flux-operator diff yaml https://github.com/fluxcd/flux2/blob/v2.7.0/manifests/bases/source-controller/kustomization.yaml \\
    https://github.com/fluxcd/flux2/blob/v2.8.0/manifests/bases/source-controller/kustomization.yaml

  # In a script: 0 for no difference, 2 for some
  flux-operator diff yaml old.yaml new.yaml --exit-code -o json-patch";

/// What to compare.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The file or address to start from; `-` for stdin.
    source: String,

    /// The file or address to get to; `-` for stdin.
    target: String,

    /// Print the patch in this format.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "json-patch-yaml")]
    output: Format,

    /// Compare `metadata`, too.
    #[arg(long)]
    include_metadata: bool,

    /// Exit with 2 where there are differences.
    #[arg(long)]
    exit_code: bool,

    #[command(flatten)]
    registry: HostArgs,
}

/// How a patch is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// YAML, as `spec.kustomize.patches` of an instance has it.
    JsonPatchYaml,
    /// JSON.
    JsonPatch,
}

/// A side that cannot be compared.
#[derive(Debug, thiserror::Error)]
enum SideError {
    #[error("the {side} cannot be read")]
    Unreadable { side: &'static str, source: DocumentError },
    #[error("the {side} is no valid YAML")]
    Yaml { side: &'static str, source: YamlError },
}

/// The patch of one object.
struct Patch {
    /// The object, and on which side it is alone.
    object: String,
    operations: Vec<Operation>,
}

/// Prints the patch.
///
/// # Errors
/// A side cannot be read. With `--exit-code` also that there are differences.
pub(super) fn run(arguments: &Arguments, globals: &Globals, stdout: &mut dyn Write) -> Result<(), Failure> {
    let Arguments { source, target, output, include_metadata, exit_code, registry } = arguments;
    let source = side(source, "source", registry, globals)?;
    let target = side(target, "target", registry, globals)?;
    let left_out: &[&str] = if *include_metadata { &["status"] } else { &["metadata", "status"] };
    let (text, differs) = if source.len() > 1 || target.len() > 1 {
        let patches = pairs(&source, &target, left_out);
        (several(&patches, *output), !patches.is_empty())
    } else {
        let first = |documents: &[Value]| without(documents.first().unwrap_or(&Value::Null), left_out);
        let operations = patch::between(&first(&source), &first(&target));
        (one(&operations, *output), !operations.is_empty())
    };
    output::write(stdout, &text)?;
    if differs && *exit_code { Err(Complaint::new(Differs).into()) } else { Ok(()) }
}

fn side(name: &str, side: &'static str, registry: &HostArgs, globals: &Globals) -> Result<Vec<Value>, Failure> {
    let text = documents::read(name, registry, globals.timeout)?;
    let text = text.map_err(|source| Complaint::about(name, SideError::Unreadable { side, source }))?;
    let documents = read_documents(&text, Dialect::Manifest, &Limits::DISTRIBUTION);
    Ok(documents.map_err(|source| Complaint::about(name, SideError::Yaml { side, source }))?)
}

fn without(document: &Value, left_out: &[&str]) -> Value {
    let mut document = document.clone();
    if let Some(fields) = document.as_object_mut() {
        fields.retain(|field, _| !left_out.contains(&field.as_str()));
    }
    document
}

/// The patches of all objects that differ: in the order of the source, then those that are new.
fn pairs(source: &[Value], target: &[Value], left_out: &[&str]) -> Vec<Patch> {
    let mut rest: Vec<(String, &Value)> = target.iter().enumerate().map(identified).collect();
    let mut patches = Vec::new();
    for (identity, from) in source.iter().enumerate().map(identified) {
        if let Some(position) = rest.iter().position(|(other, _)| *other == identity) {
            let (_, to) = rest.remove(position);
            let operations = patch::between(&without(from, left_out), &without(to, left_out));
            patches.push(Patch { object: identity, operations });
        } else {
            let operations = vec![Operation::removal()];
            patches.push(Patch { object: format!("{identity}, only in the source"), operations });
        }
    }
    for (identity, to) in rest {
        // Whoever creates it needs all of it.
        let operations = patch::between(&Value::Null, &without(to, &["status"]));
        patches.push(Patch { object: format!("{identity}, only in the target"), operations });
    }
    patches.retain(|patch| !patch.operations.is_empty());
    patches
}

/// Kind with group, namespace and name of a document; its position, where it has none.
fn identified((position, document): (usize, &Value)) -> (String, &Value) {
    let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str);
    let identity = match (text("/kind"), text("/metadata/name")) {
        (Some(kind), Some(name)) => {
            let group = text("/apiVersion").and_then(|version| version.split_once('/')).map(|(group, _)| group);
            let group = group.map(|group| format!(".{group}")).unwrap_or_default();
            let namespace = text("/metadata/namespace").map(|namespace| format!("{namespace}/")).unwrap_or_default();
            format!("{kind}{group}/{namespace}{name}")
        }
        _ => format!("document {}", position + 1),
    };
    (identity, document)
}

fn one(operations: &[Operation], format: Format) -> String {
    match format {
        _ if operations.is_empty() => "null\n".to_owned(),
        Format::JsonPatchYaml => {
            let operations = operations.iter().map(Operation::value).collect();
            output::document(&Value::Array(operations), DocumentFormat::Yaml)
        }
        Format::JsonPatch => patch::json(operations),
    }
}

fn several(patches: &[Patch], format: Format) -> String {
    match format {
        _ if patches.is_empty() => "null\n".to_owned(),
        Format::JsonPatchYaml => {
            let patch =
                |patch: &Patch| format!("---\n# {}\n{}", printable(&patch.object), one(&patch.operations, format));
            patches.iter().map(patch).collect()
        }
        Format::JsonPatch => {
            let patch = |patch: &Patch| {
                let operations: Vec<_> = patch.operations.iter().map(Operation::value).collect();
                json!({"object": patch.object, "patch": operations})
            };
            output::document(&patches.iter().map(patch).collect(), DocumentFormat::Json)
        }
    }
}

impl Advise for SideError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { source, .. } => source.hint(),
            Self::Yaml { .. } => None,
        }
    }
}
