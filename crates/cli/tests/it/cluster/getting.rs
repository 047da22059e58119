//! `get`, `version`, `stats`, `export`, and completion with live names.

use serde_json::{Value, json};

use super::kubernetes::{HELM, KUSTOMIZE, Kubernetes, OPERATOR, next_line, ready, toolkit};

#[test]
fn instances_are_listed() {
    let kubernetes = Kubernetes::new("get-instance");
    let header = "NAME\tRESOURCES\tREADY\tMESSAGE\tLAST RECONCILED \n";
    assert_eq!(kubernetes.run(&["get", "instance"]).data(), header);

    kubernetes.instance(&ready("True", "ReconciliationSucceeded", "Applied revision: v2.9.90"));
    let expected = "\
NAME\tRESOURCES\tREADY\tMESSAGE                  \tLAST RECONCILED      
flux\t1        \tTrue \tApplied revision: v2.9.90\t2026-08-01T09:12:44Z\t
";
    assert_eq!(kubernetes.run(&["get", "instance"]).data(), expected);
    assert_eq!(kubernetes.run(&["get", "instance", "flux"]).data(), expected);
    assert_eq!(kubernetes.run(&["get", "instance", "other"]).data(), header);
    let wide = kubernetes.run(&["get", "instances", "-o", "wide"]).data();
    assert!(wide.contains("v2.9.90@sha256:01234567\t"), "{wide}");

    // Without a namespace, it is looked for in all of them.
    let anywhere = kubernetes.run_anywhere(&["get", "instance"]).data();
    assert!(anywhere.starts_with("NAMESPACE"), "{anywhere}");
    assert!(anywhere.contains("get-instance-test"), "{anywhere}");
    let elsewhere = kubernetes.run_anywhere(&["get", "instance", "--all-namespaces=false"]).data();
    assert_eq!(elsewhere, header);

    let name = kubernetes.run(&["get", "instance", "-o", "name"]).data();
    assert_eq!(name, "FluxInstance/get-instance-test/flux\n");
    let list: Value = serde_json::from_str(&kubernetes.run(&["get", "instance", "-o", "json"]).data()).unwrap();
    assert_eq!((&list["kind"], &list["items"][0]["metadata"]["name"]), (&json!("List"), &json!("flux")));
    let path = |name: &[&str], path: &str| {
        let template = format!("jsonpath={path}");
        kubernetes.run(&[&["get", "instance"], name, &["-o", &template]].concat()).data()
    };
    assert_eq!(path(&["flux"], "{.metadata.name}"), "flux");
    assert_eq!(path(&[], "{.items[*].status.conditions[?(@.type==\"Ready\")].status}"), "True");
    assert_eq!(path(&["other"], "{.metadata.name}"), "");
    let yaml = kubernetes.run(&["get", "instance", "flux", "-o", "yaml"]).data();
    assert!(yaml.starts_with("---\napiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\n"), "{yaml}");
    assert!(!yaml.contains("managedFields"), "{yaml}");

    kubernetes.apply(json!({
        "apiVersion": OPERATOR, "kind": "FluxInstance",
        "metadata": {"name": "flux", "annotations": {"fluxcd.controlplane.io/reconcile": "Disabled"}},
        "spec": {"distribution": {"version": "2.x", "registry": "ghcr.io/fluxcd"}},
    }));
    assert!(kubernetes.run(&["get", "instance"]).data().contains("\tSuspended\t"));
}

#[test]
fn a_watch_prints_what_changes() {
    let kubernetes = Kubernetes::new("watch");
    kubernetes.apply(toolkit(KUSTOMIZE, "Kustomization", "web", &json!({}), &json!({})));
    let mut child = kubernetes.command(&["get", "all", "--kind", "ks", "--watch", "-n", "watch-test"]).spawn().unwrap();
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    assert!(next_line(&mut stdout).starts_with("KIND         \tNAME          \t"));
    assert!(next_line(&mut stdout).contains("watch-test/web\tUnknown"));
    let status = json!({"conditions": [ready("True", "Succeeded", "Applied revision: 1")]});
    kubernetes.apply(toolkit(KUSTOMIZE, "Kustomization", "web", &json!({}), &status));
    let line = next_line(&mut stdout);
    assert!(line.contains("watch-test/web\t2026-08-01T09:12:44Z\tTrue   \tApplied revision: 1\t"), "{line}");
    drop(stdout);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn everything_is_listed_by_kind_and_readiness() {
    let kubernetes = Kubernetes::new("get-all");
    let nothing = "✗ no resources found in the namespace `get-all-test`\n\n\
                   hint: look in every namespace with `-A`; `flux-operator check` tells what is installed\n";
    kubernetes.run(&["get", "all"]).refused(nothing);

    let well = json!({"conditions": [ready("True", "ReconciliationSucceeded", "Applied <rev> 12")]});
    let ill = json!({"conditions": [ready("False", "UpgradeFailed", "no chart")]});
    kubernetes.apply(toolkit(KUSTOMIZE, "Kustomization", "web", &json!({}), &well));
    kubernetes.apply(toolkit(KUSTOMIZE, "Kustomization", "paused", &json!({"suspend": true}), &well));
    kubernetes.apply(toolkit(KUSTOMIZE, "Kustomization", "young", &json!({}), &json!({})));
    kubernetes.apply(toolkit(HELM, "HelmRelease", "api", &json!({}), &ill));
    let alert = toolkit("notification.toolkit.fluxcd.io/v1beta3", "Alert", "chat", &json!({}), &json!({}));
    kubernetes.apply(alert);

    let expected = "\
KIND         \tNAME               \tLAST RECONCILED     \tREADY    \tMESSAGE          
Kustomization\tget-all-test/paused\t2026-08-01T09:12:44Z\tSuspended\tApplied <rev> 12\t
Kustomization\tget-all-test/web   \t2026-08-01T09:12:44Z\tTrue     \tApplied <rev> 12\t
Kustomization\tget-all-test/young \tUnknown             \tUnknown  \tNot initialized \t
HelmRelease  \tget-all-test/api   \t2026-08-01T09:12:44Z\tFalse    \tno chart        \t
";
    assert_eq!(kubernetes.run(&["get", "all"]).data(), expected);
    assert_eq!(kubernetes.run(&["get", "resources"]).data(), expected);

    let names = |args: &[&str]| kubernetes.run(&[&["get", "all", "-o", "name"], args].concat()).data();
    assert_eq!(names(&["--kind", "HR"]), "HelmRelease/get-all-test/api\n");
    assert_eq!(names(&["--kind", "alerts"]), "Alert/get-all-test/chat\n");
    assert_eq!(names(&["--ready-status", "suspended"]), "Kustomization/get-all-test/paused\n");
    assert_eq!(names(&["--kind", "ks,hr", "--ready-status", "False"]), "HelmRelease/get-all-test/api\n");
    assert_eq!(
        kubernetes.run(&["get", "all", "--kind", "ks", "--ready-status", "True", "-o", "json"]).data(),
        "[{\"kind\":\"Kustomization\",\"lastReconciled\":\"2026-08-01T09:12:44Z\",\
         \"message\":\"Applied \\u003crev\\u003e 12\",\"name\":\"get-all-test/web\",\"ready\":\"True\"}]\n"
    );
    assert_eq!(
        kubernetes.run(&["get", "all", "--kind", "hr", "-o", "yaml"]).data(),
        "- kind: HelmRelease\n  lastReconciled: \"2026-08-01T09:12:44Z\"\n  message: no chart\n  \
         name: get-all-test/api\n  ready: \"False\"\n"
    );
    let rows = r#"jsonpath={range [*]}{.name}={.ready}{"\n"}{end}"#;
    assert_eq!(kubernetes.run(&["get", "all", "--kind", "hr", "-o", rows]).data(), "get-all-test/api=False\n");
    assert!(kubernetes.run_anywhere(&["get", "all", "-A"]).data().contains("get-all-test/web"));

    kubernetes.run(&["get", "all", "--kind", "kustomisation"]).refused(
        "✗ `--kind` cannot be `kustomisation`: `kustomisation` is no kind of Flux, did you mean `Kustomization`?\n\n\
         hint: `flux-operator get all --help` lists the flags\n",
    );
}

#[test]
fn versions_come_from_the_report_or_from_what_runs() {
    let kubernetes = Kubernetes::new("version");
    assert_eq!(kubernetes.run_anywhere(&["version", "--client"]).data(), "client: 0.1.0\n");
    // Another test may install the operator there.
    kubernetes.apply(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}}));
    kubernetes.apply(json!({
        "apiVersion": OPERATOR, "kind": "FluxReport", "metadata": {"name": "flux", "namespace": "flux-system"},
        "spec": {
            "operator": {"apiVersion": OPERATOR, "version": "v0.9.0", "platform": "linux/amd64"},
            "distribution": {"entitlement": "Unknown", "status": "Installed", "version": "v2.9.90"},
            "reconcilers": [{
                "apiVersion": KUSTOMIZE, "kind": "Kustomization",
                "stats": {"running": 3, "failing": 1, "suspended": 0},
            }],
        },
    }));
    let expected = "client: 0.1.0\nserver: v0.9.0\ndistribution: v2.9.90\n";
    assert_eq!(kubernetes.run_anywhere(&["version"]).data(), expected);
    let json: Value = serde_json::from_str(&kubernetes.run_anywhere(&["version", "-o", "json"]).data()).unwrap();
    assert_eq!(json, json!({"client": "0.1.0", "server": "v0.9.0", "distribution": "v2.9.90"}));
    assert_eq!(
        kubernetes.run_anywhere(&["stats"]).data(),
        "RECONCILERS  \tRUNNING\tFAILING\tSUSPENDED\tSTORAGE \nKustomization\t3      \t1      \t0        \t-      \t\n"
    );
    let report = kubernetes.run_anywhere(&["export", "report"]).data();
    assert!(report.starts_with("apiVersion: fluxcd.controlplane.io/v1\nkind: FluxReport\nmetadata:\n"), "{report}");
}

#[test]
fn objects_are_exported_as_they_were_written() {
    let kubernetes = Kubernetes::new("export");
    let mut object = toolkit(KUSTOMIZE, "Kustomization", "web", &json!({"path": "./web"}), &json!({"conditions": []}));
    object["metadata"]["labels"] = json!({"team": "x", "kustomize.toolkit.fluxcd.io/name": "flux-system"});
    object["metadata"]["annotations"] = json!({"reconcile.fluxcd.io/requestedAt": "now"});
    kubernetes.apply(object);
    let expected = "\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  labels:
    team: x
  name: web
  namespace: export-test
spec:
  path: ./web
";
    assert_eq!(kubernetes.run(&["export", "resource", "KS/web"]).data(), expected);
    assert_eq!(kubernetes.run(&["export", "resource", "--all"]).data(), format!("---\n{expected}"));
    let json = kubernetes.run(&["export", "resource", "ks/web", "-o", "json"]).data();
    assert!(json.starts_with("{\n  \"apiVersion\"") && json.ends_with("}\n"), "{json}");
    kubernetes.run(&["export", "resource", "ks/nope"]).refused(
        "✗ Kustomization/export-test/nope not found\n\nhint: `flux-operator get all -A` lists what there is\n",
    );
}

#[test]
fn completion_knows_the_names_of_the_cluster() {
    let kubernetes = Kubernetes::new("complete");
    for name in ["web", "worker", "api"] {
        kubernetes.apply(toolkit(KUSTOMIZE, "Kustomization", name, &json!({}), &json!({})));
    }
    let complete = |line: &[&str]| kubernetes.run_anywhere(&[&["__complete"], line].concat()).data();
    assert_eq!(complete(&["rec"]), "reconcile\n:4\n");
    let line = ["reconcile", "resource", "-n", "complete-test", "ks/w"];
    assert_eq!(complete(&line), "ks/web\nks/worker\n:4\n");
    assert_eq!(complete(&["get", "all", "--namespace", "complete-t"]), "complete-test\n:4\n");
    // Without a cluster there are no names, and no noise.
    let mut command = kubernetes.world.command(&["__complete", "suspend", "resource", "ks/"]);
    let none = crate::world::finish(command.env("KUBECONFIG", "missing").env("HOME", "."), "").data();
    assert_eq!(none, ":4\n");
}
