//! `reconcile`, `suspend`, `resume`, `wait`, `delete`.

use serde_json::{Value, json};

use super::kubernetes::{HELM, KUSTOMIZE, Kubernetes, OPERATOR, SOURCE, ready, toolkit};
use crate::world::Outcome;

/// Asserts what a command without results has told.
#[track_caller]
fn told(outcome: &Outcome, stderr: &str) {
    assert_eq!(outcome.stderr, stderr);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), ""));
}

#[track_caller]
fn failed(outcome: &Outcome, stderr: &str) {
    assert_eq!(outcome.stderr, stderr);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""));
}

fn annotation(object: &Value, key: &str) -> Option<String> {
    object["metadata"]["annotations"].get(key).and_then(Value::as_str).map(str::to_owned)
}

#[test]
fn an_instance_is_reconciled_suspended_resumed_and_deleted() {
    let kubernetes = Kubernetes::new("instance");
    let live = || kubernetes.live(OPERATOR, "FluxInstance", "flux");
    let missing =
        "✗ FluxInstance/instance-test/flux not found\n\nhint: `flux-operator get all -A` lists what there is\n";
    failed(&kubernetes.run(&["reconcile", "instance", "flux"]), missing);
    failed(&kubernetes.run(&["suspend", "instance", "flux"]), missing);
    failed(&kubernetes.run(&["delete", "instance", "flux", "--yes", "--with-suspend"]), missing);
    kubernetes.instance(&ready("True", "ReconciliationSucceeded", "before"));

    told(&kubernetes.run(&["reconcile", "instance", "flux", "--wait=false"]), "► Reconciliation triggered\n");
    let asked = annotation(&live(), "reconcile.fluxcd.io/requestedAt").unwrap();
    assert_eq!(asked.len(), "2026-08-01T09:12:44.000000000Z".len(), "{asked}");
    assert_eq!(annotation(&live(), "reconcile.fluxcd.io/forceAt"), None);

    let answered = |ready| kubernetes.answer(OPERATOR, "FluxInstance", "flux", ready);
    let controller = answered(ready("True", "ReconciliationSucceeded", "Reconciliation finished in 1s"));
    controller.join().unwrap();
    let controller = answered(ready("True", "ReconciliationSucceeded", "Reconciliation finished in 2s"));
    told(
        &kubernetes.run(&["reconcile", "instance", "flux", "--force"]),
        "► Reconciliation triggered\n◎ Waiting for reconciliation...\n✔ Reconciliation finished in 2s\n",
    );
    controller.join().unwrap();
    let object = live();
    assert_eq!(
        annotation(&object, "reconcile.fluxcd.io/forceAt"),
        annotation(&object, "reconcile.fluxcd.io/requestedAt")
    );

    let controller = answered(ready("False", "BuildFailed", "no such version"));
    failed(
        &kubernetes.run(&["reconcile", "instance", "flux", "--quiet"]),
        "✗ FluxInstance/instance-test/flux: BuildFailed: no such version\n",
    );
    controller.join().unwrap();

    told(&kubernetes.run(&["suspend", "instance", "flux"]), "✔ Reconciliation suspended\n");
    assert_eq!(annotation(&live(), "fluxcd.controlplane.io/reconcile").as_deref(), Some("disabled"));
    failed(
        &kubernetes.run(&["reconcile", "instance", "flux"]),
        "► Reconciliation triggered\n◎ Waiting for reconciliation...\n\
         ✗ FluxInstance/instance-test/flux: Reconciliation is disabled for flux\n\n\
         hint: `flux-operator resume` lets it go on\n",
    );
    told(
        &kubernetes.run(&["wait", "instance", "flux", "--for", "suspended"]),
        "◎ Waiting for instance to be suspended...\n✔ Reconciliation is suspended\n",
    );
    told(&kubernetes.run(&["resume", "instance", "flux", "--wait=false"]), "✔ Reconciliation resumed\n");
    assert_eq!(annotation(&live(), "fluxcd.controlplane.io/reconcile").as_deref(), Some("enabled"));

    failed(
        &kubernetes.run(&["delete", "instance", "flux"]),
        "✗ there is no terminal to confirm `flux` at, nothing was changed\n\nhint: `--yes` goes on without asking\n",
    );
    told(
        &kubernetes.run(&["delete", "instance", "flux", "--yes", "--with-suspend"]),
        "✔ Reconciliation suspended\n◎ Waiting for deletion...\n✔ Deletion completed\n",
    );
    assert_eq!(live(), Value::Null);
    kubernetes.instance(&ready("True", "ReconciliationSucceeded", ""));
    told(&kubernetes.run(&["delete", "instance", "flux", "--yes", "--wait=false"]), "✔ Deletion initiated\n");
}

#[test]
fn objects_of_flux_are_reconciled_with_their_source() {
    let kubernetes = Kubernetes::new("resource");
    let source = json!({"sourceRef": {"kind": "GitRepository", "name": "git"}});
    kubernetes.apply(toolkit(SOURCE, "GitRepository", "git", &json!({}), &json!({})));
    kubernetes.apply(toolkit(KUSTOMIZE, "Kustomization", "web", &source, &json!({})));
    let fetched = kubernetes.answer(SOURCE, "GitRepository", "git", ready("True", "Succeeded", "stored artifact"));
    let applied =
        kubernetes.answer(KUSTOMIZE, "Kustomization", "web", ready("True", "Succeeded", "Applied revision: 1"));
    told(
        &kubernetes.run(&["reconcile", "resource", "KS/web", "--with-source"]),
        "► Reconciliation of GitRepository/resource-test/git triggered\n✔ stored artifact\n\
         ► Reconciliation triggered\n◎ Waiting for reconciliation...\n✔ Applied revision: 1\n",
    );
    fetched.join().unwrap();
    applied.join().unwrap();

    told(
        &kubernetes.run(&["suspend", "resource", "ks/web", "gitrepo/git"]),
        "✔ Reconciliation suspended\n".repeat(2).as_str(),
    );
    let live = || kubernetes.live(KUSTOMIZE, "Kustomization", "web");
    assert_eq!(live()["spec"]["suspend"], json!(true));
    let applied =
        kubernetes.answer(KUSTOMIZE, "Kustomization", "web", ready("True", "Succeeded", "Applied revision: 2"));
    told(
        &kubernetes.run(&["resume", "resource", "Kustomization/resource-test/web"]),
        "◎ Waiting for reconciliation...\n✔ Applied revision: 2\n",
    );
    applied.join().unwrap();
    assert_eq!(live()["spec"].get("suspend"), None);

    kubernetes.run(&["reconcile", "resource", "web"]).refused(
        "✗ `<KIND/NAME>` cannot be `web`: expected `<kind>/<name>`, such as `ks/apps`\n\n\
         hint: `flux-operator reconcile resource --help` lists the flags\n",
    );
    let refused = kubernetes.run(&["reconcile", "resource", "alert/a"]);
    assert!(
        refused.stderr.starts_with("✗ `Alert` is never reconciled\n\nhint: choose one of `FluxInstance`"),
        "{refused:?}"
    );
    let refused = kubernetes.run(&["suspend", "resource", "ea/a"]);
    assert!(refused.stderr.starts_with("✗ `ExternalArtifact` cannot be suspended\n"), "{refused:?}");
}

#[test]
fn all_of_a_kind_are_reconciled_but_the_suspended() {
    let kubernetes = Kubernetes::new("all");
    kubernetes.run(&["reconcile", "all", "--kind", "hr"]).refused(
        "✗ no helmreleases to reconcile in the namespace `all-test`\n\n\
         hint: suspended objects are passed over; look in every namespace with `-A`\n",
    );
    let well = json!({"conditions": [ready("True", "Succeeded", "")]});
    let ill = json!({"conditions": [ready("False", "UpgradeFailed", "")]});
    kubernetes.apply(toolkit(HELM, "HelmRelease", "a", &json!({}), &well));
    kubernetes.apply(toolkit(HELM, "HelmRelease", "b", &json!({}), &ill));
    kubernetes.apply(toolkit(HELM, "HelmRelease", "c", &json!({"suspend": true}), &ill));
    let outcome = kubernetes.run(&["reconcile", "all", "--kind", "HelmRelease"]);
    assert_eq!(outcome.stdout, "HelmRelease/all-test/a\nHelmRelease/all-test/b\n");
    assert_eq!(outcome.code, Some(0));
    assert_eq!(annotation(&kubernetes.live(HELM, "HelmRelease", "c"), "reconcile.fluxcd.io/requestedAt"), None);

    let answer = kubernetes.answer(HELM, "HelmRelease", "b", ready("True", "UpgradeSucceeded", "upgraded"));
    answer.join().unwrap();
    kubernetes.apply(toolkit(HELM, "HelmRelease", "b", &json!({}), &ill));
    let answer = kubernetes.answer(HELM, "HelmRelease", "b", ready("True", "UpgradeSucceeded", "upgraded"));
    let outcome = kubernetes.run(&["reconcile", "all", "--kind", "hr", "--ready-status", "False", "--wait"]);
    assert_eq!(outcome.stdout, "HelmRelease/all-test/b\n");
    assert_eq!(outcome.stderr, "✔ Reconciliation triggered for all-test/b\n✔ all-test/b: upgraded\n");
    answer.join().unwrap();
}

#[test]
fn a_wait_tells_what_it_saw_last() {
    let kubernetes = Kubernetes::new("wait");
    let wait = |more: &[&str]| kubernetes.run(&[&["wait", "instance", "flux", "--timeout", "1s"], more].concat());
    let waiting = "◎ Waiting for instance to become ready...\n";
    let late = |last: &str| {
        format!(
            "{waiting}✗ timed out waiting for wait-test/flux to become ready\n  {last}\n\n\
             hint: give it more time with `--timeout 5m`, or look at `flux-operator events`\n"
        )
    };
    failed(&wait(&[]), &late("it does not exist"));
    kubernetes.instance(&ready("Unknown", "Progressing", "Reconciliation in progress"));
    failed(&wait(&[]), &late("Progressing: Reconciliation in progress"));
    let mut old = ready("True", "Succeeded", "old");
    old["observedGeneration"] = json!(0);
    kubernetes.instance(&old);
    failed(&wait(&[]), &late("Succeeded: old"));
    kubernetes.instance(&ready("False", "BuildFailed", "no such version"));
    failed(&wait(&[]), &format!("{waiting}✗ FluxInstance/wait-test/flux: BuildFailed: no such version\n"));
    kubernetes.instance(&ready("True", "Succeeded", "Reconciliation finished in 1s"));
    told(&wait(&[]), &format!("{waiting}✔ Reconciliation finished in 1s\n"));
    kubernetes.run(&["delete", "instance", "flux", "--yes", "-q"]);
    told(&wait(&["--for=deleted"]), "◎ Waiting for instance to be deleted...\n✔ Deletion completed\n");
}
