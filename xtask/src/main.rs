//! The tasks of the workspace: `cargo xtask <command>`, one file a command.
//!
//! Nothing here ships. What a command needs from outside, it looks for first and says when it is
//! not there; only `wasm`, `fuzz` and `dist` install something.

#![expect(clippy::print_stdout, reason = "a build tool reports to whoever called it")]

mod bench;
mod book;
mod bundle;
mod cargo;
mod charts;
mod ci;
mod cluster;
mod crds;
mod debian;
mod demo;
mod dist;
mod docs;
mod fuzz;
mod generated;
mod golden;
#[cfg(test)]
mod manifests;
mod measure;
mod metadata;
mod permissions;
mod tidy;
mod wasm;
#[cfg(test)]
mod workflows;

use std::process::ExitCode;

use clap::Parser;

/// Build, check and measure this workspace.
#[derive(Debug, Parser)]
#[command(name = "xtask", bin_name = "cargo xtask")]
enum Xtask {
    Book(book::Book),
    Bundle(bundle::Bundle),
    Charts(charts::Charts),
    Ci(ci::Ci),
    Cluster(cluster::ClusterCommand),
    Crds(crds::Crds),
    Demo(demo::Demo),
    Dist(dist::Dist),
    Docs(docs::Docs),
    Golden(golden::Golden),
    Permissions(permissions::Permissions),
    Tidy(tidy::Tidy),
    Wasm(wasm::Wasm),
    Bench(bench::Bench),
    Fuzz(fuzz::Fuzz),
    #[command(hide = true)]
    Measure(measure::Measure),
}

fn main() -> ExitCode {
    match run(Xtask::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The causes on one line each; a backtrace helps nobody here.
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  cause: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(command: Xtask) -> anyhow::Result<()> {
    match command {
        Xtask::Book(command) => command.run(),
        Xtask::Bundle(command) => command.run(),
        Xtask::Charts(command) => command.run(),
        Xtask::Ci(command) => command.run(),
        Xtask::Cluster(command) => command.run(),
        Xtask::Crds(command) => command.run(),
        Xtask::Demo(command) => command.run(),
        Xtask::Dist(command) => command.run(),
        Xtask::Docs(command) => command.run(),
        Xtask::Golden(command) => command.run(),
        Xtask::Permissions(command) => command.run(),
        Xtask::Tidy(command) => command.run(),
        Xtask::Wasm(command) => command.run(),
        Xtask::Bench(command) => command.run(),
        Xtask::Fuzz(command) => command.run(),
        Xtask::Measure(command) => command.run(),
    }
}
