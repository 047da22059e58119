//! What an installation costs on a real API server, as `crates/inventory/examples/cost.rs` finds out.

use std::path::Path;
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

pub(super) fn measure(profile: &str, distribution: &Path, table: &mut Table) -> anyhow::Result<()> {
    let mut run = cargo::cargo(["run", "--quiet", "--profile", profile, "--package", "flux-operator-inventory"]);
    run.args(["--example", "cost", "--"]).arg(distribution);
    for line in cargo::read(&mut run)?.lines() {
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
