//! `flux-operator diff`.

mod instance;
mod patch;

use std::fs;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use flux_operator_builder::yaml::{Dialect, Limits, YamlError, read_documents};
use serde_json::Value;

use crate::error::{Advise, Complaint, Failure};
use crate::globals::Globals;
use crate::output::{self, DocumentFormat};
use crate::usage::UsageError;

const EXAMPLES: &str = "\
Examples:
  # The patch that makes one CRD the other
  flux-operator diff yaml old.yaml new.yaml

  # In a script: 0 for no difference, 2 for some
  flux-operator diff yaml old.yaml new.yaml --exit-code -o json-patch";

/// A command of the group.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the JSON patch (RFC 6902) that turns one document into another.
    ///
    /// The first document of each file counts, without `metadata` and `status`. Equal documents
    /// print `null`.
    #[command(after_help = EXAMPLES)]
    Yaml(Arguments),
    /// Print the objects and fields that a FluxInstance would change in the cluster.
    ///
    /// The short form of `flux-operator plan`: the same dry run, and the same exit codes: 0 where
    /// nothing would change, 2 where something would, 1 where that cannot be told. Nothing is written.
    #[command(after_help = instance::EXAMPLES)]
    Instance(instance::Arguments),
}

/// What to compare.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The file to start from; `-` for stdin.
    source: PathBuf,

    /// The file to get to; `-` for stdin.
    target: PathBuf,

    /// Print the patch in this format.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "json-patch-yaml")]
    output: Format,

    /// Compare `metadata`, too.
    #[arg(long)]
    include_metadata: bool,

    /// Exit with 2 where there are differences.
    #[arg(long)]
    exit_code: bool,
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
    Unreadable { side: &'static str, source: io::Error },
    #[error("the {side} is no valid YAML")]
    Yaml { side: &'static str, source: YamlError },
}

impl Advise for SideError {}

/// There are differences, which is no news to whoever asked for this exit code.
#[derive(Debug, thiserror::Error)]
#[error("the documents differ")]
struct Differs;

impl Advise for Differs {
    fn exit_code(&self) -> u8 {
        2
    }

    fn is_told(&self) -> bool {
        false
    }
}

impl Command {
    /// Compares.
    ///
    /// # Errors
    /// A side cannot be read. Also that there are differences, where the exit code has to say so.
    pub(crate) fn run(self, globals: &Globals, stdout: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Self::Yaml(arguments) => arguments.run(stdout),
            Self::Instance(arguments) => instance::run(&arguments, globals, stdout),
        }
    }
}

impl Arguments {
    fn run(self, stdout: &mut dyn Write) -> Result<(), Failure> {
        let Self { source, target, output, include_metadata, exit_code } = self;
        let left_out: &[&str] = if include_metadata { &["status"] } else { &["metadata", "status"] };
        let source = read(&source, "source", left_out)?;
        let target = read(&target, "target", left_out)?;
        let operations = patch::between(&source, &target);
        let differs = !operations.is_empty();
        let text = match output {
            Format::JsonPatchYaml if differs => {
                let operations = operations.iter().map(patch::Operation::value).collect();
                output::document(&Value::Array(operations), DocumentFormat::Yaml)
            }
            Format::JsonPatch if differs => patch::json(&operations),
            _ => "null\n".to_owned(),
        };
        output::write(stdout, &text)?;
        if differs && exit_code { Err(Complaint::new(Differs).into()) } else { Ok(()) }
    }
}

fn read(path: &Path, side: &'static str, left_out: &[&str]) -> Result<Value, Failure> {
    let name = path.to_string_lossy();
    if name.contains("://") {
        let hint = "download it first, for example with `curl -LO`";
        return Err(Complaint::new(UsageError::found(format!("the {side} `{name}` is no file"), hint)).into());
    }
    let text = if name == "-" {
        let mut text = String::new();
        io::stdin().lock().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(path)
    };
    let text = text.map_err(|source| Complaint::about(name.clone(), SideError::Unreadable { side, source }))?;
    let documents = read_documents(&text, Dialect::Manifest, &Limits::DISTRIBUTION);
    let documents = documents.map_err(|source| Complaint::about(name, SideError::Yaml { side, source }))?;
    let mut document = documents.into_iter().next().unwrap_or(Value::Null);
    if let Some(fields) = document.as_object_mut() {
        fields.retain(|field, _| !left_out.contains(&field.as_str()));
    }
    Ok(document)
}
