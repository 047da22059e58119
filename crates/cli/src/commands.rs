//! The commands, one file each.

pub mod apply;
pub mod build;
pub mod check;
pub mod completion;
pub mod create;
pub mod delete;
pub mod diff;
pub mod distro;
pub mod events;
pub mod export;
pub mod get;
pub mod install;
pub mod logs;
pub mod man;
pub mod migrate;
pub mod patch;
pub mod plan;
pub mod reconcile;
pub mod stats;
pub mod suspend;
pub mod trace;
pub mod tree;
pub mod uninstall;
pub mod version;
pub mod wait;

use std::ffi::OsString;
use std::io::Write;

use clap::Subcommand;

use crate::error::Failure;
use crate::globals::Globals;

/// A command of the root.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "what is not said here, the arguments say")]
pub enum Command {
    /// List what there is, and how it is doing.
    #[command(subcommand, arg_required_else_help = true)]
    Get(get::Command),
    /// Have something reconciled now.
    #[command(subcommand, arg_required_else_help = true)]
    Reconcile(reconcile::Command),
    /// Have something left alone.
    #[command(subcommand, arg_required_else_help = true)]
    Suspend(suspend::Suspend),
    /// Have something go on that was suspended.
    #[command(subcommand, arg_required_else_help = true)]
    Resume(suspend::Resume),
    /// Wait until something is ready, suspended or gone.
    #[command(subcommand, arg_required_else_help = true)]
    Wait(wait::Command),
    /// Show what an object has applied, and what that has applied.
    #[command(subcommand, arg_required_else_help = true)]
    Tree(tree::Command),
    Trace(trace::Arguments),
    Events(events::Arguments),
    Logs(logs::Arguments),
    Check(check::Arguments),
    Stats(stats::Arguments),
    /// Print objects without what only their cluster needs.
    #[command(subcommand, arg_required_else_help = true)]
    Export(export::Command),
    /// Create what Flux or its operator reads.
    #[command(subcommand, arg_required_else_help = true)]
    Create(create::Command),
    /// Move objects on from earlier managers and versions.
    #[command(subcommand, arg_required_else_help = true)]
    Migrate(migrate::Command),
    /// Compare files, or an instance with a cluster.
    #[command(subcommand, arg_required_else_help = true)]
    Diff(diff::Command),
    Plan(plan::Arguments),
    Apply(apply::Arguments),
    /// Change manifests in files.
    #[command(subcommand, arg_required_else_help = true)]
    Patch(patch::Command),
    /// Delete a FluxInstance.
    #[command(subcommand, arg_required_else_help = true)]
    Delete(delete::Command),
    /// Render manifests without a cluster.
    #[command(subcommand, arg_required_else_help = true)]
    Build(build::Command),
    /// List, carry and verify distributions.
    #[command(subcommand, arg_required_else_help = true)]
    Distro(distro::Command),
    Install(install::Arguments),
    Uninstall(uninstall::Arguments),
    Version(version::Arguments),
    Completion(completion::Arguments),
    #[command(hide = true)]
    Man(man::Arguments),
    /// Completes a line.
    #[command(name = completion::NAME, hide = true)]
    Complete(completion::Line),
}

impl Command {
    /// Completes a line: the words behind the name of the program, the last one unfinished.
    pub(crate) fn complete(words: &[OsString]) -> Self {
        Self::Complete(completion::Line { words: words.to_vec() })
    }

    pub(crate) fn run(self, globals: &Globals, stdout: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Self::Get(command) => command.run(globals, stdout),
            Self::Reconcile(command) => command.run(globals, stdout),
            Self::Suspend(command) => command.run(globals),
            Self::Resume(command) => command.run(globals),
            Self::Wait(command) => command.run(globals),
            Self::Tree(command) => command.run(globals, stdout),
            Self::Trace(arguments) => trace::run(&arguments, globals, stdout),
            Self::Events(arguments) => events::run(&arguments, globals, stdout),
            Self::Logs(arguments) => logs::run(&arguments, globals, stdout),
            Self::Check(arguments) => check::run(&arguments, globals, stdout),
            Self::Stats(arguments) => stats::run(&arguments, globals, stdout),
            Self::Export(command) => command.run(globals, stdout),
            Self::Create(command) => command.run(globals, stdout),
            Self::Migrate(command) => command.run(globals),
            Self::Diff(command) => command.run(globals, stdout),
            Self::Plan(arguments) => plan::run(&arguments, globals, stdout),
            Self::Apply(arguments) => apply::run(&arguments, globals),
            Self::Patch(command) => command.run(globals, stdout),
            Self::Delete(command) => command.run(globals),
            Self::Build(command) => command.run(stdout),
            Self::Distro(command) => command.run(globals, stdout),
            Self::Install(arguments) => install::run(&arguments, globals, stdout),
            Self::Uninstall(arguments) => uninstall::run(&arguments, globals, stdout),
            Self::Version(arguments) => version::run(&arguments, globals, stdout),
            Self::Completion(arguments) => completion::run(&arguments, stdout),
            Self::Man(arguments) => man::run(&arguments),
            Self::Complete(line) => completion::complete(&line, stdout),
        }
    }
}
