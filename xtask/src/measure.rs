//! `cargo xtask measure`: time and memory of a program, from a process that does nothing else; and its size.
//!
//! Linux counts what a process had before it became another program, so the peak of a child is at
//! least that of its parent. `bench` has distributions in memory; this command, started anew, has
//! nothing, and its figures are the child's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};

use crate::cargo;

/// Run a program again and again and print time and memory as JSON.
#[derive(Debug, clap::Args)]
pub(crate) struct Measure {
    /// How often. One more run before them is not counted.
    #[arg(long, default_value_t = 1)]
    runs: usize,
    /// The program and its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    command: Vec<String>,
}

/// What a program took.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// From start to end, each run.
    pub(crate) wall: Vec<Duration>,
    /// The most memory that any run had resident.
    pub(crate) peak_bytes: u64,
}

impl Measure {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let (program, arguments) = self.command.split_first().context("expected a program")?;
        let mut wall = Vec::new();
        for _ in 0..=self.runs {
            let mut command = Command::new(program);
            command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
            let start = Instant::now();
            let output = command.output().with_context(|| format!("cannot start `{program}`"))?;
            wall.push(start.elapsed());
            if !output.status.success() {
                let printed = String::from_utf8_lossy(&output.stderr);
                bail!("`{}` failed: {}", cargo::shown(&command), printed.trim());
            }
        }
        wall.remove(0);
        println!("{}", serde_json::to_string(&Usage { wall, peak_bytes: peak_of_children()? })?);
        Ok(())
    }
}

impl Usage {
    /// Measures a program.
    pub(crate) fn of(program: PathBuf, arguments: &[String], runs: usize) -> anyhow::Result<Self> {
        let mut measure = cargo::command(std::env::current_exe().context("cannot find this program")?);
        measure.args(["measure", "--runs", &runs.to_string(), "--"]).arg(program).args(arguments);
        let printed = cargo::read(&mut measure)?;
        serde_json::from_str(&printed).with_context(|| format!("cannot read `{}`", printed.trim()))
    }
}

fn peak_of_children() -> anyhow::Result<u64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("cannot ask for the memory of children")?;
    let Ok(peak) = u64::try_from(usage.max_rss()) else { bail!("found a negative size of memory") };
    // macOS counts bytes, everybody else kibibytes.
    Ok(if cfg!(target_os = "macos") { peak } else { peak * 1024 })
}

/// How large a program is without symbols; as it is, where nothing can take them out.
pub(crate) fn stripped(program: &Path) -> anyhow::Result<u64> {
    let folder = tempfile::tempdir().context("cannot create a temporary folder")?;
    let copy = folder.path().join("program");
    let done = Command::new("strip").arg("-o").arg(&copy).arg(program).status();
    let path = if done.is_ok_and(|status| status.success()) { &copy } else { program };
    Ok(fs::metadata(path).with_context(|| format!("cannot find `{}`", path.display()))?.len())
}
