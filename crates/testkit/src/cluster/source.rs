//! The Go module that the programs of the control plane are built from.

use std::fmt::Write as _;

use crate::process::cache::Target;
use crate::process::module::{Module, Patch, version_of};

/// All programs in one.
pub(super) const CONTROL_PLANE: Target = Target {
    name: "control-plane",
    package: "./",
    vendor: true,
    promise: "once, 5 to 10 minutes and 170 MB of downloads",
};

/// What makes keys and waits.
pub(super) const TOOL: Target =
    Target { name: "tool", package: "./tool", vendor: false, promise: "once, some seconds" };

/// The files, by their path in the module.
const FILES: &[(&str, &str)] = &[
    ("go.mod", include_str!("../../control-plane/go.mod")),
    ("go.sum", include_str!("../../control-plane/go.sum")),
    ("main.go", include_str!("../../control-plane/main.go")),
    ("kwok.go", include_str!("../../control-plane/kwok.go")),
    ("tool/main.go", include_str!("../../control-plane/tool/main.go")),
    ("tool/keys.go", include_str!("../../control-plane/tool/keys.go")),
    ("tool/wait.go", include_str!("../../control-plane/tool/wait.go")),
];

/// What kwok makes of nodes and pods.
pub(super) const STAGES: &str = include_str!("../../control-plane/kwok.yaml");

/// Every request, once it was answered: who, what, when, and with which result. Not what was in it.
pub(super) const AUDIT_POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
";

/// kwok 0.7.0 was made for Kubernetes 1.33 and uses a constant that 1.34 no longer has, where it reads a list in pages.
/// Goes when a kwok is released for the Kubernetes of the manifest.
const KWOK: Patch = Patch {
    file: "vendor/sigs.k8s.io/kwok/pkg/utils/informer/informer.go",
    old: "metav1.InitialEventsListBlueprintAnnotationKey",
    // Its value, from Kubernetes 1.33.
    new: r#""kubernetes.io/initial-events-list-blueprint""#,
};

/// What the cluster is built from.
pub(super) fn module() -> Module {
    let version = version_of(FILES, "k8s.io/kubernetes").unwrap_or("v0.0.0");
    let mut parts = version.trim_start_matches('v').split('.');
    let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let mut linker = String::new();
    // What `/version` answers and what clients look at.
    for (name, value) in [
        ("gitVersion", version),
        ("gitMajor", major),
        ("gitMinor", minor),
        ("gitCommit", ""),
        ("gitTreeState", "clean"),
    ] {
        write!(linker, " -X k8s.io/component-base/version.{name}={value}").ok();
    }
    Module { name: "control-plane", version, files: FILES, linker: linker.trim_start().to_owned(), patch: Some(KWOK) }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn is_the_kubernetes_of_the_manifest() {
        let module = module();
        assert!(module.version.starts_with("v1."));
        assert!(module.linker.contains(&format!("gitVersion={} ", module.version)), "{}", module.linker);
    }

    #[test]
    fn every_go_file_is_built() {
        let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("control-plane");
        for folder in ["", "tool"] {
            for entry in fs::read_dir(module.join(folder)).unwrap() {
                let path = Path::new(folder).join(entry.unwrap().file_name());
                let known = FILES.iter().any(|(known, _)| Path::new(known) == path);
                let is_go = path.extension().is_some_and(|extension| extension == "go");
                assert!(known || !is_go, "{} is not in the list", path.display());
            }
        }
    }
}
