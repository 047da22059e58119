//! `create secret`, `migrate`, `check`, `logs`, and `diff yaml` without a cluster.

use serde_json::{Value, json};

use super::kubernetes::{HELM, KUSTOMIZE, Kubernetes, ready, toolkit};
use crate::world::{World, finish};

#[test]
fn secrets_are_applied_replaced_and_exported() {
    let kubernetes = Kubernetes::new("secret");
    let create = |args: &[&str]| kubernetes.run(&[&["create", "secret"], args].concat());
    let told = |outcome: crate::world::Outcome, name: &str| {
        assert_eq!(outcome.stderr, format!("✔ Secret secret-test/{name} applied successfully\n"));
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), ""));
    };
    let login = ["basic-auth", "git", "--username", "me"];
    told(create(&[&login[..], &["--password", "a b", "--label", "team=x", "--immutable"]].concat()), "git");
    let secret = kubernetes.live("v1", "Secret", "git");
    assert_eq!(secret["type"], json!("kubernetes.io/basic-auth"));
    assert_eq!(secret["data"], json!({"username": "bWU=", "password": "YSBi"}));
    assert_eq!((&secret["immutable"], &secret["metadata"]["labels"]["team"]), (&json!(true), &json!("x")));
    // What is immutable, or of another type, is replaced.
    told(create(&[&login[..], &["--password", "c"]].concat()), "git");
    assert_eq!(kubernetes.live("v1", "Secret", "git")["data"]["password"], json!("Yw=="));
    told(create(&["proxy", "git", "--address", "http://proxy"]), "git");
    assert_eq!(kubernetes.live("v1", "Secret", "git")["type"], json!("Opaque"));

    let mut command =
        kubernetes.command(&["create", "secret", "registry", "r", "-n", "secret-test", "--server", "ghcr.io"]);
    command.args(["--username", "me", "--password-stdin"]).stdin(std::process::Stdio::piped());
    told(finish(&mut command, "to ken\nmore"), "r");
    let secret = kubernetes.live("v1", "Secret", "r");
    assert_eq!(secret["type"], json!("kubernetes.io/dockerconfigjson"));
}

#[test]
fn exports_need_no_cluster() {
    let world = World::with(&[("id", "key\n"), ("hosts", "host\n"), ("age", "AGE-SECRET"), ("empty", "")]);
    let export = |args: &[&str]| {
        let mut command = world.command(&[&["create", "secret"], args, &["-n", "apps", "--export"]].concat());
        finish(command.env("KUBECONFIG", "missing").env("HOME", ".").env("TOKEN", "canary"), "")
    };
    assert_eq!(
        export(&["basic-auth", "git", "--username", "me", "--password-from-env", "TOKEN", "--annotation", "a=b c"])
            .data(),
        "---\napiVersion: v1\nkind: Secret\nmetadata:\n  annotations:\n    a: b c\n  name: git\n  namespace: apps\n\
         stringData:\n  password: canary\n  username: me\ntype: kubernetes.io/basic-auth\n"
    );
    let ssh = export(&["ssh", "git", "--private-key-file", "id", "--knownhosts-file", "hosts"]).data();
    assert!(ssh.ends_with("stringData:\n  identity: |\n    key\n  known_hosts: |\n    host\ntype: Opaque\n"), "{ssh}");
    let sops = export(&["sops", "age", "--age-key-file", "age"]).data();
    assert!(sops.contains("  \"305267396.agekey\": AGE-SECRET\n") || sops.contains(".agekey: AGE-SECRET\n"), "{sops}");
    let random = || export(&["web-auth", "w", "--client-id", "c", "--client-secret-rnd"]).data();
    assert_ne!(random(), random());
    let config = export(&[
        "web-config",
        "w",
        "--client-id",
        "c",
        "--base-url",
        "https://x",
        "--issuer-url",
        "https://i",
        "--client-secret",
        "s",
    ]);
    assert!(config.data().contains("        issuerURL: https://i\n"));

    let refused = |args: &[&str], text: &str| {
        let outcome = export(args);
        assert!(outcome.stderr.starts_with(&format!("✗ {text}\n")), "{outcome:?}");
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""));
    };
    refused(&["basic-auth", "git"], "username is required");
    refused(&["basic-auth", "git", "--username", "me"], "password is required");
    refused(&["basic-auth"], "`flux-operator create secret basic-auth` accepts 1 arg(s), received 0");
    refused(&["githubapp", "a"], "githubAppID is required");
    refused(&["ssh", "a"], "identity is required");
    refused(&["ssh", "a", "--private-key-file", "id"], "known_hosts is required");
    refused(&["sops", "a"], "a key is required");
    refused(&["sops", "a", "--age-key-file", "empty"], "the age key is empty");
    refused(&["tls", "a"], "a certificate is required");
    refused(&["tls", "a", "--tls-crt-file", "id"], "`--tls-crt-file` is of no use without `--tls-key-file`");
    refused(&["tls", "a", "--ca-crt-file", "id"], "`--ca-crt-file` holds no certificate in PEM");
    refused(&["web-config", "a"], "required flag(s) \"base-url\", \"client-id\" not set");
    refused(&["proxy", "a", "--address", "x", "--label", "a"], "`--label`: expected `key=value`, found `a`");
    refused(&["proxy", "a", "--address", "x", "--label", "a=b c"], "`--label`: `b c` is no value of a label");
}

#[test]
fn field_ownership_is_migrated() {
    let kubernetes = Kubernetes::new("migrate");
    let settings =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "1"}});
    kubernetes.apply_as("kustomize-controller", settings.clone());
    kubernetes.apply_as("helm-controller", settings);
    let entries = json!({"inventory": {"entries": [{"id": "migrate-test_settings__ConfigMap", "v": "v1"}]}});
    kubernetes.apply(toolkit(KUSTOMIZE, "Kustomization", "web", &json!({}), &entries));
    let migrate = |args: &[&str]| kubernetes.run(&[&["migrate"], args].concat());
    let object = "ConfigMap/migrate-test/settings";
    assert_eq!(
        migrate(&["owner", "ks/web", "--dry-run"]).stderr,
        format!(
            "◎ {object} would strip managers [helm-controller]\n\
             ✔ 1/1 resources need cleanup (current owner: kustomize-controller)\n"
        )
    );
    assert_eq!(
        migrate(&["owner", "ks/web"]).stderr,
        format!(
            "✔ {object} stripped managers [helm-controller]\n\
             ✔ cleaned 1/1 resources (current owner: kustomize-controller)\n"
        )
    );
    assert_eq!(
        migrate(&["owner", "ks/web"]).stderr,
        format!("• {object} already clean\n✔ cleaned 0/1 resources (current owner: kustomize-controller)\n")
    );
    // One that fails is a failure of all, and keeps nobody from the others.
    let more = json!({"inventory": {"entries": [
        {"id": "migrate-test_gone__ConfigMap", "v": "v1"}, {"id": "migrate-test_settings__ConfigMap", "v": "v1"},
    ]}});
    kubernetes.apply(toolkit(KUSTOMIZE, "Kustomization", "half", &json!({}), &more));
    let half = migrate(&["owner", "ks/half"]);
    assert!(half.stderr.starts_with("✗ ConfigMap/migrate-test/gone: "), "{half:?}");
    assert!(half.stderr.contains(&format!("• {object} already clean\n")) && half.code == Some(1), "{half:?}");
    migrate(&["owner", "gitrepo/a"]).refused(
        "✗ `GitRepository` applies nothing\n\n\
         hint: choose a `HelmRelease`, `Kustomization`, `ResourceSet` or `FluxInstance`\n",
    );
    kubernetes.apply(toolkit(HELM, "HelmRelease", "a", &json!({}), &json!({})));
    migrate(&["resources", "--api-version", HELM, "--kind", "widget"]).refused_as("the cluster has no kind `widget`");
    assert_eq!(
        migrate(&["resources", "--api-version", HELM, "--kind", "helmrelease"]).stderr,
        format!("• HelmRelease/migrate-test/a already at {HELM}\n✔ migrated 0/1 resources to {HELM}\n")
    );
    let old = "helm.toolkit.fluxcd.io/v2beta1";
    migrate(&["resources", "--api-version", old, "--kind", "HelmRelease"]).refused(
        "✗ the CRD `helmreleases.helm.toolkit.fluxcd.io` does not store `v2beta1`, but `v2`\n\n\
         hint: choose one of the stored versions\n",
    );
}

#[test]
fn checks_tell_what_is_missing() {
    let kubernetes = Kubernetes::new("check");
    let pre = kubernetes.run(&["check", "--pre"]).data();
    assert!(pre.starts_with("► checking prerequisites\n✔ Kubernetes 1.3"), "{pre}");
    assert!(pre.ends_with("✔ permissions to install the operator\n✔ prerequisites checks passed\n"), "{pre}");
    let group = ["--kube-as-group", "system:authenticated"];
    let weak = kubernetes.run(&[&["check", "--pre", "--kube-as", "jane"], &group[..]].concat());
    assert!(weak.stdout.contains("✗ permissions to create `namespaces`, `customresourcedefinitions`"), "{weak:?}");
    assert_eq!((weak.code, weak.stderr.lines().next()), (Some(1), Some("✗ 1 check failed")));
    kubernetes.instance(&ready("False", "BuildFailed", "no such version"));
    let all = kubernetes.run(&["check"]);
    assert!(all.stdout.contains("✔ kustomizations.kustomize.toolkit.fluxcd.io/v1\n"), "{all:?}");
    assert!(all.stdout.contains("✗ FluxInstance/check-test/flux: no such version\n"), "{all:?}");
    assert_eq!(all.code, Some(1));
}

#[test]
fn logs_name_where_they_looked() {
    let kubernetes = Kubernetes::new("logs");
    kubernetes.run(&["logs", "--flux-namespace", "logs-test"]).refused(
        "✗ no pods of Flux or its operator found in the namespace `logs-test`\n\n\
         hint: name the namespace that Flux runs in with `--flux-namespace`\n",
    );
}

#[test]
fn patches_lead_from_file_to_file() {
    let long = "a text that is long enough to be worth a patch of its own";
    let document =
        |image: &str| format!("kind: A\nmetadata:\n  name: {image}\nspec:\n  image: {image}\n  text: {long}\n");
    let world = World::with(&[("old.yaml", &document("a")), ("new.yaml", &document("b")), ("bad.yaml", "a: [\n")]);
    let diff = |args: &[&str]| world.run(&[&["diff", "yaml"], args].concat());
    let yaml = "- op: replace\n  path: /spec/image\n  value: b\n";
    assert_eq!(diff(&["old.yaml", "new.yaml"]).data(), yaml);
    let json: Value = serde_json::from_str(&diff(&["old.yaml", "new.yaml", "-o", "json-patch"]).data()).unwrap();
    assert_eq!(json, json!([{"op": "replace", "path": "/spec/image", "value": "b"}]));
    assert_eq!(diff(&["old.yaml", "old.yaml", "--exit-code"]).data(), "null\n");
    let differs = diff(&["old.yaml", "new.yaml", "--exit-code"]);
    assert_eq!((differs.code, differs.stdout.as_str()), (Some(2), yaml));
    assert!(diff(&["old.yaml", "new.yaml", "--include-metadata"]).data().contains("/metadata/name"));
    diff(&["missing.yaml", "new.yaml"]).refused_as("missing.yaml: the source cannot be read");
    diff(&["old.yaml", "bad.yaml"]).refused_as("bad.yaml: the target is no valid YAML");
    diff(&["old.yaml"]).refused_as("`flux-operator diff yaml` accepts 2 arg(s), received 1");
    diff(&["old.yaml", "new.yaml", "-o", "xml"])
        .refused_as("`--output` accepts `json-patch-yaml` or `json-patch`, received `xml`");
}
