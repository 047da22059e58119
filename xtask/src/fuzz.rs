//! `cargo xtask fuzz`: what strangers write must never make us panic.

use std::path::Path;
use std::{fs, io};

use anyhow::{Context as _, bail};

use crate::cargo;

/// Run the fuzz targets of `fuzz/`, one after the other.
///
/// Needs a nightly toolchain; installs cargo-fuzz where it is missing. A finding is written to
/// `fuzz/artifacts/`, and the command fails.
#[derive(Debug, clap::Args)]
pub(crate) struct Fuzz {
    /// How long each target runs.
    #[arg(long, default_value_t = 60)]
    pub(crate) seconds: u64,
    /// The targets to run: the names of the files in `fuzz/fuzz_targets`. All of them when none is
    /// given.
    pub(crate) targets: Vec<String>,
}

impl Fuzz {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        if !has_nightly() {
            bail!("fuzzing needs a nightly toolchain, and `rustup` knows none: run `rustup toolchain install nightly`");
        }
        if !has_cargo_fuzz() {
            println!("installing cargo-fuzz");
            cargo::run(&mut cargo::rustup(["run", "nightly", "cargo", "install", "cargo-fuzz", "--locked"]))?;
        }
        let known = targets()?;
        if let Some(unknown) = self.targets.iter().find(|target| !known.contains(target)) {
            bail!("expected one of the fuzz targets {}, found `{unknown}`", known.join(", "));
        }
        let chosen = if self.targets.is_empty() { known } else { self.targets };
        // First, so that a target that does not compile is not taken for a finding.
        cargo::run(&mut cargo::rustup(["run", "nightly", "cargo", "fuzz", "build"]))?;
        for target in chosen {
            run(&target, self.seconds)?;
        }
        Ok(())
    }
}

/// True where fuzzing needs no installation.
pub(crate) fn is_ready() -> bool {
    has_nightly() && has_cargo_fuzz()
}

fn has_nightly() -> bool {
    cargo::succeeds(&mut cargo::rustup(["run", "nightly", "cargo", "--version"]))
}

fn has_cargo_fuzz() -> bool {
    cargo::succeeds(&mut cargo::rustup(["run", "nightly", "cargo", "fuzz", "--version"]))
}

/// The names of the targets, sorted.
fn targets() -> anyhow::Result<Vec<String>> {
    let folder = cargo::path("fuzz/fuzz_targets");
    let list = |folder: &Path| -> io::Result<Vec<_>> { fs::read_dir(folder)?.collect() };
    let entries = list(&folder).with_context(|| format!("cannot list `{}`", folder.display()))?;
    let mut names: Vec<String> =
        entries.iter().filter_map(|entry| Some(entry.path().file_stem()?.to_str()?.to_owned())).collect();
    names.sort();
    Ok(names)
}

fn run(target: &str, seconds: u64) -> anyhow::Result<()> {
    println!("fuzzing {target} for {seconds} s");
    // The first folder collects what is found on the way and is not committed.
    let corpus = format!("fuzz/corpus/{target}");
    let seeds = format!("fuzz/seeds/{target}");
    let created = fs::create_dir_all(cargo::path(&corpus));
    created.with_context(|| format!("cannot create `{corpus}`"))?;
    let mut fuzz = cargo::rustup(["run", "nightly", "cargo", "fuzz", "run", target, &corpus, &seeds, "--"]);
    fuzz.args([
        format!("-max_total_time={seconds}"),
        "-print_final_stats=1".to_owned(),
        "-verbosity=0".to_owned(),
        "-print_funcs=0".to_owned(),
    ]);
    // Longer inputs find nothing that short ones do not, and take longer.
    fuzz.args(["-max_len=8192", "-timeout=10", "-rss_limit_mb=2048"]);
    let dictionary = format!("fuzz/dictionaries/{target}.dict");
    if cargo::path(&dictionary).exists() {
        fuzz.arg(format!("-dict={dictionary}"));
    }
    cargo::run(&mut fuzz).with_context(|| {
        format!("target `{target}` found something: `fuzz/artifacts/{target}/` has the input that shows it")
    })
}
