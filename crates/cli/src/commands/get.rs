//! `flux-operator get`: what there is, and how it is doing.

mod all;
mod instance;
mod listing;

use std::io::Write;

use clap::Subcommand;

use crate::error::Failure;
use crate::globals::Globals;

/// A command of the group.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List FluxInstances.
    #[command(visible_alias = "instances")]
    Instance(instance::Arguments),
    /// List the objects of Flux and its operator.
    #[command(visible_alias = "resources")]
    All(all::Arguments),
}

impl Command {
    pub(crate) fn run(self, globals: &Globals, stdout: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Self::Instance(arguments) => instance::run(arguments, globals, stdout),
            Self::All(arguments) => all::run(arguments, globals, stdout),
        }
    }
}
