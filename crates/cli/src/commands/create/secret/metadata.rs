//! Name, labels and annotations.

use clap::Args;
use serde_json::{Map, Value};

use crate::error::{Complaint, Failure};
use crate::usage::UsageError;

/// What every Secret has.
#[derive(Debug, Args)]
pub(super) struct Common {
    /// The name of the Secret.
    pub(super) name: String,

    /// Annotate the Secret, as `key=value`; comma separated or repeated.
    #[arg(long, value_name = "KEY=VALUE", value_delimiter = ',')]
    annotation: Vec<String>,

    /// Label the Secret, as `key=value`; comma separated or repeated.
    #[arg(long, value_name = "KEY=VALUE", value_delimiter = ',')]
    label: Vec<String>,

    /// Forbid changes of the Secret: it can only be replaced.
    #[arg(long)]
    pub(super) immutable: bool,

    /// Print the Secret instead of applying it, with its values for all to read.
    #[arg(long)]
    pub(super) export: bool,
}

/// Labels and annotations that an API server accepts.
#[derive(Default)]
pub(super) struct Metadata {
    pub(super) labels: Map<String, Value>,
    pub(super) annotations: Map<String, Value>,
}

impl Common {
    /// The labels and annotations.
    ///
    /// # Errors
    /// Some of them are not what an API server accepts, or the name is not.
    pub(super) fn metadata(&self) -> Result<Metadata, Failure> {
        let mut complaints = Vec::new();
        let mut complain = |text: String| {
            let hint = "`flux-operator create secret --help` lists the kinds and their flags";
            complaints.push(Complaint::new(UsageError::found(text, hint)));
        };
        if !is_subdomain(&self.name) {
            complain(format!("`{}` is no name of a Secret: use lower case letters, digits, `-` and `.`", self.name));
        }
        let mut metadata = Metadata::default();
        for (flag, pairs, entries, values_are_labels) in [
            ("--label", &self.label, &mut metadata.labels, true),
            ("--annotation", &self.annotation, &mut metadata.annotations, false),
        ] {
            for pair in pairs {
                match pair.split_once('=') {
                    Some((key, value)) if !is_qualified(key) => {
                        complain(format!("`{flag}`: `{key}` is no key, expected one like `example.com/team`"));
                        let _ = value;
                    }
                    Some((_, value)) if values_are_labels && !(value.is_empty() || is_label(value)) => {
                        complain(format!("`{flag}`: `{value}` is no value of a label"));
                    }
                    Some((key, value)) => drop(entries.insert(key.to_owned(), value.into())),
                    None => complain(format!("`{flag}`: expected `key=value`, found `{pair}`")),
                }
            }
        }
        Failure::check(complaints)?;
        Ok(metadata)
    }
}

/// Up to 63 letters, digits, `-`, `_` and `.`, none of the latter at an end.
fn is_label(text: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let is_inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.len() <= 63 && ends(text.chars().next()) && ends(text.chars().last()) && text.chars().all(is_inside)
}

/// A name, perhaps with a DNS name and a slash before it.
fn is_qualified(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => is_subdomain(prefix) && is_label(name),
        None => is_label(key),
    }
}

fn is_subdomain(text: &str) -> bool {
    let is_part = |part: &str| is_label(part) && part.chars().all(|c| !c.is_ascii_uppercase() && c != '_');
    text.len() <= 253 && text.split('.').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_are_those_of_kubernetes() {
        for (key, expected) in [
            ("team", true),
            ("example.com/team", true),
            ("Example.com/team", false),
            ("a/b/c", false),
            ("-a", false),
            ("", false),
        ] {
            assert_eq!(is_qualified(key), expected, "{key}");
        }
        assert!(is_label("v1.2_3") && !is_label("a b") && !is_label(&"a".repeat(64)));
        assert!(is_subdomain("my-secret.v1") && !is_subdomain("My_Secret"));
    }
}
