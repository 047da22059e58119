//! How the cluster is found, and what is said where it is not.

use std::fs;
use std::net::TcpListener;
use std::process::Stdio;

use flux_operator_builder::yaml::{Dialect, Limits, read_documents, write};
use serde_json::{Value, json};

use super::kubernetes::Kubernetes;
use crate::world::finish;

/// The kubeconfig of the cluster as data.
fn kubeconfig(kubernetes: &Kubernetes) -> Value {
    let text = fs::read_to_string(kubernetes.kubeconfig()).unwrap();
    read_documents(&text, Dialect::Manifest, &Limits::INPUT).unwrap().remove(0)
}

fn save(kubernetes: &Kubernetes, name: &str, value: &Value) {
    let mut text = String::new();
    write(value, &mut text);
    kubernetes.world.write(name, text);
}

#[test]
fn contexts_users_and_clusters_may_be_in_different_files() {
    let kubernetes = Kubernetes::new("access");
    let whole = kubeconfig(&kubernetes);
    let (cluster, user) = (&whole["clusters"][0]["name"], &whole["users"][0]["name"]);
    let part = |field: &str, value: &Value| json!({"apiVersion": "v1", "kind": "Config", field: value});
    let context = |namespace: &str| json!({"name": namespace, "context": {"cluster": cluster, "user": user, "namespace": namespace}});
    let mut contexts = part("contexts", &json!([context("access-test"), context("elsewhere")]));
    contexts["current-context"] = json!("access-test");
    save(&kubernetes, "contexts", &contexts);
    save(&kubernetes, "clusters", &part("clusters", &whole["clusters"]));
    save(&kubernetes, "users", &part("users", &whole["users"]));

    let run = |args: &[&str]| {
        let mut command = kubernetes.world.command(args);
        finish(command.env("KUBECONFIG", "contexts:missing:clusters:users"), "")
    };
    let nothing = |namespace: &str| {
        format!(
            "✗ no resources found in the namespace `{namespace}`\n\n\
             hint: look in every namespace with `-A`; `flux-operator check` tells what is installed\n"
        )
    };
    run(&["get", "all", "--kind", "ks"]).refused(&nothing("access-test"));
    // The namespace is that of the context which is used, not of the current one.
    run(&["get", "all", "--kind", "ks", "--kube-context", "elsewhere"]).refused(&nothing("elsewhere"));
    run(&["get", "all", "--kube-context", "elswhere"])
        .refused("✗ the kubeconfig has no context `elswhere`\n\nhint: did you mean `--kube-context elsewhere`?\n");
    run(&["get", "all", "--kube-context", "prod"]).refused(
        "✗ the kubeconfig has no context `prod`\n\n\
         hint: choose one with `--kube-context`: `access-test`, `elsewhere`\n",
    );
    save(&kubernetes, "whole", &whole);
    let explicit = run(&["get", "instance", "--kubeconfig", "whole", "-n", "access-test"]).data();
    assert!(explicit.starts_with("NAME\t"), "{explicit}");
}

#[test]
fn nobody_to_ask() {
    let kubernetes = Kubernetes::new("nobody");
    let run = |args: &[&str], kubeconfig: &str| {
        let mut command = kubernetes.world.command(args);
        command.env_remove("KUBERNETES_SERVICE_HOST").env("HOME", ".");
        finish(command.env("KUBECONFIG", kubeconfig), "")
    };
    run(&["get", "instance"], "missing").refused(
        "✗ no kubeconfig found, and this is no pod of a cluster\n\n\
         hint: name one with `--kubeconfig FILE` or `KUBECONFIG`\n",
    );

    // A port that nobody listens at.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut unreachable = kubeconfig(&kubernetes);
    unreachable["clusters"][0]["cluster"]["server"] = json!(format!("https://127.0.0.1:{port}"));
    save(&kubernetes, "unreachable", &unreachable);
    let outcome = run(&["get", "instance"], "unreachable");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""));
    assert!(
        outcome.stderr.starts_with("✗ cannot list fluxinstances\n  the API server cannot be reached\n"),
        "{}",
        outcome.stderr
    );
    assert!(
        outcome
            .stderr
            .ends_with("hint: check that the cluster is up, and that `--kube-context` names the one you mean\n"),
        "{}",
        outcome.stderr
    );

    save(&kubernetes, "expired", &kubeconfig(&kubernetes));
    run(&["get", "instance", "--kube-token", "expired"], "expired").refused(
        "✗ cannot list fluxinstances\n  Unauthorized\n\n\
         hint: the credentials have expired or belong to another cluster: log in again\n",
    );
}

#[test]
fn who_may_not_is_told_what() {
    let kubernetes = Kubernetes::new("forbidden");
    kubernetes.run(&["get", "instance", "--kube-as", "jane"]).refused(
        "✗ cannot list fluxinstances\n  fluxinstances.fluxcd.controlplane.io is forbidden: User \"jane\" cannot list \
         resource \"fluxinstances\" in API group \"fluxcd.controlplane.io\" in the namespace \"forbidden-test\"\n\n\
         hint: whoever runs the cluster can grant that; `kubectl auth whoami` tells who you are\n",
    );
    let known = kubernetes.run(&["get", "instance", "--kube-as", "jane", "--kube-as-group", "system:masters"]).data();
    assert!(known.starts_with("NAME\t"), "{known}");
}

#[test]
fn kinds_that_are_not_installed_are_named() {
    let kubernetes = Kubernetes::new("missing");
    kubernetes.run(&["reconcile", "resource", "bucket/a"]).refused(
        "✗ the cluster has no kind `Bucket`\n\nhint: `flux-operator check` tells what is installed; \
         see `--kube-context` if this is the wrong cluster\n",
    );
    kubernetes.run(&["trace", "widget/a"]).refused(
        "✗ the cluster has no kind `widget`\n\nhint: `kubectl api-resources` lists the kinds of the cluster\n",
    );
}

#[test]
fn a_closed_pipe_is_silent() {
    let kubernetes = Kubernetes::new("pipe");
    let mut child = kubernetes.command(&["get", "instance"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap()), (Some(0), String::new()));
}

#[cfg(unix)]
#[test]
fn an_interrupted_wait_exits_with_130() {
    let kubernetes = Kubernetes::new("interrupt");
    let mut command = kubernetes.command(&["wait", "instance", "flux", "-n", "interrupt-test"]);
    let mut child = command.spawn().unwrap();
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut first = String::new();
    std::io::BufRead::read_line(&mut stderr, &mut first).unwrap();
    assert_eq!(first, "◎ Waiting for instance to become ready...\n");
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut stderr, &mut rest).unwrap();
    assert_eq!(rest, "✗ interrupted; what was asked of the cluster before goes on there\n");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
