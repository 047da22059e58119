//! `flux-operator diff`.

mod instance;
pub(crate) mod patch;
mod yaml;

use std::io::Write;

use clap::Subcommand;

use crate::error::Failure;
use crate::globals::Globals;

/// A command of the group.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the JSON patch (RFC 6902) that turns one document into another.
    ///
    /// Each side is a file, `-` for stdin, an `https://` address, or a file of an artifact such as
    /// `oci://ghcr.io/org/repo:v1#path/to/file.yaml`. `metadata` and `status` do not count. Equal
    /// documents print `null`. Where a side has several documents, those of the same object are
    /// compared, and every patch is printed with the object that it is for.
    #[command(after_help = yaml::EXAMPLES)]
    Yaml(yaml::Arguments),
    /// Print the objects and fields that a FluxInstance would change in the cluster.
    ///
    /// The short form of `flux-operator plan`: the same dry run, and the same exit codes: 0 where
    /// nothing would change, 2 where something would, 1 where that cannot be told. Nothing is written.
    #[command(after_help = instance::EXAMPLES)]
    Instance(instance::Arguments),
}

impl Command {
    pub(crate) fn run(self, globals: &Globals, stdout: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Self::Yaml(arguments) => yaml::run(&arguments, globals, stdout),
            Self::Instance(arguments) => instance::run(&arguments, globals, stdout),
        }
    }
}
