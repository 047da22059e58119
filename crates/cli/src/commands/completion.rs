//! `flux-operator completion`, and what its scripts ask for.

mod candidates;
mod scripts;

use std::ffi::OsString;
use std::io::Write;

use clap::{Args, CommandFactory as _, ValueEnum};

use crate::cli::Cli;
use crate::error::Failure;
use crate::output;
use candidates::Wanted;

const EXAMPLES: &str = "\
Examples:
  # For this bash
  source <(flux-operator completion bash)

  # For every zsh from now on
  flux-operator completion zsh > \"${fpath[1]}/_flux-operator\"

  # For fish
  flux-operator completion fish > ~/.config/fish/completions/flux-operator.fish";

/// Print the script that completes commands, flags, and names from the cluster.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// A shell with completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
#[expect(clippy::enum_variant_names, reason = "it is called so")]
enum Shell {
    /// Bash 4 or newer.
    Bash,
    /// Zsh.
    Zsh,
    /// Fish 3 or newer.
    Fish,
    /// PowerShell 5 or newer.
    PowerShell,
}

/// What follows the name of the program on a line, the word to complete last.
#[derive(Debug, Args)]
pub struct Line {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, num_args = 0..)]
    pub(super) words: Vec<OsString>,
}

/// The command that the scripts call.
pub(crate) const NAME: &str = "__complete";

/// What the shell shall not do: complete names of files.
const NO_FILES: u8 = 4;

/// What the shell does where nothing else is known.
const DEFAULT: u8 = 0;

/// Prints the script.
///
/// # Errors
/// Stdout cannot be written to.
pub(crate) fn run(arguments: &Arguments, stdout: &mut dyn Write) -> Result<(), Failure> {
    let script = match arguments.shell {
        Shell::Bash => scripts::BASH,
        Shell::Zsh => scripts::ZSH,
        Shell::Fish => scripts::FISH,
        Shell::PowerShell => scripts::POWERSHELL,
    };
    output::write(stdout, script).map(drop)
}

/// Prints what the last word may become, one candidate a line, and then what the shell may add.
///
/// # Errors
/// Stdout cannot be written to. A cluster that does not answer has no names.
pub(crate) fn complete(line: &Line, stdout: &mut dyn Write) -> Result<(), Failure> {
    let words: Vec<String> = line.words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let (last, before) = words.split_last().map_or(("", [].as_slice()), |(last, before)| (last.as_str(), before));
    let mut root = Cli::command();
    root.build();
    let (candidates, directive) = match candidates::wanted(&root, before, last) {
        Wanted::Known(candidates) => (candidates, NO_FILES),
        Wanted::Files => (Vec::new(), DEFAULT),
        Wanted::Live(live) => (live.names(before), NO_FILES),
    };
    let mut text = String::new();
    for candidate in candidates.iter().filter(|candidate| candidate.starts_with(last)) {
        text.push_str(candidate);
        text.push('\n');
    }
    output::write(stdout, &format!("{text}:{directive}\n")).map(drop)
}
