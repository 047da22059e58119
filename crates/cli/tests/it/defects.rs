//! What commands of this kind have got wrong elsewhere, and do not here, as far as no other test says so.

use std::fs;

use crate::loopback::Loopback;
use crate::world::{Outcome, World, finish, instance};

#[test]
fn enumerations_are_checked() {
    let world = World::new();
    world.run(&["get", "all", "-o", "xyz"]).refused_as(
        "`--output` accepts `table` or `wide` or `yaml` or `json` or `name` or `jsonpath=`, received `xyz`",
    );
    world
        .run(&["get", "all", "--ready-status", "Fals"])
        .refused_as("`--ready-status` accepts `True` or `False` or `Unknown` or `Suspended`, received `Fals`");
}

#[test]
fn the_file_of_an_instance_may_be_called_so() {
    let world = World::with(&[("flux.yaml", &instance("2.x", ""))]);
    let by_file = world.run(&["build", "instance", "--file", "flux.yaml"]).data();
    assert_eq!(by_file, world.build(&["--filename", "flux.yaml"]).data());
}

#[test]
fn a_cluster_without_a_word_on_policies_has_them() {
    let world = World::with(&[
        ("flux.yaml", &instance("2.x", "  cluster: { size: small }\n")),
        ("none.yaml", &instance("2.x", "  cluster: { networkPolicy: false }\n")),
        ("nameless.yaml", &instance("2.x", "").replace("{ name: flux }", "{}")),
    ]);
    assert!(world.build(&["-f", "flux.yaml"]).data().contains("\nkind: NetworkPolicy\n"));
    assert!(!world.build(&["-f", "none.yaml"]).data().contains("\nkind: NetworkPolicy\n"));
    world.build(&["-f", "nameless.yaml"]).refused_as("nameless.yaml: the FluxInstance has 1 violation");
}

#[test]
fn digests_come_with_the_variant() {
    let distribution = "distribution: { version: \"2.x\", registry: ghcr.io/fluxcd";
    let with = instance("2.x", "").replace(distribution, &format!("{distribution}, variant: upstream-alpine"));
    let world = World::with(&[("flux.yaml", &with)]);
    let text = world.build(&["-f", "flux.yaml"]).data();
    let images: Vec<_> = text.lines().filter(|line| line.trim_start().starts_with("image: ")).collect();
    assert!(!images.is_empty() && images.iter().all(|image| image.contains("@sha256:")), "{images:?}");
}

#[test]
fn credentials_of_an_installation_reach_the_instance() {
    let sync =
        "  sync: { kind: GitRepository, url: \"https://git.example.com/a.git\", ref: refs/heads/main, path: ./ }\n";
    let world = World::with(&[("flux.yaml", &instance("2.x", sync)), ("app.pem", "key\n"), ("creds", "me:canary\n")]);
    let export = |args: &[&str]| world.run(&[&["install", "--export", "-f", "flux.yaml"], args].concat());
    let text = export(&["--instance-sync-creds-file", "creds"]).data();
    assert!(text.contains("    pullSecret: flux-system\n") && !text.contains("canary"), "{text}");
    let app = ["--instance-sync-gha-app-id", "1", "--instance-sync-gha-installation-owner", "me"];
    let text = export(&[&app[..], &["--instance-sync-gha-private-key-file", "app.pem"]].concat()).data();
    assert!(text.contains("    provider: github\n    pullSecret: flux-system\n"), "{text}");
    // The file may be anywhere.
    let flux = fs::read_to_string(world.path("flux.yaml")).unwrap();
    let server = Loopback::start(move |_, _| (200, flux.clone()));
    let from_web = world.run(&["install", "--export", "-f", &server.url("/flux.yaml")]).data();
    assert!(from_web.contains("    url: https://git.example.com/a.git\n"), "{from_web}");
}

#[test]
fn secrets_are_as_they_were_asked_for() {
    let world = World::with(&[("password", "two words\nmore\n"), ("hosts", "host\n")]);
    let export = |args: &[&str]| world.run(&[&["create", "secret"], args, &["-n", "apps", "--export"]].concat());
    let login = ["basic-auth", "git", "--username", "me", "--immutable", "--password-file", "password"];
    let text = export(&login).data();
    assert!(text.contains("\nimmutable: true\n") && text.contains("  password: two words\n"), "{text}");

    let new = ["ssh", "git", "--ssh-key-algorithm", "ed25519", "--knownhosts-file", "hosts"];
    let text = export(&new).data();
    assert!(text.contains("  identity: |\n    -----BEGIN PRIVATE KEY-----\n"), "{text}");
    assert!(text.contains("  identity.pub: |\n    ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"), "{text}");
    assert_ne!(export(&new).data(), text);
    let refused = |args: &[&str], text: &str| export(&[&["ssh", "git"], args].concat()).refused_as(text);
    refused(&["--ssh-key-algorithm", "ecdsa"], "known_hosts is required");
    refused(&["--ssh-key-algorithm", "rsa"], "`--ssh-key-algorithm` accepts `ed25519` or `ecdsa`, received `rsa`");
    let both = ["--ssh-key-algorithm", "ecdsa", "--private-key-file", "hosts", "--knownhosts-file", "hosts"];
    refused(&both, "`--ssh-key-algorithm` and `--private-key-file` exclude each other");
}

#[test]
fn documents_are_compared_with_those_of_the_same_object() {
    let map = |name: &str, value: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: apps\ndata:\n  long: a text that is long enough to be worth a patch of its own\n  a: {value}\n---\n"
        )
    };
    let (one, two, three) = (map("one", "x"), map("two", "x"), map("three", "x"));
    let world = World::with(&[
        ("old.yaml", &format!("{one}{two}")),
        ("same.yaml", &format!("{two}{one}")),
        ("new.yaml", &format!("{three}{}", map("one", "z"))),
    ]);
    let diff = |args: &[&str]| world.run(&[&["diff", "yaml", "old.yaml"], args].concat());
    assert_eq!(diff(&["same.yaml", "--exit-code"]).data(), "null\n");
    let expected = "\
---
# ConfigMap/apps/one
- op: replace
  path: /data/a
  value: z
---
# ConfigMap/apps/two, only in the source
- op: remove
  path: \"\"
---
# ConfigMap/apps/three, only in the target
- op: add
  path: \"\"
";
    let text = diff(&["new.yaml"]).data();
    assert!(text.starts_with(expected), "{text}");
    assert!(text.ends_with("    kind: ConfigMap\n    metadata:\n      name: three\n      namespace: apps\n"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&diff(&["new.yaml", "-o", "json-patch"]).data()).unwrap();
    assert_eq!(json[0]["object"], "ConfigMap/apps/one");
    assert_eq!(json[0]["patch"][0]["path"], "/data/a");
    assert_eq!(diff(&["new.yaml", "--exit-code"]).code, Some(2));
}

#[test]
fn every_command_has_a_page() {
    let world = World::new();
    let outcome = world.run(&["man", "man/man1"]);
    assert_eq!(
        outcome,
        Outcome {
            code: Some(0),
            stdout: String::new(),
            stderr: "✔ wrote the pages of all commands to man/man1\n".into()
        }
    );
    let page = |name: &str| fs::read_to_string(world.path(&format!("man/man1/{name}.1"))).unwrap();
    assert!(page("flux-operator").contains("flux\\-operator\\-get(1)"));
    let patch = page("flux-operator-patch-instance");
    assert!(
        patch.contains("\\-\\-skip\\-crds") && patch.contains("flux\\-operator patch instance \\-f flux.yaml"),
        "{patch}"
    );
    assert!(!world.path("man/man1/flux-operator-__complete.1").exists());
    let mut command = world.command(&["man", "flux.yaml/man"]);
    world.write("flux.yaml", "");
    assert!(finish(&mut command, "").stderr.starts_with("✗ flux.yaml/man: the pages cannot be written\n"));
}
