//! The command line as a user meets it: whole processes.

use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use anyhow::{Context as _, ensure};

use super::fleet;
use super::table::{Figure, Table, median};
use crate::measure::Usage;

const RUNS: usize = 30;
const RUNS_OF_FLEET: usize = 3;
const INSTANCES: usize = 1000;

const ONE_INSTANCE: Figure = Figure::Time(Duration::from_millis(40));
const PEAK: Figure = Figure::Memory(30_000_000);
const FLEET: Figure = Figure::Time(Duration::from_secs(3));

pub(super) fn measure(program: &Path, distribution: &Path, table: &mut Table) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("cannot create a temporary folder")?;
    let minimal = folder.path().join("minimal.yaml");
    write(&minimal, &fleet::minimal_of_any_version())?;
    let usage = Usage::of(program.to_owned(), &arguments(&minimal, distribution), RUNS)?;
    table.at_most("command line, one instance", ONE_INSTANCE, Figure::Time(median(usage.wall)));
    table.at_most("command line, one instance, peak memory", PEAK, Figure::Memory(usage.peak_bytes));

    let instances = folder.path().join("instances");
    let rendered = folder.path().join("rendered");
    fs::create_dir(&instances).with_context(|| format!("cannot create `{}`", instances.display()))?;
    for (name, text) in fleet::varied(INSTANCES) {
        write(&instances.join(name), &text)?;
    }
    let mut arguments = arguments(&instances, distribution);
    arguments.extend(["--output-dir".to_owned(), rendered.display().to_string()]);
    let usage = Usage::of(program.to_owned(), &arguments, RUNS_OF_FLEET)?;
    let files = files(&rendered).with_context(|| format!("cannot list `{}`", rendered.display()))?;
    ensure!(files >= INSTANCES, "the command line wrote {files} files for {INSTANCES} instances");
    table.at_most("command line, 1,000 varied instances", FLEET, Figure::Time(median(usage.wall)));
    table.note("command line, 1,000 varied instances, peak memory", Figure::Memory(usage.peak_bytes));
    Ok(())
}

fn arguments(instances: &Path, distribution: &Path) -> Vec<String> {
    let text = |path: &Path| path.display().to_string();
    let words = ["build", "instance", "--filename", &text(instances), "--distribution", &text(distribution)];
    words.map(str::to_owned).to_vec()
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))
}

/// How many files there are below a folder.
fn files(folder: &Path) -> io::Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        count += if path.is_dir() { files(&path)? } else { 1 };
    }
    Ok(count)
}
