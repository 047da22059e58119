//! `flux-operator patch`: changing manifests in files.

mod additions;
mod change;
mod edit;
mod generated;
mod github;
mod instance;
mod manifest;
mod outline;
mod release;
mod target;
mod upstream;

use std::io::Write;

use clap::Subcommand;

use crate::error::Failure;
use crate::globals::Globals;

/// A command of the group.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Have a FluxInstance in a file run newer controllers, with their CRDs.
    Instance(instance::Arguments),
}

impl Command {
    pub(crate) fn run(self, globals: &Globals, stdout: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Self::Instance(arguments) => instance::run(&arguments, globals, stdout),
        }
    }
}
