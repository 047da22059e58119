//! Examples that measure and print a line of JSON for each figure.

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

/// The example of a package, about to be built and run. Its arguments are missing.
pub(super) fn of(package: &str, example: &str, profile: &str) -> Command {
    let mut run = cargo::cargo(["run", "--quiet", "--profile", profile, "--package", package]);
    run.args(["--example", example, "--"]);
    run
}

/// Runs an example, and adds its figures to the table.
pub(super) fn add(run: &mut Command, table: &mut Table) -> anyhow::Result<()> {
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
