//! `flux-operator distro`: distributions, with and without a network.

pub mod bundle;
pub mod list;
pub mod mirror;
pub mod pull;
pub mod verify;

use std::io::Write;

use clap::Subcommand;

use crate::error::Failure;
use crate::globals::Globals;

/// A command of the group.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the Flux versions of a distribution, or the images of one.
    List(list::Arguments),
    /// Unpack a distribution from a registry into a directory.
    Pull(pull::Arguments),
    /// Write a distribution from a registry into one file.
    Bundle(bundle::Arguments),
    /// Tell whether somebody who is trusted signed an artifact, an image or a bundle.
    Verify(verify::Arguments),
    /// Copy a distribution and the images of a Flux version to another registry.
    Mirror(Box<mirror::Arguments>),
}

impl Command {
    pub(crate) fn run(self, globals: &Globals, stdout: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Self::List(arguments) => list::run(&arguments, stdout),
            Self::Pull(arguments) => pull::run(arguments),
            Self::Bundle(arguments) => bundle::run(arguments),
            Self::Verify(arguments) => verify::run(&arguments),
            Self::Mirror(arguments) => mirror::run(&arguments, globals),
        }
    }
}
