//! From a mirror alone: what `distro mirror` copied is what Helm installs the operator from.

use std::path::Path;
use std::process::Command;

use flux_operator_testkit::registry::{FLUX_LAYER, Registry, artifact, index_of, pack};
use flux_operator_testkit::tools::{Tool, at_home_in};
use flux_operator_testkit::workspace;
use tokio::runtime::Runtime;

use crate::world::{World, finish};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Runs helm with folders of its own. What it prints, or panics with what it says.
#[track_caller]
fn helm(home: &Path, args: &[&str]) -> String {
    let mut command = Command::new(Tool::Helm.find().unwrap());
    let output = at_home_in(&mut command, home).args(args).current_dir(workspace::path("")).output().unwrap();
    assert!(output.status.success(), "helm {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_operator_is_installed_from_the_mirror() {
    let (Some(published), Some(mirror)) = (Registry::plain().start_or_skip(), Registry::plain().start_or_skip()) else {
        return;
    };
    if Tool::Helm.find_or_skip().is_none() {
        return;
    }
    let world = World::new();
    let (from, to) = (format!("{}/published", published.host()), format!("{}/flux", mirror.host()));
    let home = world.path("helm");
    for chart in ["flux-operator", "flux-instance"] {
        let folder = world.path("packages").display().to_string();
        helm(&home, &["package", &format!("charts/{chart}"), "--destination", &folder]);
        let package = format!("{folder}/{chart}-{VERSION}.tgz");
        helm(&home, &["push", &package, &format!("oci://{from}/charts"), "--plain-http"]);
    }
    let image = artifact(&pack(&[("flux-operator-controller", b"\x7fELF")]), FLUX_LAYER);
    let platforms = index_of(&[(&image, Some("linux/amd64"))]);
    Runtime::new().unwrap().block_on(async {
        published.push("published/flux-operator", "amd64", &image).await.unwrap();
        published.push("published/flux-operator", &format!("v{VERSION}"), &platforms).await.unwrap();
        published.push("published/source-controller", "v1.0.0", &image).await.unwrap();
    });
    world.copy_distribution("mine");
    let digests = "images:\n- name: ghcr.io/fluxcd/source-controller\n  newTag: v1.0.0\n";
    world.write("mine/flux-images/v2.9.90/upstream-alpine.yaml", digests);

    let run = || {
        let args = ["distro", "mirror", &to, "--distribution", "mine", "--source", &from, "--operator-source", &from];
        finish(world.command(&args).env("DOCKER_CONFIG", world.path("docker")), "").stderr
    };
    let told = run();
    assert!(told.ends_with("✔ Mirror complete: 4 copied, 0 skipped, 0 copied by digest\n"), "{told}");
    let again = run();
    assert!(again.ends_with("✔ Mirror complete: 0 copied, 4 skipped, 0 copied by digest\n"), "{again}");

    // Nothing else can be reached any more.
    drop(published);
    let template = |chart: &str, more: &[&str]| {
        let chart = format!("oci://{to}/charts/{chart}");
        helm(&home, &[&["template", "flux-operator", &chart, "--version", VERSION, "--plain-http"], more].concat())
    };
    let image = format!("{to}/flux-operator");
    let operator = template("flux-operator", &["--set", &format!("image.repository={image}")]);
    assert!(operator.contains(&format!("image: \"{image}:v{VERSION}\"\n")), "{operator}");
    let instance = template("flux-instance", &["--set", &format!("instance.distribution.registry={to}")]);
    assert!(instance.contains(&format!("registry: {to}\n")), "{instance}");
}
