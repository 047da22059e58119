//! `cargo xtask demo`: the operator at work, as `crates/operator/examples/demo.rs` shows it.

use std::path::PathBuf;

use crate::cargo;
use crate::metadata::Metadata;

/// Show the operator at work: a cluster, the operator beside it, a Flux that becomes ready.
///
/// Without a cluster of your own, one is started on this machine and thrown away in the end, which needs Go
/// the first time. No containers are run in it: Deployments become ready because a stand-in for kubelets says so.
///
///     cargo xtask demo
///     cargo xtask demo --kubeconfig ~/.kube/config
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Demo {
    /// A cluster of your own, instead of one that is thrown away
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The instance to apply [default: testdata/instances/sample.yaml]
    #[arg(long, short, value_name = "FILE")]
    filename: Option<PathBuf>,
    /// The distribution to install from [default: testdata/distribution]
    #[arg(long, value_name = "FOLDER")]
    distribution: Option<PathBuf>,
    /// End as soon as Flux is ready
    #[arg(long)]
    until_ready: bool,
}

impl Demo {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let package = "flux-operator-controller";
        cargo::run(&mut cargo::cargo(["build", "--package", package, "--bins", "--example", "demo"]))?;
        let folder = Metadata::read()?.target_directory.join("debug");
        let mut demo = std::process::Command::new(folder.join("examples/demo"));
        demo.arg("--operator").arg(folder.join(package));
        for (flag, value) in
            [("--kubeconfig", self.kubeconfig), ("--filename", self.filename), ("--distribution", self.distribution)]
        {
            if let Some(value) = value {
                demo.arg(flag).arg(value);
            }
        }
        if self.until_ready {
            demo.arg("--until-ready");
        }
        cargo::run(&mut demo)
    }
}
