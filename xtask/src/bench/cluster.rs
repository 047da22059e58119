//! What an installation and the operator cost on a real API server, as the examples `cost` of
//! `crates/inventory` and `crates/operator` find out.

use std::path::Path;

use super::table::{Figure, Table};
use super::{OPERATOR, example};
use crate::measure;

const SIZE: Figure = Figure::Memory(25_000_000);

/// Measures what needs no cluster.
pub(super) fn program(program: &Path, table: &mut Table) -> anyhow::Result<()> {
    table.at_most("operator, program without symbols", SIZE, Figure::Memory(measure::stripped(program)?));
    Ok(())
}

pub(super) fn engine(profile: &str, distribution: &Path, table: &mut Table) -> anyhow::Result<()> {
    example::add(example::of("flux-operator-inventory", "installation", profile).arg(distribution), table)
}

pub(super) fn operator(profile: &str, program: &Path, distribution: &Path, table: &mut Table) -> anyhow::Result<()> {
    example::add(example::of(OPERATOR, "cost", profile).arg(program).arg(distribution), table)
}
