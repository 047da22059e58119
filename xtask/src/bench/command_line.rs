//! What the commands for clusters cost, as the example `commands` of `crates/cli` finds out, and what the
//! program costs before it does anything.

use std::path::Path;
use std::time::Duration;

use super::example;
use super::table::{Figure, Table, median};
use crate::measure::{self, Usage};

const RUNS: usize = 30;

const HELP: Figure = Figure::Time(Duration::from_millis(5));
const SIZE: Figure = Figure::Memory(25_000_000);

/// Measures what needs no cluster.
pub(super) fn program(program: &Path, table: &mut Table) -> anyhow::Result<()> {
    let usage = Usage::of(program.to_owned(), &["--help".to_owned()], RUNS)?;
    table.at_most("command line, --help", HELP, Figure::Time(median(usage.wall)));
    table.at_most("command line, program without symbols", SIZE, Figure::Memory(measure::stripped(program)?));
    Ok(())
}

/// Measures what needs one.
pub(super) fn cluster(profile: &str, program: &Path, table: &mut Table) -> anyhow::Result<()> {
    example::add(example::of("flux-operator-cli", "commands", profile).arg(program), table)
}
