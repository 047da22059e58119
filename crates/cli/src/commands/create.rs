//! `flux-operator create`.

pub mod secret;

use std::io::Write;

use clap::Subcommand;

use crate::error::Failure;
use crate::globals::Globals;

/// A command of the group.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create or replace a Secret as Flux or its operator reads it.
    #[command(subcommand, arg_required_else_help = true)]
    Secret(secret::Command),
}

impl Command {
    pub(crate) fn run(self, globals: &Globals, stdout: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Self::Secret(command) => command.run(globals, stdout),
        }
    }
}
