//! What an installation and the operator cost on a real API server, as the examples `cost` of
//! `crates/inventory` and `crates/operator` find out.

use std::path::Path;

use super::example;
use super::table::Table;
use crate::cargo;

pub(super) fn engine(profile: &str, distribution: &Path, table: &mut Table) -> anyhow::Result<()> {
    example::add(example::of("flux-operator-inventory", "cost", profile).arg(distribution), table)
}

pub(super) fn operator(profile: &str, program: &Path, distribution: &Path, table: &mut Table) -> anyhow::Result<()> {
    const PACKAGE: &str = "flux-operator-controller";
    cargo::run(&mut cargo::cargo(["build", "--quiet", "--profile", profile, "--package", PACKAGE]))?;
    example::add(example::of(PACKAGE, "cost", profile).arg(program).arg(distribution), table)
}
