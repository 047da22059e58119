//! Results, on stdout.

mod format;

use std::io::{self, Write};

use clap::ValueEnum;
use flux_operator_api::Object;
use flux_operator_builder::yaml;
use serde_json::{Value, json};

pub(crate) use format::{ListFormat, ListFormats};

use crate::error::{Advise, Complaint, Failure};
use crate::render;

/// How a document is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DocumentFormat {
    /// YAML.
    Yaml,
    /// JSON.
    Json,
}

/// A text that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to stdout")]
struct StdoutError(#[source] io::Error);

impl Advise for StdoutError {}

/// Writes a text. Whoever closed the pipe has seen enough: `Ok(false)` says so.
pub(crate) fn write(stdout: &mut dyn Write, text: &str) -> Result<bool, Failure> {
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Complaint::new(StdoutError(error)).into()),
    }
}

/// Writes a text with colours, which stay where stdout shows them.
pub(crate) fn write_colored(stdout: &mut dyn Write, text: &str) -> Result<bool, Failure> {
    match anstream::AutoStream::choice(&io::stdout()) {
        anstream::ColorChoice::Never => write(stdout, &anstream::adapter::strip_str(text).to_string()),
        _ => write(stdout, text),
    }
}

/// A value in the layout of the format, with a line break at the end.
pub(crate) fn document(value: &Value, format: DocumentFormat) -> String {
    match format {
        DocumentFormat::Yaml => {
            let mut text = String::new();
            yaml::write(value, &mut text);
            text
        }
        DocumentFormat::Json => render::json_text(value) + "\n",
    }
}

/// Objects of the cluster as JSON has them: each by itself where one was named, and otherwise all in a `List`.
pub(crate) fn listed(objects: Vec<Object>, is_one: bool) -> Vec<Value> {
    let values: Vec<_> = objects.into_iter().map(without_noise).collect();
    if is_one { values } else { vec![json!({"apiVersion": "v1", "kind": "List", "items": values})] }
}

/// Objects of the cluster as YAML, a document for each.
pub(crate) fn documents(objects: Vec<Object>) -> String {
    let values = objects.into_iter().map(without_noise);
    values.map(|value| format!("---\n{}", document(&value, DocumentFormat::Yaml))).collect()
}

/// Without what is only there for field managers.
fn without_noise(object: Object) -> Value {
    let mut value = object.into_value();
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    value
}

/// A value as JSON on one line, escaped like all JSON.
pub(crate) fn json_line(value: &impl serde::Serialize) -> String {
    render::json_line(value) + "\n"
}
