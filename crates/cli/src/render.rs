//! Bundles as text.

mod json;

use std::io;

use clap::ValueEnum;
use flux_operator_api::Object;
use flux_operator_builder::Bundle;
use serde::Serialize;

/// How objects are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A document for each object, after a line `---`.
    Yaml,
    /// A List for each instance.
    Json,
}

/// What `kubectl` accepts as several objects in one JSON document. Keys in alphabetical order.
#[derive(Serialize)]
struct List<'a> {
    #[serde(rename = "apiVersion")]
    api_version: &'static str,
    items: &'a [Object],
    kind: &'static str,
}

/// A value as JSON with an indentation of two blanks.
pub(crate) fn json_text(value: &impl Serialize) -> String {
    let mut text = Vec::new();
    // Writing to memory does not fail, and values are JSON.
    let _ = json::write(value, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

/// A value as JSON on one line, with the same escapes.
pub(crate) fn json_line(value: &impl Serialize) -> String {
    // Outside of texts there are none of these.
    let text = serde_json::to_string(value).unwrap_or_default();
    text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

impl Format {
    /// The ending of files in this format, without a dot.
    pub(crate) fn ending(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
        }
    }

    /// Replaces what is in the buffer by the text of the bundle.
    ///
    /// # Errors
    /// An object is no JSON, which objects always are.
    pub(crate) fn write(self, bundle: &Bundle, buffer: &mut Vec<u8>) -> io::Result<()> {
        buffer.clear();
        match self {
            Self::Yaml => {
                // An empty buffer is a text, so this keeps the memory and checks nothing.
                let mut text = String::from_utf8(std::mem::take(buffer)).unwrap_or_default();
                bundle.write_yaml(&mut text);
                *buffer = text.into_bytes();
                Ok(())
            }
            Self::Json => {
                json::write(&List { api_version: "v1", items: bundle.objects(), kind: "List" }, &mut *buffer)?;
                buffer.push(b'\n');
                Ok(())
            }
        }
    }
}
