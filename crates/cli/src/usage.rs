//! Arguments that are not understood.

use std::error::Error as _;
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
        let (called, command) = called(root, args);
        let positionals = called.get_positionals().count();
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
            ErrorKind::MissingSubcommand => {
                (format!("`{command}` needs a command"), format!("`{command} --help` lists the commands"))
            }
            ErrorKind::UnknownArgument if argument.starts_with('-') => {
                (format!("unknown flag `{argument}`"), near.unwrap_or(flags))
            }
            ErrorKind::UnknownArgument if positionals > 0 => {
                (format!("`{command}` accepts at most {positionals} arg(s), received `{argument}` besides"), flags)
            }
            ErrorKind::UnknownArgument => {
                let reads_files = called.get_arguments().any(|flag| flag.get_long() == Some("filename"));
                let files = "repeat the flag for each file, for example `-f a.yaml -f b.yaml`; ";
                let files = if reads_files { files } else { "" };
                (format!("`{command}` accepts no arguments, received `{argument}`"), format!("{files}{flags}"))
            }
            ErrorKind::MissingRequiredArgument if argument.starts_with('-') => {
                (format!("{argument} is required with the flags that are given"), flags)
            }
            ErrorKind::MissingRequiredArgument => {
                let missing = words(error, ContextKind::InvalidArg);
                let received = positionals.saturating_sub(missing.len());
                (
                    format!("`{command}` accepts {positionals} arg(s), received {received}"),
                    format!("`{}` is missing; `{command} --help` has examples", missing.join("` and `")),
                )
            }
            ErrorKind::ValueValidation => {
                let why = error.source().map(|why| format!(": {why}")).unwrap_or_default();
                (format!("`{argument}` cannot be `{value}`{why}"), flags)
            }
            ErrorKind::InvalidValue if value.is_empty() => (format!("`{argument}` needs a value"), flags),
            ErrorKind::InvalidValue => {
                let accepted: Vec<_> = words(error, ContextKind::ValidValue);
                let accepted = accepted.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(" or ");
                (format!("`{argument}` accepts {accepted}, received `{value}`"), near.unwrap_or(flags))
            }
            ErrorKind::ArgumentConflict => {
                let other = words(error, ContextKind::PriorArg).first().map(|other| flag(other));
                match other.filter(|other| *other != argument) {
                    Some(other) => (format!("`{argument}` and `{other}` exclude each other"), flags),
                    None => (format!("`{argument}` is given more than once"), flags),
                }
            }
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

/// The command that the arguments call, and its whole name, such as `flux-operator build`.
///
/// Global flags before it are passed over, but not their values: whoever is that far has a command
/// that looks like one.
fn called<'c>(root: &'c Command, args: &[OsString]) -> (&'c Command, String) {
    let mut command = root;
    let mut name = root.get_name().to_owned();
    for next in args.iter().skip(1).filter_map(|arg| arg.to_str()) {
        let Some(found) = command.find_subcommand(next) else { continue };
        command = found;
        name = format!("{name} {}", found.get_name());
    }
    (command, name)
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
