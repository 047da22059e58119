//! The commands, one file each.

pub mod build;

use std::io::Write;

use clap::Subcommand;

use crate::error::Failure;

/// A command of the root.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Render manifests without a cluster.
    #[command(subcommand, arg_required_else_help = true)]
    Build(build::Command),
}

impl Command {
    pub(crate) fn run(self, stdout: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Self::Build(command) => command.run(stdout),
        }
    }
}
