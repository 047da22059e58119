//! The values of a chart, with what their comments say of them.

use std::fmt::Write as _;

use anyhow::{Context as _, bail};
use flux_operator_builder::yaml::{self, Dialect, Limits, Node, NodeKind};
use serde_json::{Map, Value};

use crate::generated::comment;

/// A part of `values.yaml`, in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    /// A key that only groups others.
    Section(String, Vec<Item>),
    /// A key that has a description.
    Entry(Entry),
}

/// A value that users set.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) description: String,
    pub(super) default: Value,
    /// What its schema has beyond the type of the default.
    pub(super) schema: Map<String, Value>,
}

/// Reads `values.yaml`.
///
/// # Errors
/// It is no mapping in YAML, or a value has no description.
pub(super) fn read(text: &str) -> anyhow::Result<Vec<Item>> {
    let [root] = <[Node; 1]>::try_from(yaml::parse(text, &Limits::INPUT)?)
        .map_err(|documents| anyhow::anyhow!("expected one document, found {}", documents.len()))?;
    let lines: Vec<_> = text.lines().collect();
    let entries = root.entries().context("expected keys and values")?;
    entries.iter().map(|(key, value)| item(key, value, &lines)).collect()
}

fn item(key: &Node, value: &Node, lines: &[&str]) -> anyhow::Result<Item> {
    let comment = comment(lines, key.line);
    let key = key.as_scalar().context("expected a text as key")?.text.clone();
    match (comment.iter().find_map(|line| line.strip_prefix("-- ")), &value.kind) {
        (Some(description), _) => {
            let default = value.clone().into_value(Dialect::Manifest)?;
            let schema = comment.iter().find_map(|line| line.strip_prefix("@schema "));
            let schema = schema.map_or(Ok(Map::new()), serde_json::from_str);
            let schema = schema.with_context(|| format!("`@schema` of `{key}` is no JSON object"))?;
            Ok(Item::Entry(Entry { key, description: description.to_owned(), default, schema }))
        }
        (None, NodeKind::Mapping(entries)) => {
            let items = entries.iter().map(|(key, value)| item(key, value, lines));
            Ok(Item::Section(key, items.collect::<anyhow::Result<_>>()?))
        }
        (None, _) => bail!("line {}: `{key}` has no description: put a comment with `--` before it", value.line),
    }
}

/// The values as a table of Markdown.
pub(super) fn table(items: &[Item]) -> String {
    let mut text = "| value | default | |\n| --- | --- | --- |\n".to_owned();
    rows(items, "", &mut text);
    text
}

fn rows(items: &[Item], prefix: &str, text: &mut String) {
    for item in items {
        match item {
            Item::Section(key, items) => rows(items, &format!("{prefix}{key}."), text),
            Item::Entry(entry) => {
                let default = match &entry.default {
                    Value::String(text) if text.is_empty() => String::new(),
                    default => format!("`{default}`").replace('|', "\\|"),
                };
                // Writing to a string cannot fail.
                let _ = writeln!(text, "| `{prefix}{}` | {default} | {} |", entry.key, entry.description);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "# The file.\n\n# -- How many.\n# @schema {\"minimum\": 0}\ncount: 1\n\na:\n  # -- The b.\n  b: x\n";

    #[test]
    fn what_has_a_description_is_a_row() {
        let items = read(TEXT).unwrap();
        let expected =
            "| value | default | |\n| --- | --- | --- |\n| `count` | `1` | How many. |\n| `a.b` | `\"x\"` | The b. |\n";
        assert_eq!(table(&items), expected);
    }

    #[test]
    fn what_has_none_is_refused() {
        let error = read("a:\n  b: 1\n").unwrap_err().to_string();
        assert_eq!(error, "line 2: `b` has no description: put a comment with `--` before it");
    }
}
