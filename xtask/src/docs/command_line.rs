//! The reference of the command line, from its parser.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory as _};
use flux_operator_cli::cli::Cli;

use super::cell;

/// The page.
pub(super) fn page() -> String {
    let mut root = Cli::command();
    root.build();
    let mut text =
        "# Commands and flags\n\nWhat `flux-operator COMMAND --help` says, in one place. What holds for all \
                    commands is in [the command line](../cli.md).\n"
            .to_owned();
    // Writing to a text cannot fail.
    let _ = writeln!(text, "\n## Global flags\n");
    flags(root.get_arguments().filter(|arg| arg.is_global_set()), &mut text);
    commands(&root, "flux-operator", &mut text);
    text
}

fn commands(command: &Command, name: &str, text: &mut String) {
    for command in command.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help") {
        let name = format!("{name} {}", command.get_name());
        if command.has_subcommands() {
            commands(command, &name, text);
        } else {
            leaf(command, &name, text);
        }
    }
}

fn leaf(command: &Command, name: &str, text: &mut String) {
    let _ = writeln!(text, "\n## {name}\n");
    if let Some(about) = command.get_long_about().or_else(|| command.get_about()) {
        let _ = writeln!(text, "{}\n", about.to_string().replace('<', "&lt;"));
    }
    let positionals: Vec<String> = command
        .get_positionals()
        .map(|arg| if arg.is_required_set() { value(arg) } else { format!("[{}]", value(arg)) })
        .collect();
    let _ = writeln!(text, "```text\n{name} {}\n```\n", [&positionals[..], &["[flags]".to_owned()]].concat().join(" "));
    flags(command.get_arguments().filter(|arg| !arg.is_global_set()), text);
}

fn flags<'a>(args: impl Iterator<Item = &'a Arg>, text: &mut String) {
    let shown: Vec<&Arg> = args.filter(|arg| !arg.is_hide_set() && arg.get_id() != "help").collect();
    if shown.is_empty() {
        return;
    }
    let _ = writeln!(text, "| | default | |\n| --- | --- | --- |");
    for arg in shown {
        let help = arg.get_long_help().or_else(|| arg.get_help()).map(ToString::to_string).unwrap_or_default();
        let defaults: Vec<_> = arg.get_default_values().iter().filter_map(|value| value.to_str()).collect();
        let default = if arg.is_hide_default_value_set() || defaults.is_empty() || defaults == ["false"] {
            String::new()
        } else {
            format!("`{}`", defaults.join(","))
        };
        let values: Vec<String> = arg
            .get_possible_values()
            .iter()
            .filter(|value| !value.is_hide_set())
            .map(|value| format!("`{}`", value.get_name()))
            .collect();
        let takes_choice = arg.get_action().takes_values() && !arg.is_hide_possible_values_set();
        let values =
            if takes_choice && !values.is_empty() { format!(" ({})", values.join(", ")) } else { String::new() };
        let _ = writeln!(text, "| `{}` | {default} | {}{values} |", spelled(arg), cell(&help));
    }
}

/// A flag as it is typed.
fn spelled(arg: &Arg) -> String {
    let mut spelled = Vec::new();
    spelled.extend(arg.get_short().map(|short| format!("-{short}")));
    spelled.extend(arg.get_long().map(|long| format!("--{long}")));
    if spelled.is_empty() {
        return value(arg);
    }
    let spelled = spelled.join(", ");
    if arg.get_action().takes_values() { format!("{spelled} {}", value(arg)) } else { spelled }
}

fn value(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    if names.is_empty() { arg.get_id().as_str().to_uppercase() } else { names.join(" ") }
}
