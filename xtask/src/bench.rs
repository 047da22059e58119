//! `cargo xtask bench`: what rendering, pulling and applying take, against what we promise.

mod cluster;
mod command_line;
mod example;
mod fleet;
mod in_process;
mod process;
mod registry;
mod report;
mod table;

use std::path::{self, PathBuf};
use std::{env, fs};

use anyhow::{Context as _, bail};
use flux_operator_distro::Directory;

use crate::cargo;
use crate::metadata::Metadata;
use table::Table;

/// Measure rendering, in process and through the command line, pulling from a registry, and applying,
/// on a registry and a cluster that are started for this, against the goals.
///
/// Builds what it measures with optimizations first. On a machine that does other things
/// at the same time, medians are still fair, but not to the last tenth.
#[derive(Debug, clap::Args)]
pub(crate) struct Bench {
    /// The distribution to render with. Where this is left out: real ones beside the repository
    /// (`../shared/flux`) if there, `testdata/distribution` if not.
    #[arg(long, value_name = "DIR")]
    distribution: Option<PathBuf>,
    /// The build profile.
    #[arg(long, default_value = "release")]
    profile: String,
    /// Measure the programs in this folder, such as those that `dist binaries` made for users. Where this is
    /// left out: those of the workspace, in the build profile.
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
    /// Leave out what needs a cluster.
    #[arg(long)]
    without_cluster: bool,
    /// Fail where a goal is missed.
    #[arg(long)]
    strict: bool,
    /// Measure with this very program.
    #[arg(long, hide = true)]
    is_built: bool,
}

/// The programs; that of the operator is called as its package.
const COMMAND_LINE: &str = "flux-operator";
const OPERATOR: &str = "flux-operator-controller";

/// The versions that the goals for the command line are promised for.
const VERSIONS_OF_GOALS: usize = 29;

impl Bench {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        if self.is_built { self.measure() } else { self.build_and_run() }
    }

    /// This program is built for development; what it measured would say nothing.
    fn build_and_run(self) -> anyhow::Result<()> {
        let profile = self.profile.as_str();
        let packages = ["--package", "xtask", "--package", "flux-operator-cli"];
        cargo::run(&mut cargo::cargo(["build", "--profile", profile].into_iter().chain(packages)))?;
        let folder = if profile == "dev" { "debug" } else { profile };
        let program = Metadata::read()?.target_directory.join(folder).join("xtask");
        let mut measure = cargo::command(program);
        measure.args(["bench", "--is-built", "--profile", profile]);
        for (option, folder) in [("--distribution", &self.distribution), ("--programs", &self.programs)] {
            if let Some(folder) = folder {
                // As the user meant it, who may stand elsewhere than at the root.
                measure.arg(option).arg(path::absolute(folder).context("cannot find the current folder")?);
            }
        }
        for (flag, is_set) in [("--strict", self.strict), ("--without-cluster", self.without_cluster)] {
            if is_set {
                measure.arg(flag);
            }
        }
        cargo::run(&mut measure)
    }

    fn measure(self) -> anyhow::Result<()> {
        let root = self.distribution.unwrap_or_else(distribution);
        let root = fs::canonicalize(&root).with_context(|| format!("cannot find `{}`", root.display()))?;
        let distribution = Directory::open(&root)?;
        let versions = distribution.versions()?.len();
        println!("profile {}, distribution {}, {versions} versions", self.profile, root.display());
        if versions < VERSIONS_OF_GOALS {
            println!(
                "the goals are for {VERSIONS_OF_GOALS} versions of real size: with less, they are easier to reach"
            );
        }
        let mut table = Table::default();
        in_process::measure(&distribution, &mut table)?;
        let folder = if let Some(folder) = self.programs {
            folder
        } else {
            cargo::run(&mut cargo::cargo(["build", "--quiet", "--profile", &self.profile, "--package", OPERATOR]))?;
            let own = env::current_exe().context("cannot find this program")?;
            own.parent().context("this program is nowhere")?.to_owned()
        };
        let (command_line, operator) = (folder.join(COMMAND_LINE), folder.join(OPERATOR));
        command_line::program(&command_line, &mut table)?;
        process::measure(&command_line, &root, &mut table)?;
        registry::measure(&self.profile, &root, &mut table)?;
        cluster::program(&operator, &mut table)?;
        if !self.without_cluster {
            command_line::cluster(&self.profile, &command_line, &mut table)?;
            cluster::engine(&self.profile, &root, &mut table)?;
            cluster::operator(&self.profile, &operator, &root, &mut table)?;
            report::measure(&self.profile, &operator, &root, &mut table)?;
        }
        print!("\n{table}");
        match table.missed() {
            0 => Ok(()),
            missed if self.strict => bail!("{missed} goals are missed"),
            _ => Ok(()),
        }
    }
}

fn distribution() -> PathBuf {
    let real = cargo::path("../shared/flux");
    if real.is_dir() { real } else { cargo::path("testdata/distribution") }
}
