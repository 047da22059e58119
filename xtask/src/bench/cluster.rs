//! What an installation and the operator cost on a real API server, as the examples `cost` of
//! `crates/inventory` and `crates/operator` find out.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use serde::Deserialize;

use super::table::{Figure, Table};
use crate::cargo;

/// A line of the example's output.
#[derive(Debug, Deserialize)]
struct Line {
    what: String,
    measured: f64,
    unit: Unit,
    goal: f64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Unit {
    Seconds,
    Bytes,
    Ratio,
}

pub(super) fn engine(profile: &str, distribution: &Path, table: &mut Table) -> anyhow::Result<()> {
    let mut run = cargo::cargo(["run", "--quiet", "--profile", profile, "--package", "flux-operator-inventory"]);
    run.args(["--example", "cost", "--"]).arg(distribution);
    add(&mut run, table)
}

pub(super) fn operator(profile: &str, program: &Path, distribution: &Path, table: &mut Table) -> anyhow::Result<()> {
    let package = ["--profile", profile, "--package", "flux-operator-controller"];
    cargo::run(&mut cargo::cargo(["build", "--quiet"].into_iter().chain(package)))?;
    let mut run = cargo::cargo(["run", "--quiet"].into_iter().chain(package));
    run.args(["--example", "cost", "--"]).arg(program).arg(distribution);
    add(&mut run, table)
}

/// Runs an example that prints figures, and adds them to the table.
fn add(run: &mut Command, table: &mut Table) -> anyhow::Result<()> {
    for line in cargo::read(run)?.lines() {
        let line: Line = serde_json::from_str(line).with_context(|| format!("cannot read `{line}`"))?;
        table.at_most(line.what, line.unit.figure(line.goal), line.unit.figure(line.measured));
    }
    Ok(())
}

impl Unit {
    fn figure(self, number: f64) -> Figure {
        match self {
            Self::Seconds => Figure::Time(Duration::try_from_secs_f64(number).unwrap_or_default()),
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes of a process")]
            Self::Bytes => Figure::Memory(number as u64),
            Self::Ratio => Figure::Ratio(number),
        }
    }
}
