//! `flux-operator build`: rendering without a cluster.

pub mod instance;

use std::io::Write;

use clap::Subcommand;

use crate::error::Failure;

/// A command of the group.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Render the Kubernetes objects of a FluxInstance.
    Instance(instance::Arguments),
}

impl Command {
    pub(crate) fn run(self, stdout: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Self::Instance(arguments) => instance::run(arguments, stdout),
        }
    }
}
