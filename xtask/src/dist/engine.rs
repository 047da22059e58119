//! What a container engine makes of our Dockerfiles: buildah, which needs no daemon.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use flux_operator_testkit::workspace;

use super::image::{self, Image};
use super::layout::{Contents, Layout};
use super::platform::Platform;
use super::tarball;
use crate::cargo::{self, run, succeeds};
use crate::generated;

/// Builds an image for a platform, from a folder.
fn build(dockerfile: &Path, context: &Path, platform: Platform) -> Contents {
    let store = tempfile::tempdir().unwrap();
    let file = store.path().join("image.tar");
    let buildah = |arguments: &[&str]| {
        let mut buildah = Command::new("buildah");
        buildah.args(["--storage-driver", "vfs", "--root"]).arg(store.path().join("root"));
        buildah.arg("--runroot").arg(store.path().join("run")).args(arguments);
        run(buildah.stdout(std::process::Stdio::null())).unwrap();
    };
    let (architecture, dockerfile) = (format!("linux/{}", platform.architecture()), dockerfile.to_str().unwrap());
    let context = context.to_str().unwrap();
    let isolated = ["--isolation", "chroot", "--platform", &architecture];
    buildah(&[&["bud", "--quiet", "--tag", "it", "--file", dockerfile], &isolated[..], &[context]].concat());
    buildah(&["push", "--quiet", "it", &format!("oci-archive:{}:it", file.display())]);
    let mut contents = Layout::open(&file).unwrap().image(platform.architecture()).unwrap();
    contents.config.labels.remove("io.buildah.version");
    contents
}

/// True where there is an engine, else with a word about it.
fn is_there() -> bool {
    let is_there = nix::unistd::geteuid().is_root() && succeeds(Command::new("buildah").arg("--version"));
    if !is_there {
        eprintln!("skipped: no `buildah` that root runs, on Debian by the package buildah");
    }
    is_there
}

#[test]
fn the_dockerfile_makes_the_same_image() {
    if !is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let context = folder.path();
    for file in ["Dockerfile", ".dockerignore"] {
        fs::copy(cargo::path(file), context.join(file)).unwrap();
    }
    // As `dist binaries` and `dist vendor` leave them.
    let release = context.join("target/dist");
    image::write_system(&release.join("system")).unwrap();
    for entry in tarball::collect(&workspace::distribution(), "target/data").unwrap() {
        entry.write(context).unwrap();
    }
    for platform in Platform::ALL {
        let program = tarball::Entry::file(image::PROGRAM, 0o755, platform.architecture());
        program.write(&platform.folder(&release)).unwrap();
    }
    for platform in Platform::ALL {
        let file = context.join("image.tar");
        Image::single(&release, &workspace::distribution(), platform, &file).unwrap();
        let expected = Layout::open(&file).unwrap().image(platform.architecture()).unwrap();
        let built = build(&context.join("Dockerfile"), context, platform);
        assert_eq!(built.config, expected.config);
        let (mut built, expected) = (built.files(), expected.files());
        for (path, content) in &expected {
            let found = built.remove(path).unwrap_or_else(|| panic!("`{path}` is missing"));
            assert_eq!(found.0 & 0o7777, content.0, "mode of `{path}`");
            assert!(found.1 == content.1, "`{path}` differs");
        }
        // Folders that an archive need not name.
        let is_folder = |path: &str| expected.keys().any(|file| file.starts_with(&format!("{path}/")));
        let other: Vec<_> =
            built.iter().filter(|(path, (mode, _))| !is_folder(path) || mode & 0o7777 != 0o755).collect();
        assert!(other.is_empty(), "{other:?}");
    }
}

#[test]
fn the_image_of_the_bundle_says_what_it_is() {
    if !is_there() {
        return;
    }
    let bundle = cargo::path("bundle");
    let built = build(&bundle.join("bundle.Dockerfile"), &bundle, Platform::Amd64);
    let annotations = generated::documents("bundle/metadata/annotations.yaml").unwrap().remove(0);
    let annotations: BTreeMap<String, String> = serde_json::from_value(annotations["annotations"].clone()).unwrap();
    assert_eq!(built.config.labels, annotations);
    let files = built.files();
    for folder in ["bundle/manifests", "bundle/metadata"] {
        for file in generated::list(Path::new(folder)).unwrap() {
            let content = generated::read(&file).unwrap();
            let name = file.strip_prefix("bundle").unwrap().to_str().unwrap();
            assert!(files.get(name).is_some_and(|(_, found)| found == content.as_bytes()), "{name}");
        }
    }
}
