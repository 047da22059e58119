//! From the first `install` to `uninstall`, with the operator at work.

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use flux_operator_testkit::cluster::{Cluster, Options};
use serde_json::{Value, json};

use super::kubernetes::{Kubernetes, OPERATOR};
use crate::operator::Program;
use crate::world::Outcome;

/// How long a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(120);

const INSTALL: [&str; 5] = ["install", "--instance-cluster-size", "small", "--instance-distribution-version", "2.6.90"];

/// What the operator consists of beside its namespace, in the order in which it is applied.
const OBJECTS: [&str; 9] = [
    "CustomResourceDefinition/fluxinstances.fluxcd.controlplane.io",
    "CustomResourceDefinition/fluxreports.fluxcd.controlplane.io",
    "ClusterRole/flux-operator",
    "ClusterRoleBinding/flux-operator-cluster",
    "ServiceAccount/flux-system/flux-operator",
    "Role/flux-system/flux-operator",
    "RoleBinding/flux-system/flux-operator",
    "Service/flux-system/flux-operator",
    "Deployment/flux-system/flux-operator",
];

/// The CRDs of both, with the version that they store.
const DEFINITIONS: [&str; 12] = [
    "alerts.notification.toolkit.fluxcd.io/v1beta3",
    "buckets.source.toolkit.fluxcd.io/v1",
    "fluxinstances.fluxcd.controlplane.io/v1",
    "fluxreports.fluxcd.controlplane.io/v1",
    "gitrepositories.source.toolkit.fluxcd.io/v1",
    "helmcharts.source.toolkit.fluxcd.io/v1",
    "helmreleases.helm.toolkit.fluxcd.io/v2",
    "helmrepositories.source.toolkit.fluxcd.io/v1",
    "kustomizations.kustomize.toolkit.fluxcd.io/v1",
    "ocirepositories.source.toolkit.fluxcd.io/v1",
    "providers.notification.toolkit.fluxcd.io/v1beta3",
    "receivers.notification.toolkit.fluxcd.io/v1",
];

const CONTROLLERS: [&str; 5] =
    ["flux-operator", "helm-controller", "kustomize-controller", "notification-controller", "source-controller"];

#[test]
fn flux_is_installed_looked_after_and_removed() {
    let program = Program::build();
    // A cluster of its own, whose controllers make pods of Deployments, and in which pods are ready.
    let cluster = Cluster::start(&Options { name: "cli-operator".into(), ..Options::default() }).unwrap();
    let kubernetes = Kubernetes::bare(&cluster);

    let child = kubernetes.command(&INSTALL).spawn().unwrap();
    let operator = program.start(&account(&kubernetes));
    installed(&Outcome::of(child), "Installing", "created");

    is_checked(&kubernetes);
    is_shown(&kubernetes);
    is_reconciled(&kubernetes);

    // The same again changes nothing.
    let before = generations(&kubernetes);
    installed(&kubernetes.run_anywhere(&INSTALL), "Upgrading", "unchanged");
    assert_eq!(generations(&kubernetes), before);

    assert!(!operator.log().contains("is forbidden"), "a permission is missing:\n{}", operator.log());
    is_removed(&kubernetes);
    drop(operator);
}

/// What `install` says, and what became of each object.
#[track_caller]
fn installed(outcome: &Outcome, doing: &str, action: &str) {
    let expected = format!(
        "\
◎ {doing} Flux Operator in flux-system namespace...
◎ Waiting for Flux Operator to be ready...
✔ Flux Operator has been installed successfully
◎ Installing the Flux instance...
◎ Waiting for Flux instance to be ready...
✔ Flux has been installed successfully
✔ Flux Operator version: v0.1.0
✔ Flux Distribution version: v2.6.90
✔ Installation completed in TIME
"
    );
    assert_eq!((outcome.code, without_times(&outcome.stderr)), (Some(0), expected));
    let lines: String = OBJECTS.iter().map(|object| format!("{object} {action}\n")).collect();
    assert_eq!(outcome.stdout, lines);
}

fn is_checked(kubernetes: &Kubernetes) {
    // It comes some seconds after the installation.
    until("the report is ready", || {
        kubernetes.live(OPERATOR, "FluxReport", "flux").pointer("/status/conditions").is_some()
    });
    let mut expected = "\
► checking prerequisites
✔ permissions to install the operator
► checking version in cluster
✔ operator: v0.1.0
✔ distribution: v2.6.90
✔ FluxInstance/flux-system/flux: ready
✔ FluxReport/flux-system/flux: ready
► checking controllers
"
    .to_owned();
    expected.extend(CONTROLLERS.map(|name| format!("✔ {name}: deployment ready\n")));
    expected.push_str("► checking crds\n");
    expected.extend(DEFINITIONS.map(|name| format!("✔ {name}\n")));
    expected.push_str("✔ all checks passed\n");
    let text = kubernetes.run_anywhere(&["check"]).data();
    let is_steady = |line: &&str| !line.starts_with("► ghcr.io/") && !line.starts_with("✔ Kubernetes ");
    let lines: String = text.lines().filter(is_steady).map(|line| format!("{line}\n")).collect();
    assert_eq!(lines, expected);
}

fn is_shown(kubernetes: &Kubernetes) {
    let versions = kubernetes.run_anywhere(&["version"]).data();
    assert_eq!(versions, "client: 0.1.0\nserver: v0.1.0\ndistribution: v2.6.90\n");
    let list = kubernetes.run_anywhere(&["get", "instance"]).data();
    assert!(list.contains("\nflux-system\tflux\t31       \tTrue \tReconciliation finished in "), "{list}");
    let tree = kubernetes.run(&["tree", "instance", "flux"]).data();
    let first = "FluxInstance/flux-system/flux\n├── CustomResourceDefinition/alerts.notification.toolkit.fluxcd.io\n";
    assert!(tree.starts_with(first), "{tree}");
    assert!(tree.ends_with("\n└── NetworkPolicy/flux-system/allow-webhooks\n\n"), "{tree}");
    assert_eq!(tree.trim_end().lines().count(), 1 + 31);
    let health = kubernetes.run(&["tree", "instance", "flux", "--health"]).data();
    assert!(health.trim_end().lines().all(|line| line.ends_with(" ✔")), "{health}");
}

fn is_reconciled(kubernetes: &Kubernetes) {
    let handled = || kubernetes.live(OPERATOR, "FluxInstance", "flux")["status"]["lastHandledReconcileAt"].clone();
    let before = handled();
    let outcome = kubernetes.run(&["reconcile", "instance", "flux"]);
    let story = "► Reconciliation triggered\n◎ Waiting for reconciliation...\n✔ Reconciliation finished in TIME\n";
    assert_eq!((outcome.code, without_times(&outcome.stderr).as_str()), (Some(0), story));
    assert_eq!(outcome.stdout, "");
    assert!(handled().is_string() && handled() != before, "{before}");
}

fn is_removed(kubernetes: &Kubernetes) {
    let outcome = kubernetes.run(&["uninstall", "--yes"]);
    let story = "\
◎ Deleting permissions...
◎ Deleting controllers...
◎ Removing finalizers...
◎ Deleting custom resource definitions...
◎ Deleting the namespace...
✔ Uninstallation completed
";
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), story));
    let mut expected = "\
ClusterRole/flux-operator deleted
ClusterRole/crd-controller-flux-system deleted
ClusterRole/flux-edit-flux-system deleted
ClusterRole/flux-view-flux-system deleted
ClusterRoleBinding/flux-operator-cluster deleted
ClusterRoleBinding/cluster-reconciler-flux-system deleted
ClusterRoleBinding/crd-controller-flux-system deleted
"
    .to_owned();
    expected.extend(CONTROLLERS.map(|name| format!("Deployment/flux-system/{name} deleted\n")));
    let names = DEFINITIONS.map(|definition| definition.split('/').next().unwrap());
    expected.extend(names.map(|name| format!("CustomResourceDefinition/{name} deleted\n")));
    expected.push_str("Namespace/flux-system deleted\n");
    assert_eq!(outcome.stdout, expected);

    for path in [
        "/api/v1/namespaces",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    ] {
        let left: Vec<_> = names_of(&list(kubernetes, path)).into_iter().filter(|name| name.contains("flux")).collect();
        assert_eq!(left, [""; 0], "{path}");
    }
}

/// The kubeconfig of the operator: that of the cluster, with the service account of the Deployment.
fn account(kubernetes: &Kubernetes) -> String {
    until("the service account is there", || !kubernetes.live("v1", "ServiceAccount", "flux-operator").is_null());
    let request = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
        "spec": {"audiences": [], "expirationSeconds": 3_600},
    });
    let path = "/api/v1/namespaces/flux-system/serviceaccounts/flux-operator/token";
    let request = http::Request::post(path).body(request.to_string().into_bytes()).unwrap();
    let answer: Value = kubernetes.block_on(kubernetes.client().request(request)).unwrap();
    let mut config: Value = serde_json::from_str(&fs::read_to_string(kubernetes.kubeconfig()).unwrap()).unwrap();
    config["users"][0]["user"] = json!({"token": answer["status"]["token"]});
    config.to_string()
}

/// How often each object was changed that installations make.
fn generations(kubernetes: &Kubernetes) -> BTreeMap<String, i64> {
    let paths = [
        "/apis/fluxcd.controlplane.io/v1/fluxinstances",
        "/apis/apps/v1/deployments",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        "/apis/networking.k8s.io/v1/networkpolicies",
    ];
    let mut generations = BTreeMap::new();
    for path in paths {
        let list = list(kubernetes, path);
        let objects = list["items"].as_array().unwrap();
        let generation = |object: &Value| object["metadata"]["generation"].as_i64().unwrap();
        let named = names_of(&list).into_iter().map(|name| format!("{path}/{name}"));
        generations.extend(named.zip(objects.iter().map(generation)));
    }
    generations
}

fn list(kubernetes: &Kubernetes, path: &str) -> Value {
    let request = http::Request::get(path).body(Vec::new()).unwrap();
    kubernetes.block_on(kubernetes.client().request(request)).unwrap()
}

fn names_of(list: &Value) -> Vec<String> {
    let objects = list["items"].as_array().unwrap();
    objects.iter().map(|object| object["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

/// The text with `TIME` for how long something took.
fn without_times(text: &str) -> String {
    let is_time = |word: &str| word.starts_with(|c: char| c.is_ascii_digit()) && word.ends_with('s');
    let line = |line: &str| match line.rsplit_once(' ') {
        Some((before, last)) if is_time(last) => format!("{before} TIME\n"),
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(50));
    }
}
