//! `flux-operator distro`: distributions in registries, files and folders.

use std::process::Command;

use flux_operator_testkit::registry::{Artifact, FLUX_LAYER, Scripted, artifact, index_of, pack, pack_dir};
use flux_operator_testkit::workspace;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::loopback::Loopback;
use crate::world::{Outcome, World, finish, instance};

/// A registry with the distribution of the repository in `org/flux:latest`, and a folder to run in.
struct Stand {
    // Drives the registry while programs talk to it.
    _runtime: Runtime,
    registry: Scripted,
    world: World,
}

impl Stand {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let registry = runtime.block_on(Scripted::plain().start()).unwrap();
        registry.put("org/flux", "latest", &distribution());
        Self { _runtime: runtime, registry, world: World::with(&[("flux.yaml", &instance("2.9.x", ""))]) }
    }

    fn artifact(&self) -> String {
        format!("oci://{}/org/flux:latest", self.registry.host())
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.world.command(args);
        command.env("DOCKER_CONFIG", self.world.path("docker")).env("XDG_CACHE_HOME", self.world.path("cache"));
        command.env_remove("REGISTRY_AUTH_FILE").env_remove("XDG_RUNTIME_DIR");
        command
    }

    fn run(&self, args: &[&str]) -> Outcome {
        finish(&mut self.command(args), "")
    }

    /// What a run that went well said on stderr.
    #[track_caller]
    fn story(&self, args: &[&str]) -> String {
        let Outcome { code, stdout, stderr } = self.run(args);
        assert_eq!((code, stdout.as_str()), (Some(0), ""), "{stderr}");
        stderr
    }
}

fn distribution() -> Artifact {
    artifact(&pack_dir(workspace::distribution()).unwrap(), FLUX_LAYER)
}

#[test]
fn lists_versions_and_images() {
    let world = World::new();
    assert_eq!(world.run(&["distro", "list"]).data(), "VERSION \nv2.9.90\t\nv2.6.90\t\n");
    let images = world.run(&["distro", "list", "--version", "2.9.x", "-o", "json"]).data();
    let images: Value = serde_json::from_str(&images).unwrap();
    assert_eq!(images["versions"], serde_json::json!(["v2.9.90"]));
    assert_eq!(images["images"][0]["component"], "source-controller");
    assert!(images["images"][0]["digest"].as_str().unwrap().starts_with("sha256:"));
    let table = world.run(&["distro", "list", "--version", "2.6.x"]).data();
    assert!(table.starts_with("COMPONENT"), "{table}");
    world.run(&["distro", "list", "--version", "3.x"]).refused(
        "\
✗ no version of `distribution` lies in `3.x`, the newest is `v2.9.90`

hint: `flux-operator distro list` without `--version` lists what there is
",
    );
}

#[test]
fn an_artifact_is_pulled_bundled_and_rendered() {
    let stand = Stand::new();
    let (artifact, digest) = (stand.artifact(), distribution().digest());
    let by_digest = artifact.replace(":latest", &format!("@{digest}"));
    assert_eq!(stand.story(&["distro", "pull", &artifact, "-o", "out"]), format!("✔ pulled {by_digest} to out\n"));
    assert_eq!(stand.world.files("out"), stand.world.files("distribution"));
    assert_eq!(
        stand.story(&["distro", "bundle", &artifact, "-o", "flux.tar"]),
        format!("✔ bundled {by_digest} in flux.tar\n")
    );

    let build =
        |distribution: &str| stand.run(&["build", "instance", "-f", "flux.yaml", "--distribution", distribution]);
    let rendered = build("distribution").data();
    for distribution in [artifact.as_str(), "flux.tar", "out"] {
        assert_eq!(build(distribution).data(), rendered, "{distribution}");
    }
    let listed = stand.run(&["distro", "list", "--distribution", "flux.tar", "-o", "json"]).data();
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["digest"], digest.to_string());

    // A digest that was pulled before needs no registry.
    stand.registry.clear_requests();
    build(&by_digest).data();
    assert_eq!(stand.registry.requests().len(), 0);
    stand
        .run(&["distro", "pull", &artifact, "-o", "out"])
        .refused("✗ `out` is not empty\n\nhint: name a directory that is not there yet\n");
}

#[test]
fn a_mirror_copies_what_is_missing() {
    let stand = Stand::new();
    let host = stand.registry.host().to_owned();
    let image = artifact(&pack(&[("bin", b"1")]), FLUX_LAYER);
    let platforms = index_of(&[(&image, Some("linux/amd64")), (&image, Some("linux/arm64"))]);
    let listed = stand.run(&["distro", "list", "--version", "2.9.x", "-o", "json"]).data();
    let listed: Value = serde_json::from_str(&listed).unwrap();
    // An image has the digest that the list says only where the list is true, so it says none here.
    let mut digests = "images:\n".to_owned();
    for listed in listed["images"].as_array().unwrap() {
        let (component, tag) = (listed["component"].as_str().unwrap(), listed["tag"].as_str().unwrap());
        digests.extend(["- name: ghcr.io/fluxcd/", component, "\n  newTag: ", tag, "\n"]);
        stand.registry.put(&format!("from/{component}"), "amd", &image);
        stand.registry.put(&format!("from/{component}"), tag, &platforms);
    }
    stand.world.copy_distribution("mine");
    stand.world.write("mine/flux-images/v2.9.90/upstream-alpine.yaml", &digests);
    let (source, destination) = (format!("{host}/from"), format!("{host}/to"));
    let tag = listed["images"][0]["tag"].as_str().unwrap();
    let of_the_operator =
        [("flux-operator", "v0.1.0"), ("charts/flux-operator", "0.1.0"), ("charts/flux-instance", "0.1.0")];
    for (name, tag) in of_the_operator {
        stand.registry.put(&format!("from/{name}"), tag, &image);
    }
    let mirror = |more: &[&str]| {
        let args = ["distro", "mirror", &destination, "--distribution", "mine", "--version", "2.9.x"];
        stand.run(&[&args, &["--source", &source, "--operator-source", &source][..], more].concat())
    };
    let only =
        ["--components", "source-controller", "--include-operator-image=false", "--include-operator-chart=false"];
    let only = [&only[..], &["--include-instance-chart=false"]].concat();

    let dry = mirror(&[&only[..], &["--dry-run"]].concat());
    assert_eq!(
        (dry.code, dry.stderr),
        (
            Some(0),
            format!(
                "✎ {source}/source-controller:{tag} → {destination}/source-controller:{tag} (dry-run)\n\
                 ✔ Dry-run complete: 1 image(s) would be processed\n"
            )
        )
    );
    assert_eq!(stand.registry.stored("to/source-controller", tag), None);

    let all = mirror(&[]);
    let count = listed["images"].as_array().unwrap().len() + of_the_operator.len();
    assert!(
        all.stderr.ends_with(&format!("✔ Mirror complete: {count} copied, 0 skipped, 0 copied by digest\n")),
        "{}",
        all.stderr
    );
    assert_eq!(stand.registry.stored("to/source-controller", tag), Some(platforms.manifest.clone()));
    for (name, tag) in of_the_operator {
        assert_eq!(stand.registry.stored(&format!("to/{name}"), tag), Some(image.manifest.clone()), "{name}");
    }
    let again = mirror(&only);
    assert_eq!(
        again.stderr,
        format!(
            "≡ {destination}/source-controller:{tag} (skipped: up-to-date)\n\
             ✔ Mirror complete: 0 copied, 1 skipped, 0 copied by digest\n"
        )
    );
    let unknown = mirror(&["--components", "sauce-controller"]);
    assert!(unknown.stderr.starts_with("✗ the digest list of `upstream-alpine` has no `sauce-controller`\n"));

    // Where nothing else is said, it comes from where releases are published.
    let published = stand.run(&["distro", "mirror", &destination, "--distribution", "mine", "--dry-run"]).stderr;
    for (name, tag) in of_the_operator {
        let line = format!("✎ ghcr.io/flux-operator-rs/{name}:{tag} → {destination}/{name}:{tag} (dry-run)\n");
        assert!(published.contains(&line), "{published}");
    }
    let misspelt =
        ["distro", "mirror", &destination, "--distribution", "mine", "--operator-source", "https://example.com"];
    let misspelt = stand.run(&misspelt);
    assert!(misspelt.stderr.starts_with("✗ `https://example.com` is no registry and path to copy from\n"));
}

#[test]
fn what_is_not_trusted_is_not_used() {
    let stand = Stand::new();
    let key = "-----BEGIN PUBLIC KEY-----\n\
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYI4heOTrNrZO27elFE8ynfrdPMik\n\
        ttRkbe+vJKQ50G6bfwQ3WyhLpRwwwohelDAm8xRzJ56nYsIa3VHivVvpmA==\n\
        -----END PUBLIC KEY-----\n";
    stand.world.write("cosign.pub", key);
    let artifact = stand.artifact();
    for args in [
        &["distro", "verify", &artifact, "--verify-key", "cosign.pub"][..],
        &["distro", "pull", &artifact, "-o", "out", "--verify-key", "cosign.pub"],
        &["distro", "bundle", &artifact, "-o", "flux.tar", "--verify-key", "cosign.pub"],
        &["build", "instance", "-f", "flux.yaml", "--distribution", &artifact, "--verify-key", "cosign.pub"],
    ] {
        let refused = stand.run(args);
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""));
        assert!(
            refused.stderr.contains("is not trusted\n") && refused.stderr.contains("has no signature"),
            "{}",
            refused.stderr
        );
    }
    assert!(!stand.world.path("out").exists() && !stand.world.path("flux.tar").exists());
    stand.run(&["distro", "verify", &artifact]).refused(
        "✗ nobody is trusted\n\nhint: give `--verify-key FILE`, or `--verify-trust-root FILE` with an issuer and a subject\n",
    );
}

#[test]
fn registries_that_cannot_be_asked_say_what_to_do() {
    let stand = Stand::new();
    let missing = stand.artifact().replace("latest", "v9");
    let host = stand.registry.host();
    stand.run(&["distro", "pull", &missing, "-o", "out"]).refused(&format!(
        "\
✗ cannot pull `{missing}`
  registry `{host}` has no `org/flux:v9`

hint: check the spelling; a registry may hide what you may not see
"
    ));
    let bad = stand.run(&["distro", "pull", "oci://Ghcr.io/A", "-o", "out"]);
    assert_eq!(bad.code, Some(1), "{}", bad.stderr);
    stand.world.write("docker/config.json", "{");
    let broken = stand.run(&["distro", "pull", &stand.artifact(), "-o", "out"]);
    assert!(broken.stderr.contains("is not a Docker configuration"), "{}", broken.stderr);
}

#[test]
fn a_check_asks_the_registry_and_a_diff_reads_from_it() {
    let stand = Stand::new();
    let artifact = stand.artifact();
    let cluster = |artifact: &str| {
        let spec = serde_json::json!({"distribution": {"artifact": artifact}});
        let instance = serde_json::json!({"metadata": {"name": "flux", "namespace": "flux-system"}, "spec": spec});
        let list = serde_json::json!({"metadata": {"resourceVersion": "1"}, "items": [instance]}).to_string();
        let server = Loopback::start(move |_, path| match path {
            "/version" => (200, r#"{"gitVersion": "v1.34.0"}"#.to_owned()),
            path if path.starts_with("/apis/fluxcd.controlplane.io/v1/fluxinstances") => (200, list.clone()),
            path if path.contains("selfsubjectaccessreviews") => (200, r#"{"status": {"allowed": true}}"#.to_owned()),
            _ => (200, r#"{"metadata": {}, "items": []}"#.to_owned()),
        });
        let mut command = stand.command(&["check", "--kube-server", &server.url("")]);
        finish(command.env("KUBECONFIG", "missing").env("HOME", "."), "").stdout
    };
    let text = cluster(&artifact);
    assert!(text.ends_with(&format!("► checking registry\n✔ {artifact}: {}\n", distribution().digest())), "{text}");
    let text = cluster(&artifact.replace("flux:", "nothing:"));
    let host = stand.registry.host();
    assert!(text.ends_with(&format!("registry `{host}` has no `org/nothing:latest`\n")), "{text}");

    let file = format!("{artifact}#flux/v2.9.90/source-controller.yaml");
    let same = workspace::distribution().join("flux/v2.9.90/source-controller.yaml");
    assert_eq!(stand.run(&["diff", "yaml", &file, same.to_str().unwrap(), "--exit-code"]).data(), "null\n");
    let missing = stand.run(&["diff", "yaml", &artifact, "x.yaml"]);
    assert!(
        missing.stderr.contains("the source cannot be read\n  the address names no file in the artifact\n"),
        "{missing:?}"
    );
    let missing = stand.run(&["diff", "yaml", &format!("{artifact}#nope.yaml"), "x.yaml"]);
    assert!(missing.stderr.contains("has no file `nope.yaml`\n"), "{missing:?}");
}
