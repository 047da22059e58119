//! `flux-operator migrate`: traces of earlier managers and earlier versions.

mod owner;
mod resources;

use clap::Subcommand;

use crate::error::Failure;
use crate::globals::Globals;

/// A command of the group.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take the field ownership of earlier managers off what an object has applied.
    #[command(visible_alias = "ownership")]
    Owner(owner::Arguments),
    /// Write a version of an API into the field ownership of all objects of a kind.
    #[command(visible_alias = "resource")]
    Resources(resources::Arguments),
}

impl Command {
    pub(crate) fn run(self, globals: &Globals) -> Result<(), Failure> {
        match self {
            Self::Owner(arguments) => owner::run(&arguments, globals),
            Self::Resources(arguments) => resources::run(&arguments, globals),
        }
    }
}
