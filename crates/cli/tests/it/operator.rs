//! The operator, built for tests that need it beside the command line.

use std::path::{Path, PathBuf};

use flux_operator_testkit::operator::Operator;
use flux_operator_testkit::workspace;

const NAME: &str = "flux-operator-controller";

/// The program of the operator.
pub(crate) struct Program(PathBuf);

impl Program {
    /// Builds it beside the program that is tested, and as that is built, which takes minutes where it was not built
    /// before: a test of this package can ask cargo only for programs of this package.
    pub(crate) fn build() -> Self {
        let folder = Path::new(env!("CARGO_BIN_EXE_flux-operator")).parent().unwrap();
        let profile = match folder.file_name().unwrap().to_str().unwrap() {
            "debug" => "dev",
            profile => profile,
        };
        let mut cargo = workspace::cargo();
        cargo.args(["build", "--quiet", "--package", NAME, "--bin", NAME, "--profile", profile, "--target-dir"]);
        let status = cargo.arg(folder.parent().unwrap()).status().unwrap();
        assert!(status.success(), "`{NAME}` cannot be built");
        Self(folder.join(NAME))
    }

    /// Starts it as the pod would, with the distribution of the repository in place of that of its image.
    pub(crate) fn start(&self, kubeconfig: &str) -> Operator {
        let storage = format!("--storage-path={}", workspace::distribution().display());
        let args = ["--metrics-addr=127.0.0.1:0", "--health-addr=127.0.0.1:0", &storage];
        Operator::start(&self.0, kubeconfig, "flux-system", args).unwrap()
    }
}
