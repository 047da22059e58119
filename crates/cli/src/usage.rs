//! Arguments that are not understood.

use std::ffi::OsString;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::error::Advise;

/// Arguments that are not understood, in the words of every other error.
///
/// The parser knows what is wrong as data, which is what this reads; its own text would come with
/// a page of usage.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct UsageError {
    text: String,
    hint: String,
}

impl UsageError {
    /// An error that a command finds after parsing.
    pub(crate) fn found(text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { text: text.into(), hint: hint.into() }
    }

    /// The error of the parser.
    pub(crate) fn new(error: &clap::Error, root: &Command, args: &[OsString]) -> Self {
        let command = called(root, args);
        let about = |kind| words(error, kind).into_iter().next().unwrap_or_default();
        let argument = flag(&about(ContextKind::InvalidArg));
        let value = about(ContextKind::InvalidValue);
        let near = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue]
            .into_iter()
            .find_map(|kind| words(error, kind).into_iter().next());
        let near = near.map(|near| format!("did you mean `{near}`?"));
        let flags = format!("`{command} --help` lists the flags");
        let (text, hint) = match error.kind() {
            ErrorKind::InvalidSubcommand => (
                format!("unknown command `{command} {}`", about(ContextKind::InvalidSubcommand)),
                near.unwrap_or_else(|| format!("`{command} --help` lists the commands")),
            ),
            ErrorKind::UnknownArgument if argument.starts_with('-') => {
                (format!("unknown flag `{argument}`"), near.unwrap_or(flags))
            }
            ErrorKind::UnknownArgument => (
                format!("`{command}` accepts no arguments, received `{argument}`"),
                format!("repeat the flag for each file, for example `-f a.yaml -f b.yaml`; {flags}"),
            ),
            ErrorKind::InvalidValue if value.is_empty() => (format!("`{argument}` needs a value"), flags),
            ErrorKind::InvalidValue => {
                let accepted: Vec<_> = words(error, ContextKind::ValidValue);
                let accepted = accepted.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(" or ");
                (format!("`{argument}` accepts {accepted}, received `{value}`"), near.unwrap_or(flags))
            }
            ErrorKind::ArgumentConflict => (format!("`{argument}` is given more than once"), flags),
            kind => (kind.to_string(), flags),
        };
        Self { text, hint }
    }
}

impl Advise for UsageError {
    fn hint(&self) -> Option<String> {
        Some(self.hint.clone())
    }
}

/// The command that the arguments call, such as `flux-operator build`.
fn called(root: &Command, args: &[OsString]) -> String {
    let mut command = root;
    let mut name = root.get_name().to_owned();
    for next in args.iter().skip(1).map_while(|arg| arg.to_str()) {
        let Some(found) = command.find_subcommand(next) else { break };
        command = found;
        name = format!("{name} {}", found.get_name());
    }
    name
}

/// What the parser knows of a kind.
fn words(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(word)) => vec![word.clone()],
        Some(ContextValue::Strings(words)) => words.clone(),
        _ => Vec::new(),
    }
}

/// The flag of `--output <FORMAT>`.
fn flag(argument: &str) -> String {
    argument.split(' ').next().unwrap_or_default().to_owned()
}
