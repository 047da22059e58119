//! `flux-operator man`.

use std::fs;
use std::io;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _};

use crate::cli::Cli;
use crate::error::{Advise, Complaint, Failure};
use crate::ui;

const EXAMPLES: &str = "\
Examples:
  # For `man flux-operator-get-instance`
  flux-operator man ~/.local/share/man/man1";

/// Write a page for `man` of every command into a directory.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The directory, which is made where it is not there.
    directory: PathBuf,
}

/// A directory that cannot be written to.
#[derive(Debug, thiserror::Error)]
#[error("the pages cannot be written")]
struct Unwritable(#[source] io::Error);

impl Advise for Unwritable {}

/// Writes the pages.
///
/// # Errors
/// The directory cannot be written to.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let directory = &arguments.directory;
    let written = fs::create_dir_all(directory).and_then(|()| clap_mangen::generate_to(Cli::command(), directory));
    written.map_err(|error| Complaint::about(directory.display().to_string(), Unwritable(error)))?;
    ui::done(format_args!("wrote the pages of all commands to {}", directory.display()));
    Ok(())
}
