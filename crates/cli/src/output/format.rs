//! What `--output` of a list may be.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Arg, Command};

use crate::jsonpath::Template;

/// How a list is printed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ListFormat {
    /// Columns.
    Table,
    /// More columns.
    Wide,
    /// YAML.
    Yaml,
    /// JSON.
    Json,
    /// A line `<kind>/<namespace>/<name>` for each object.
    Name,
    /// What a template prints of the JSON.
    JsonPath(Template),
}

/// Reads a [`ListFormat`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListFormats;

/// What a template is written behind.
const JSONPATH: &str = "jsonpath=";

/// The formats without a template, as they are called.
const NAMED: [(&str, &str, ListFormat); 5] = [
    ("table", "Columns", ListFormat::Table),
    ("wide", "More columns", ListFormat::Wide),
    ("yaml", "YAML", ListFormat::Yaml),
    ("json", "JSON", ListFormat::Json),
    ("name", "A line `<kind>/<namespace>/<name>` for each object", ListFormat::Name),
];

impl TypedValueParser for ListFormats {
    type Value = ListFormat;

    fn parse_ref(&self, command: &Command, flag: Option<&Arg>, value: &OsStr) -> Result<ListFormat, clap::Error> {
        if value.to_str().is_some_and(|text| text.starts_with(JSONPATH)) {
            let template = |text: &str| text.strip_prefix(JSONPATH).unwrap_or(text).parse::<Template>();
            return template.parse_ref(command, flag, value).map(ListFormat::JsonPath);
        }
        let names = PossibleValuesParser::new(values());
        names.try_map(|found| named(&found)).parse_ref(command, flag, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(values()))
    }
}

fn values() -> impl Iterator<Item = PossibleValue> {
    let named = NAMED.into_iter().map(|(name, help, _)| PossibleValue::new(name).help(help));
    let help = "What a template prints of the JSON, as with `kubectl`, such as `jsonpath={.items[*].metadata.name}`";
    named.chain([PossibleValue::new(JSONPATH).help(help)])
}

fn named(name: &str) -> Result<ListFormat, String> {
    let found = NAMED.into_iter().find(|(known, ..)| *known == name);
    found.map(|(.., format)| format).ok_or_else(|| format!("write a template behind `{JSONPATH}`"))
}
