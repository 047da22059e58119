//! The Go module that the programs of the control plane are built from. It is part of this crate, so
//! that whoever has the crate can build them.

use std::env::consts::{ARCH, OS};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::failure::{ClusterError, During as _};

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

/// The version of Kubernetes that is built, with a `v`. The manifest of the module is the one place that says it.
pub(super) fn kubernetes_version() -> &'static str {
    version_of("k8s.io/kubernetes").unwrap_or("v0.0.0")
}

fn version_of(module: &str) -> Option<&'static str> {
    let (_, manifest) = FILES.first()?;
    manifest.lines().find_map(|line| line.trim().strip_prefix(module)?.strip_prefix(' '))
}

/// The name of the folder in the cache. It changes with everything that has a part in the result, the version of Go
/// aside.
pub(super) fn key() -> String {
    key_of(kubernetes_version(), FILES, &[&arguments("", "").concat(), PATCHED, MISSING, GIVEN].concat())
}

fn key_of(version: &str, files: &[(&str, &str)], arguments: &str) -> String {
    let mut digest = Sha256::new();
    for part in files.iter().flat_map(|(name, text)| [*name, *text]).chain([arguments, OS, ARCH]) {
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    let mut key = format!("{version}-");
    for byte in digest.finalize().iter().take(6) {
        write!(key, "{byte:02x}").ok();
    }
    key
}

/// The arguments of `go` for a package of the module, without the name of the result. `modules` is a value of `-mod`.
pub(super) fn arguments(package: &str, modules: &str) -> [String; 6] {
    let version = kubernetes_version();
    let mut parts = version.trim_start_matches('v').split('.');
    let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let mut linker = "-s -w".to_owned();
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
    [
        "build".to_owned(),
        "-trimpath".to_owned(),
        "-buildvcs=false".to_owned(),
        format!("-mod={modules}"),
        format!("-ldflags={linker}"),
        format!("./{package}"),
    ]
}

/// kwok 0.7.0 was made for Kubernetes 1.33 and uses a constant that 1.34 no longer has, where it reads a list in pages.
/// Goes when a kwok is released for the Kubernetes of the manifest.
const PATCHED: &str = "vendor/sigs.k8s.io/kwok/pkg/utils/informer/informer.go";
const MISSING: &str = "metav1.InitialEventsListBlueprintAnnotationKey";
/// Its value, from Kubernetes 1.33.
const GIVEN: &str = r#""kubernetes.io/initial-events-list-blueprint""#;

/// Changes what the dependencies of the module, once they are copied into it, need to be built together.
pub(super) fn patch(module: &Path) -> Result<(), ClusterError> {
    let path = module.join(PATCHED);
    let text = fs::read_to_string(&path).during("read", &path)?;
    fs::write(&path, text.replace(MISSING, GIVEN)).during("write", &path)
}

/// Writes the module into a folder that may have an older one.
pub(super) fn unpack(folder: &Path) -> Result<(), ClusterError> {
    if folder.exists() {
        fs::remove_dir_all(folder).during("remove", folder)?;
    }
    for (name, text) in FILES {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).during("make the folder", parent)?;
        fs::write(&path, text).during("write", &path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_from_the_manifest() {
        assert!(kubernetes_version().starts_with("v1."));
        assert!(version_of("go.etcd.io/etcd/server/v3").unwrap().starts_with("v3."));
        assert_eq!(version_of("example.com/none"), None);
    }

    #[test]
    fn the_key_changes_with_every_part() {
        let key = key_of("v1", &[("a", "b")], "c");
        assert!(key.starts_with("v1-"), "{key}");
        for other in [
            key_of("v2", &[("a", "b")], "c"),
            key_of("v1", &[("a", "c")], "c"),
            key_of("v1", &[("ab", "")], "c"),
            key_of("v1", &[("a", "b"), ("c", "d")], "c"),
            key_of("v1", &[("a", "b")], "d"),
        ] {
            assert_ne!(key, other);
        }
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

    #[test]
    fn gives_kwok_what_it_misses() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(PATCHED);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("annotations[{MISSING}]")).unwrap();
        patch(folder.path()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), r#"annotations["kubernetes.io/initial-events-list-blueprint"]"#);
    }

    #[test]
    fn unpacks_over_an_older_one() {
        let folder = tempfile::tempdir().unwrap();
        let module = folder.path().join("module");
        fs::create_dir_all(&module).unwrap();
        fs::write(module.join("old.go"), "").unwrap();
        unpack(&module).unwrap();
        assert!(module.join("tool/main.go").exists());
        assert!(!module.join("old.go").exists());
    }
}
