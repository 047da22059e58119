//! `flux-operator reconcile`: now, instead of at the next interval.

mod all;
mod instance;
mod resource;

use std::io::Write;

use clap::Subcommand;

use crate::error::Failure;
use crate::globals::Globals;

/// A command of the group.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Reconcile a FluxInstance.
    Instance(instance::Arguments),
    /// Reconcile an object of Flux.
    Resource(resource::Arguments),
    /// Reconcile every object of a kind.
    #[command(visible_alias = "resources")]
    All(all::Arguments),
}

impl Command {
    pub(crate) fn run(self, globals: &Globals, stdout: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Self::Instance(arguments) => instance::run(&arguments, globals),
            Self::Resource(arguments) => resource::run(&arguments, globals),
            Self::All(arguments) => all::run(&arguments, globals, stdout),
        }
    }
}
