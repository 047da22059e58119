//! `cargo xtask ci`: everything that has to hold, in the order in which it is cheapest to find out.

mod tally;

use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::book::{self, Book};
use crate::bundle::Bundle;
use crate::cargo::{cargo, run, rustup, succeeds};
use crate::charts::Charts;
use crate::crds::Crds;
use crate::dist;
use crate::docs::Docs;
use crate::fuzz::{self, Fuzz};
use crate::metadata::Metadata;
use crate::permissions::Permissions;
use crate::tidy::Tidy;
use crate::wasm::Wasm;
use tally::Counts;

/// Run every check, as CI does. The first failure stops and is named.
///
/// Steps that need a tool which is not installed say so and are skipped: fuzzing (a nightly
/// toolchain and cargo-fuzz), mdbook, cargo-deny, the minimum Rust version, and the rehearsal (root, runc, Go, free
/// ports).
#[derive(Debug, clap::Args)]
pub(crate) struct Ci {}

/// What a step came to.
enum Outcome {
    Done,
    Tested(Counts),
    /// With the reason.
    Skipped(String),
}

type Step = (&'static str, fn() -> anyhow::Result<Outcome>);

const STEPS: &[Step] = &[
    ("formatting", formatting),
    ("clippy", clippy),
    ("tidy", || Tidy {}.run().map(done)),
    ("CRDs up to date", || Crds { check: true }.run().map(done)),
    ("reference pages up to date", || Docs { check: true }.run().map(done)),
    ("charts up to date", || Charts { check: true }.run().map(done)),
    ("bundle up to date", || Bundle { check: true }.run().map(done)),
    ("permissions up to date", || Permissions { check: true }.run().map(done)),
    ("tests", || tally::run().map(Outcome::Tested)),
    ("rehearsal of a release", rehearsal),
    ("example: embed", example),
    ("documentation", documentation),
    ("the book", the_book),
    ("each library alone", each_alone),
    ("WebAssembly", || Wasm {}.run().map(done)),
    ("fuzz smoke", fuzz_smoke),
    ("licences and sources", deny),
    ("minimum Rust version", minimum_version),
];

/// How long each fuzz target runs.
const FUZZ_SECONDS: u64 = 20;

impl Ci {
    #[expect(clippy::unused_self, reason = "every command has this form")]
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let began = Instant::now();
        let mut counts = Counts::default();
        let mut summary = Vec::new();
        for (number, (name, step)) in STEPS.iter().enumerate() {
            println!("\n== {}/{} {name}", number + 1, STEPS.len());
            let start = Instant::now();
            let outcome = step().with_context(|| format!("step `{name}` failed"))?;
            let took = shown(start.elapsed());
            match outcome {
                Outcome::Done => summary.push(format!("ok       {took:>7}  {name}")),
                Outcome::Tested(tested) => {
                    counts = tested;
                    summary.push(format!("ok       {took:>7}  {name}: {counts}"));
                }
                Outcome::Skipped(reason) => {
                    println!("skipped: {reason}");
                    summary.push(format!("skipped  {took:>7}  {name}: {reason}"));
                }
            }
            println!("-- {name}: {took}");
        }
        println!("\n{}\nall steps: {}\n{counts}", summary.join("\n"), shown(began.elapsed()));
        Ok(())
    }
}

fn formatting() -> anyhow::Result<Outcome> {
    run(&mut cargo(["fmt", "--all", "--check"]))?;
    run(&mut cargo(["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"])).map(done)
}

fn clippy() -> anyhow::Result<Outcome> {
    run(&mut cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])).map(done)
}

/// With the program that the tests were built with.
fn rehearsal() -> anyhow::Result<Outcome> {
    let program = Metadata::read()?.target_directory.join("debug/flux-operator-controller");
    Ok(dist::rehearse(program)?.map_or(Outcome::Done, Outcome::Skipped))
}

fn example() -> anyhow::Result<Outcome> {
    run(&mut cargo(["run", "--quiet", "--package", "flux-operator-builder", "--example", "embed"])).map(done)
}

fn documentation() -> anyhow::Result<Outcome> {
    run(cargo(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings")).map(done)
}

fn the_book() -> anyhow::Result<Outcome> {
    if !book::is_ready() {
        return Ok(Outcome::Skipped("mdbook is not installed: `cargo install mdbook --locked`".to_owned()));
    }
    Book {}.run().map(done)
}

/// In a build of the whole workspace, one crate can live on the features that another one asks for.
fn each_alone() -> anyhow::Result<Outcome> {
    let metadata = Metadata::read()?;
    for (name, package) in metadata.members() {
        if package.is_library() {
            run(&mut cargo(["check", "--quiet", "--package", name]))?;
            println!("{name}");
        }
    }
    Ok(Outcome::Done)
}

fn fuzz_smoke() -> anyhow::Result<Outcome> {
    if !fuzz::is_ready() {
        return Ok(Outcome::Skipped("needs a nightly toolchain and cargo-fuzz".to_owned()));
    }
    Fuzz { seconds: FUZZ_SECONDS, targets: Vec::new() }.run().map(done)
}

/// Advisories are left out: their database comes from the network and changes from day to day.
fn deny() -> anyhow::Result<Outcome> {
    if !succeeds(&mut cargo(["deny", "--version"])) {
        return Ok(Outcome::Skipped("cargo-deny is not installed".to_owned()));
    }
    run(&mut cargo(["deny", "--all-features", "check", "licenses", "bans", "sources"])).map(done)
}

fn minimum_version() -> anyhow::Result<Outcome> {
    let version = env!("CARGO_PKG_RUST_VERSION");
    if !succeeds(&mut rustup(["run", version, "cargo", "--version"])) {
        let reason = format!("Rust {version} is declared and not installed: `rustup toolchain install {version}`");
        return Ok(Outcome::Skipped(reason));
    }
    run(&mut rustup(["run", version, "cargo", "check", "--workspace"])).map(done)
}

const fn done((): ()) -> Outcome {
    Outcome::Done
}

fn shown(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
