//! From the first `install` to `uninstall`, with the operator at work.

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use flux_operator_testkit::cluster::{Cluster, Options};
use serde_json::{Value, json};

use super::kubernetes::{Kubernetes, OPERATOR};
use crate::operator::Operator;
use crate::world::Outcome;

/// How long a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(120);

const INSTALL: [&str; 5] = ["install", "--instance-cluster-size", "small", "--instance-distribution-version", "2.6.90"];

#[test]
fn flux_is_installed_looked_after_and_removed() {
    // A cluster of its own, whose controllers make pods of Deployments, and in which pods are ready.
    let cluster = Cluster::start(&Options { name: "cli-operator".into(), ..Options::default() }).unwrap();
    let kubernetes = Kubernetes::bare(&cluster);

    let child = kubernetes.command(&INSTALL).spawn().unwrap();
    let operator = Operator::start(&account(&kubernetes));
    let installed = Outcome::of(child);
    let (stdout, stderr) = (installed.stdout, installed.stderr);
    assert_eq!(installed.code, Some(0), "{stderr}");
    println!("{stdout}\n{stderr}");

    until("the report is there", || {
        kubernetes.live(OPERATOR, "FluxReport", "flux").pointer("/status/conditions").is_some()
    });
    let check = kubernetes.run_anywhere(&["check"]);
    println!("{}\n{}", check.stdout, check.stderr);
    assert_eq!(check.code, Some(0));
    println!("{:?}", kubernetes.run_anywhere(&["get", "instance"]));
    println!("{:?}", kubernetes.run_anywhere(&["version"]));
    println!("{}", kubernetes.run(&["tree", "instance", "flux"]).data());

    println!("{:?}", kubernetes.run(&["reconcile", "instance", "flux"]));
    println!("{:#}", kubernetes.live(OPERATOR, "FluxInstance", "flux")["status"]["lastHandledReconcileAt"]);

    let before = generations(&kubernetes);
    let again = kubernetes.run_anywhere(&INSTALL);
    println!("{}\n{}", again.stdout, again.stderr);
    assert_eq!(generations(&kubernetes), before);

    assert!(!operator.log().contains("is forbidden"), "a permission is missing:\n{}", operator.log());
    let gone = kubernetes.run(&["uninstall", "--yes"]);
    println!("{}\n{}", gone.stdout, gone.stderr);
    drop(operator);
}

/// The kubeconfig of the operator: that of the cluster, with the service account of the Deployment.
fn account(kubernetes: &Kubernetes) -> String {
    until("the service account is there", || !kubernetes.live("v1", "ServiceAccount", "flux-operator").is_null());
    let request = http::Request::post("/api/v1/namespaces/flux-system/serviceaccounts/flux-operator/token").body(
        json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": []}})
            .to_string()
            .into_bytes(),
    );
    let answer: Value = kubernetes.block_on(kubernetes.client().request(request.unwrap())).unwrap();
    let mut config: Value = serde_json::from_str(&fs::read_to_string(kubernetes.kubeconfig()).unwrap()).unwrap();
    config["users"][0]["user"] = json!({"token": answer["status"]["token"]});
    config.to_string()
}

/// How often each object was changed that installations make.
fn generations(kubernetes: &Kubernetes) -> BTreeMap<String, i64> {
    let kinds = [
        "/apis/fluxcd.controlplane.io/v1/fluxinstances",
        "/apis/apps/v1/deployments",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        "/api/v1/services",
    ];
    let mut generations = BTreeMap::new();
    for kind in kinds {
        let request = http::Request::get(kind).body(Vec::new()).unwrap();
        let list: Value = kubernetes.block_on(kubernetes.client().request(request)).unwrap();
        for object in list["items"].as_array().unwrap() {
            let name = format!("{kind}/{}", object["metadata"]["name"].as_str().unwrap());
            generations.insert(name, object["metadata"]["generation"].as_i64().unwrap_or_default());
        }
    }
    generations
}

#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(50));
    }
}
