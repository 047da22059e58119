//! The programs by which users install: built once from their Go modules, for tests that want to know what they make of
//! our files.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::ProgramError;
use crate::process::cache::{Cache, Target};
use crate::process::module::{Module, version_of};

/// One of the programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Renders, installs, upgrades and uninstalls charts.
    Helm,
    /// Compares manifests with schemas.
    Kubeconform,
    /// Renders kustomizations.
    Kustomize,
    /// Reads workflows of GitHub.
    Actionlint,
    /// Talks to clusters.
    Kubectl,
    /// Judges bundles for the Operator Lifecycle Manager. What it finds is on stderr, and it succeeds all the same.
    OperatorVerify,
}

const FILES: &[(&str, &str)] = &[
    ("go.mod", include_str!("../tools/go.mod")),
    ("go.sum", include_str!("../tools/go.sum")),
    ("kubectl/main.go", include_str!("../tools/kubectl/main.go")),
];

/// A module of its own: it needs older libraries of Kubernetes than the others.
const OLM_FILES: &[(&str, &str)] =
    &[("go.mod", include_str!("../olm/go.mod")), ("go.sum", include_str!("../olm/go.sum"))];

/// Gives a program of this module folders of its own in place of the user's, for settings and for what it keeps.
pub fn at_home_in<'a>(command: &'a mut Command, home: &Path) -> &'a mut Command {
    // What helm keeps in the home of the user, unless one of these is set.
    command.env("HOME", home).envs(["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"].map(|name| (name, home)))
}

impl Tool {
    /// The program, which is built where it is not in the cache.
    ///
    /// # Errors
    /// There is no Go, or Go cannot build it.
    pub fn find(self) -> Result<PathBuf, ProgramError> {
        Cache::open(self.module())?.program(&self.target())
    }

    /// The same for a test, which is skipped, with a word about it, where there is no Go to build the program with.
    ///
    /// # Panics
    /// If the program cannot be had for another reason.
    #[expect(clippy::panic, clippy::print_stderr, reason = "this is how a test fails, or is skipped")]
    pub fn find_or_skip(self) -> Option<Command> {
        match self.find() {
            Ok(program) => Some(Command::new(program)),
            Err(error @ ProgramError::NoGo { .. }) => {
                eprintln!("skipped: {error}");
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn module(self) -> Module {
        match self {
            Self::OperatorVerify => {
                let version = version_of(OLM_FILES, "github.com/operator-framework/api").unwrap_or("v0.0.0");
                Module { name: "olm", version, files: OLM_FILES, linker: String::new(), patch: None }
            }
            Self::Helm | Self::Kubeconform | Self::Kustomize | Self::Actionlint | Self::Kubectl => module(),
        }
    }

    const fn target(self) -> Target {
        let (name, package) = match self {
            Self::Helm => ("helm", "helm.sh/helm/v3/cmd/helm"),
            Self::Kubeconform => ("kubeconform", "github.com/yannh/kubeconform/cmd/kubeconform"),
            Self::Kustomize => ("kustomize", "sigs.k8s.io/kustomize/kustomize/v5"),
            Self::Actionlint => ("actionlint", "github.com/rhysd/actionlint/cmd/actionlint"),
            Self::Kubectl => ("kubectl", "./kubectl"),
            Self::OperatorVerify => ("operator-verify", "github.com/operator-framework/api/cmd/operator-verify"),
        };
        Target { name, package, vendor: false, promise: "once, one to three minutes and 60 MB of downloads" }
    }
}

fn module() -> Module {
    let version = version_of(FILES, "helm.sh/helm/v3").unwrap_or("v0.0.0");
    // Helm has to be told which Kubernetes it is made for; otherwise it takes a cluster that it does not see for 1.20.
    let client = version_of(FILES, "k8s.io/client-go").unwrap_or("v0.0.0");
    let minor = client.split('.').nth(1).unwrap_or_default();
    let mut linker = Vec::new();
    for package in ["pkg/lint/rules", "pkg/chartutil"] {
        linker.push(format!("-X helm.sh/helm/v3/{package}.k8sVersionMajor=1"));
        linker.push(format!("-X helm.sh/helm/v3/{package}.k8sVersionMinor={minor}"));
    }
    linker.push(format!("-X k8s.io/component-base/version.gitVersion={}", client.replacen("v0.", "v1.", 1)));
    Module { name: "tools", version, files: FILES, linker: linker.join(" "), patch: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_is_a_tool_of_the_manifest() {
        assert!(module().key().starts_with("v3."), "{}", module().key());
        for tool in [Tool::Helm, Tool::Kubeconform, Tool::Kustomize, Tool::Actionlint, Tool::OperatorVerify] {
            let package = tool.target().package;
            let (_, manifest) = tool.module().files[0];
            assert!(manifest.lines().any(|line| line.trim().trim_start_matches("tool ") == package), "{package}");
        }
        assert!(Tool::OperatorVerify.module().key().starts_with("v0."));
    }
}
