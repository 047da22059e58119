//! `cargo xtask wasm`: the builder runs where there is no operating system, with the same result.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use flux_operator_builder::{Admission, build};
use flux_operator_distro::Directory;
use serde::Deserialize;
use wasm_smoke::Rendered;

use crate::cargo;
use crate::metadata::Metadata;

/// Build the builder as WebAssembly, run it in Node and compare with the native result.
///
/// Installs the target through rustup where it is missing. Without `node` on the path, the module
/// is built and not run.
#[derive(Debug, clap::Args)]
pub(crate) struct Wasm {}

const TARGET: &str = "wasm32-unknown-unknown";

/// What `smoke.mjs` prints.
#[derive(Debug, Deserialize)]
struct FromNode {
    revision: String,
    yaml: String,
}

impl Wasm {
    #[expect(clippy::unused_self, reason = "every command has this form")]
    pub(crate) fn run(self) -> anyhow::Result<()> {
        install_target()?;
        let packages = ["-p", "flux-operator-builder", "-p", "flux-operator-wasm-smoke"];
        let build = ["build", "--quiet", "--release", "--target", TARGET];
        cargo::run(&mut cargo::cargo(build.into_iter().chain(packages)))?;
        let module = Metadata::read()?.target_directory.join(TARGET).join("release/wasm_smoke.wasm");
        let size = fs::metadata(&module).with_context(|| format!("cannot find `{}`", module.display()))?.len();
        println!("built for {TARGET}, {} KiB with the sample distribution", size / 1024);

        let native = native()?;
        compare("the same code natively", &wasm_smoke::render().map_err(|error| anyhow!(error))?, &native)?;
        if !cargo::succeeds(cargo::command("node").arg("--version")) {
            println!("not run: there is no `node` on the path");
            return Ok(());
        }
        compare("the module in Node", &in_node(&module)?, &native)?;
        println!("{}: the same {} bytes from Node and natively", native.revision, native.yaml.len());
        Ok(())
    }
}

/// Adds the target to the toolchain of the workspace where its standard library is not there.
fn install_target() -> anyhow::Result<()> {
    let libraries = cargo::read(cargo::command("rustc").args(["--print", "target-libdir", "--target", TARGET]))?;
    if Path::new(libraries.trim()).is_dir() {
        return Ok(());
    }
    println!("installing the target {TARGET}");
    // Not `cargo::rustup`: the target is for the toolchain that runs this program.
    cargo::run(cargo::command("rustup").args(["target", "add", TARGET]))
}

/// What the operator and the command line would render.
fn native() -> anyhow::Result<Rendered> {
    let instance = cargo::path("testdata/instances/sample.yaml");
    let text = fs::read_to_string(&instance).with_context(|| format!("cannot read `{}`", instance.display()))?;
    let admission = Admission::new();
    let manifests = admission.read(&text)?;
    let plan = manifests.first().context("the sample has no document")?.plan()?;
    let distribution = Directory::open(cargo::path("testdata/distribution"))?;
    let versions = distribution.versions()?;
    let bundle = build(&plan, &distribution.release(plan.select(&versions)?)?)?;
    let mut yaml = String::new();
    bundle.write_yaml(&mut yaml);
    Ok(Rendered { revision: bundle.revision(), yaml })
}

fn in_node(module: &Path) -> anyhow::Result<Rendered> {
    let mut node = cargo::command("node");
    let printed = cargo::read(node.arg("xtask/wasm-smoke/smoke.mjs").arg(module))?;
    let FromNode { revision, yaml } = serde_json::from_str(&printed).context("cannot read what `smoke.mjs` printed")?;
    if revision.is_empty() {
        bail!("the module cannot render the sample: {yaml}");
    }
    Ok(Rendered { revision, yaml })
}

fn compare(what: &str, found: &Rendered, expected: &Rendered) -> anyhow::Result<()> {
    if found.revision != expected.revision {
        bail!("{what} gives revision `{}`, expected `{}`", found.revision, expected.revision);
    }
    if found.yaml != expected.yaml {
        let same = found.yaml.lines().zip(expected.yaml.lines()).take_while(|(found, expected)| found == expected);
        bail!("{what} gives other objects, from line {} on", same.count() + 1);
    }
    Ok(())
}
