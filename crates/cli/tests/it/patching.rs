//! `patch instance`, with GitHub played by this machine, and from a distribution.

use std::fs;
use std::process::Stdio;

use serde_json::json;

use crate::loopback::{Answer, Loopback};
use crate::world::{Outcome, World, finish};

const FLUX: &str = "\
# The Flux of this cluster.
apiVersion: fluxcd.controlplane.io/v1
kind: FluxInstance
metadata:
  name: flux
  namespace: flux-system
spec:
  distribution:
    version: \"2.7.x\" # not yet 2.8
    registry: ghcr.io/fluxcd
  components: [source-controller, kustomize-controller]
";

/// What GitHub knows: Flux 2.7 and 2.8, and that the CRD of Kustomizations changed in between and on
/// branches.
fn github(path: &str) -> Answer {
    let tags =
        |tags: &[&str]| (200, json!(tags.iter().map(|tag| json!({"name": tag})).collect::<Vec<_>>()).to_string());
    let parts: Vec<&str> = path.split(['/', '?']).skip(1).collect();
    match parts.as_slice() {
        ["repos", "fluxcd", "flux2", "tags", _] => tags(&["v2.8.1", "v2.7.5", "v2.7.0", "v2.8.0"]),
        ["repos", "fluxcd", "source-watcher", "tags", _] => tags(&["v2.0.0"]),
        ["repos", "fluxcd", _, "tags", _] => {
            tags(&["v1.8.0", "v1.8.2", "v1.8.10", "v1.8.11-rc.1", "v1.7.3", "api/v1.8.99", "v1.9.0", "nightly"])
        }
        ["repos", "fluxcd", _, "branches", "main"] => (200, json!({"commit": {"sha": "0123456789abcdef"}}).to_string()),
        ["repos", "fluxcd", _, "branches", "feat", "x"] => {
            (200, json!({"commit": {"sha": "fedcba9876543210"}}).to_string())
        }
        ["fluxcd", _, reference, "config", "crd", "bases", file] => {
            let is_new = *file == "kustomize.toolkit.fluxcd.io_kustomizations.yaml" && *reference != "v1.7.3";
            let description =
                "A text that is long enough to be worth a patch of its own, and no replacement of the whole";
            let fields = json!({"path": {"type": if is_new { "object" } else { "string" }}, "text": {"description": description}});
            let crd = json!({"kind": "CustomResourceDefinition", "metadata": {"name": reference}, "spec": {"fields": fields}});
            (200, crd.to_string())
        }
        _ => (404, "{}".to_owned()),
    }
}

/// A folder with the instance, and GitHub.
struct Patching {
    world: World,
    github: Loopback,
}

impl Patching {
    fn new() -> Self {
        Self::with(github)
    }

    fn with(github: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        Self { world: World::with(&[("flux.yaml", FLUX)]), github: Loopback::start(move |_, path| github(path)) }
    }

    fn command(&self, args: &[&str]) -> std::process::Command {
        let urls = ["--github-api-url", &self.github.url(""), "--github-raw-url", &self.github.url("")];
        let mut command = self.world.command(&[&["patch", "instance"], args, &urls].concat());
        command.env_remove("GH_TOKEN").env_remove("GITHUB_TOKEN");
        command
    }

    fn run(&self, args: &[&str]) -> Outcome {
        finish(&mut self.command(&[&["-f", "flux.yaml"], args].concat()), "")
    }

    #[track_caller]
    fn patched(&self, args: &[&str]) -> String {
        let outcome = self.run(args);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), ""), "{}", outcome.stderr);
        self.text()
    }

    fn text(&self) -> String {
        fs::read_to_string(self.world.path("flux.yaml")).unwrap()
    }
}

fn image(component: &str, image: &str) -> String {
    format!(
        "    - patch: |\n        - op: replace\n          path: /spec/template/spec/containers/0/image\n          \
         value: {image}\n      target:\n        kind: Deployment\n        name: {component}\n"
    )
}

const DEFINITION: &str = "    - patch: |
        - op: replace
          path: /spec/fields/path/type
          value: object
      target:
        kind: CustomResourceDefinition
        name: kustomizations.kustomize.toolkit.fluxcd.io
";

fn patched(registry: &str, version: &str) -> String {
    let images =
        ["source-controller", "kustomize-controller"].map(|name| image(name, &format!("{registry}/{name}:{version}")));
    format!("{FLUX}  kustomize:\n    patches:\n{}{DEFINITION}", images.concat())
}

#[test]
fn a_release_is_patched_in_and_out_again() {
    let patching = Patching::new();
    let outcome = patching.run(&["--version", "2.8"]);
    assert_eq!(
        outcome.stderr,
        "\
◎ Resolving current version from 2.7.x...
✔ Resolved version range: 2.7 -> 2.8
◎ Computing patches for 2 components...
◎ Processing source-controller...
◎   Diffing CRD gitrepositories.source.toolkit.fluxcd.io
◎   Diffing CRD ocirepositories.source.toolkit.fluxcd.io
◎   Diffing CRD buckets.source.toolkit.fluxcd.io
◎   Diffing CRD helmrepositories.source.toolkit.fluxcd.io
◎   Diffing CRD helmcharts.source.toolkit.fluxcd.io
◎   Diffing CRD externalartifacts.source.toolkit.fluxcd.io
◎ Processing kustomize-controller...
◎   Diffing CRD kustomizations.kustomize.toolkit.fluxcd.io
◎ Validating patched instance...
✔ Validation passed
✔ Appended 3 patches to flux.yaml
"
    );
    // Pre-releases and tags of other things do not count, and 10 is more than 2.
    assert_eq!(patching.text(), patched("ghcr.io/fluxcd", "v1.8.10"));
    let again = patching.run(&["--version", "v8"]);
    assert!(again.stderr.contains("✔ Removed 3 previously generated patches\n"), "{}", again.stderr);
    assert_eq!(patching.text(), patched("ghcr.io/fluxcd", "v1.8.10"));
    assert_eq!(
        patching.patched(&["--version", "2.8", "--registry", "example.com/a"]),
        patched("example.com/a", "v1.8.10")
    );

    let rm = patching.run(&["--rm", "--components", "kustomize-controller"]);
    assert_eq!(rm.stderr, "✔ Removed 2 patches from flux.yaml\n");
    let rest = format!(
        "{FLUX}  kustomize:\n    patches:\n{}",
        image("source-controller", "example.com/a/source-controller:v1.8.10")
    );
    assert_eq!(patching.text(), rest);
    assert_eq!(
        patching.run(&["--rm", "-c", "helm-controller"]).stderr,
        "✔ No generated patches found for the selected components\n"
    );
    assert_eq!(patching.run(&["--rm"]).stderr, "✔ Removed 1 patch from flux.yaml\n");
    assert_eq!(patching.text(), FLUX);
    assert_eq!(patching.run(&["--rm"]).stderr, "✔ No patches to remove\n");
    assert_eq!(patching.run(&["--version", "2.8", "--quiet"]).stderr, "");
}

#[test]
fn patches_of_users_and_of_other_controllers_stay() {
    let patching = Patching::new();
    let mine = "    - target: {kind: Deployment, name: source-controller}\n      patch: |\n        - op: remove\n          path: /spec/replicas\n";
    let other = image("helm-controller", "ghcr.io/fluxcd/helm-controller:v1.4.0");
    patching.world.write("flux.yaml", format!("{FLUX}  kustomize:\n    patches:\n{mine}{other}"));
    let text = patching.patched(&["--version", "2.8", "--components", "source-controller"]);
    let source = image("source-controller", "ghcr.io/fluxcd/source-controller:v1.8.10");
    assert_eq!(text, format!("{FLUX}  kustomize:\n    patches:\n{mine}{other}{source}"));
}

#[test]
fn stale_patches_go_where_no_new_ones_come() {
    // A CRD that was patched once, and is no longer different.
    let patching = Patching::with(|path| github(&path.replace("v1.8.10", "v1.7.3")));
    patching.world.write("flux.yaml", patched("ghcr.io/fluxcd", "v1.8.2"));
    let text = patching.patched(&["--version", "2.8"]);
    assert_eq!(text, patched("ghcr.io/fluxcd", "v1.8.10").replace(DEFINITION, ""));
}

#[test]
fn branches_have_builds_of_their_own() {
    let patching = Patching::new();
    let mut command = patching.command(&["-f", "-", "-c", "source-controller"]);
    let outcome = finish(command.env("GH_TOKEN", "canary").stdin(Stdio::piped()), FLUX);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("◎ Asking GitHub with the token of GH_TOKEN\n✔ Resolved version range: 2.7 -> main\n"),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.ends_with("✔ Appended 1 patch to stdout\n") && !outcome.stderr.contains("canary"));
    let main = image("source-controller", "ghcr.io/fluxcd/source-controller:rc-01234567");
    assert_eq!(outcome.stdout, format!("{FLUX}  kustomize:\n    patches:\n{main}"));
    let heads = patching.github.heads();
    let (api, raw): (Vec<_>, Vec<_>) = heads.iter().partition(|head| head.starts_with("get /repos/"));
    assert!(api.iter().all(|head| head.contains("authorization: bearer canary")), "{api:?}");
    assert!(!raw.is_empty() && raw.iter().all(|head| !head.contains("authorization")), "{raw:?}");

    let text = patching.patched(&["--version", "feat/x", "-c", "source-controller", "--registry", "example.com/a"]);
    assert!(text.contains("value: ghcr.io/fluxcd/source-controller:rc-fedcba98\n"), "{text}");
}

#[test]
fn a_crd_that_cannot_be_had_is_no_warning() {
    let missing = |path: &str| {
        if path.contains("/v1.7.3/") && path.contains("buckets") { (404, String::new()) } else { github(path) }
    };
    let patching = Patching::with(missing);
    let outcome = patching.run(&["--version", "2.8", "--quiet"]);
    outcome.refused(
        "✗ the CRD `buckets.source.toolkit.fluxcd.io` is new in 2.8 of `source-controller`, and no patch can add it\n\n\
         hint: `--skip-crds` leaves it out; where it is needed, upgrade `spec.distribution.version` instead\n",
    );
    assert_eq!(patching.text(), FLUX);
    let skipped = patching.run(&["--version", "2.8", "--skip-crds"]);
    assert!(
        skipped.stderr.contains("skipped: the CRD `buckets.source.toolkit.fluxcd.io` is new in 2.8"),
        "{}",
        skipped.stderr
    );
    assert_eq!(patching.text(), patched("ghcr.io/fluxcd", "v1.8.10"));

    let broken = |path: &str| if path.contains("buckets") { (418, String::new()) } else { github(path) };
    let patching = Patching::with(broken);
    let outcome = patching.run(&["--version", "2.8", "--quiet"]);
    let first = outcome.stderr.lines().next().unwrap().to_owned();
    assert!(first.starts_with("✗ cannot read `/fluxcd/source-controller/v1.7.3/config/crd/bases/source.toolkit.fluxcd.io_buckets.yaml` from GitHub"), "{first}");
    assert_eq!((outcome.code, patching.text().as_str()), (Some(1), FLUX));
}

#[test]
fn what_cannot_be_patched() {
    let patching = Patching::new();
    let command = |args: &[&str]| finish(&mut patching.command(&[args, &["--quiet"]].concat()), "");
    command(&[]).refused_as("--filename is required");
    command(&["-f", "missing.yaml"]).refused_as("missing.yaml: cannot be read");
    command(&["-f", "flux.yaml", "-v", "3.1"])
        .refused_as("`--version` cannot be `3.1`: there is no Flux 3 to get to, only Flux 2");
    command(&["-f", "flux.yaml", "-v", "2.7"]).refused_as("Flux 2.7 is no newer than Flux 2.7, which the instance has");
    command(&["-f", "flux.yaml", "-v", "2.6"]).refused_as("Flux 2.6 is no newer than Flux 2.7, which the instance has");
    command(&["-f", "flux.yaml", "-v", "2.11"])
        .refused_as("no release of `fluxcd/source-controller` is of Flux 2.11: there is no `v1.11.x`");
    command(&["-f", "flux.yaml", "-v", "nobody"])
        .refused_as("cannot read `/repos/fluxcd/source-controller/branches/nobody` from GitHub");
    command(&["-f", "flux.yaml", "-c", "web-controller"]).refused_as(
        "`--components` cannot be `web-controller`: expected a component (`source-controller`, `kustomize-controller`, \
         `helm-controller`, `notification-controller`, `image-reflector-controller`, `image-automation-controller`, \
         `source-watcher`), found `web-controller`",
    );
    patching.world.write("two.yaml", format!("{FLUX}---\n{FLUX}"));
    command(&["-f", "two.yaml"]).refused_as("two.yaml: holds 2 FluxInstances, and one can be patched");
    patching.world.write("none.yaml", "kind: ConfigMap\n");
    command(&["-f", "none.yaml"]).refused_as("none.yaml: holds no FluxInstance, and one can be patched");
    patching.world.write("wrong.yaml", FLUX.replace("components", "componets"));
    command(&["-f", "wrong.yaml"]).refused_as("wrong.yaml: the FluxInstance has 1 violation");
    assert_eq!(patching.text(), FLUX);
}

#[test]
fn a_distribution_needs_no_network() {
    let patching = Patching::with(|_| (500, String::new()));
    let flux = FLUX.replace("2.7.x", "2.6.x");
    patching.world.write("flux.yaml", &flux);
    let offline = ["--version", "2.9", "--distribution", "distribution", "--skip-crds"];
    patching.run(&[&offline[..4], &["--quiet"]].concat()).refused_as(
        "the CRD `externalartifacts.source.toolkit.fluxcd.io` is new in 2.9 of `source-controller`, and no patch can add it",
    );
    let text = patching.patched(&offline);
    assert!(patching.github.heads().is_empty());
    assert!(text.starts_with(&flux) && text.contains("value: ghcr.io/fluxcd/source-controller:v1."), "{text}");
    // What it makes can be built.
    assert!(patching.world.build(&["-f", "flux.yaml"]).data().contains("image: ghcr.io/fluxcd/source-controller:v1."));
    assert_eq!(patching.patched(&offline), text);
    let refused = patching.run(&["--distribution", "distribution", "--quiet"]);
    refused.refused_as("`distribution` has releases, and `main` is a branch");
    let refused = patching.run(&["--version", "2.10", "--distribution", "distribution", "--quiet"]);
    assert!(refused.stderr.starts_with("✗ `distribution` has no release that is of Flux 2.10\n"), "{}", refused.stderr);
}
