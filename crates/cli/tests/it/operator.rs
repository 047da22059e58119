//! The operator, as a process beside a cluster in which no containers run.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use flux_operator_testkit::workspace;
use tempfile::TempDir;

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
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("kubeconfig");
        fs::write(&config, kubeconfig).unwrap();
        let child = Command::new(&self.0)
            .args(["--metrics-addr=127.0.0.1:0", "--health-addr=127.0.0.1:0", "--storage-path"])
            .arg(workspace::distribution())
            .env("KUBECONFIG", config)
            .env("RUNTIME_NAMESPACE", "flux-system")
            .env("NOTIFICATIONS_DISABLED", "true")
            .stdin(Stdio::null())
            .stderr(File::create(folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        Operator { child, folder }
    }
}

/// The operator. Dropping it kills it.
pub(crate) struct Operator {
    child: Child,
    folder: TempDir,
}

impl Operator {
    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("log of the operator:\n{}", self.log());
        }
    }
}
