//! `tree`, `trace`, `events`.

use serde_json::{Value, json};

use super::kubernetes::{HELM, KUSTOMIZE, Kubernetes, SOURCE, ready, toolkit};

fn inventory(entries: &[(&str, &str)]) -> Value {
    let entries: Vec<_> = entries.iter().map(|(id, version)| json!({"id": id, "v": version})).collect();
    json!({"inventory": {"entries": entries}})
}

#[test]
fn a_tree_goes_on_where_something_is_missing() {
    let kubernetes = Kubernetes::new("tree");
    let status = inventory(&[
        ("tree-test_settings__ConfigMap", "v1"),
        ("tree-test_root_kustomize.toolkit.fluxcd.io_Kustomization", "v1"),
        ("tree-test_gone_kustomize.toolkit.fluxcd.io_Kustomization", "v1"),
        ("tree-test_web_helm.toolkit.fluxcd.io_HelmRelease", "v2"),
        ("tree-test_far_kustomize.toolkit.fluxcd.io_Kustomization", "v1"),
    ]);
    kubernetes.apply(toolkit(KUSTOMIZE, "Kustomization", "root", &json!({}), &status));
    let back = inventory(&[
        ("tree-test_web__Service", "v1"),
        ("tree-test_root_kustomize.toolkit.fluxcd.io_Kustomization", "v1"),
    ]);
    kubernetes.apply(toolkit(HELM, "HelmRelease", "web", &json!({}), &back));
    let far = inventory(&[("tree-test_web_helm.toolkit.fluxcd.io_HelmRelease", "v2")]);
    let remote = json!({"kubeConfig": {"secretRef": {"name": "there"}}});
    kubernetes.apply(toolkit(KUSTOMIZE, "Kustomization", "far", &remote, &far));

    let expected = "\
Kustomization/tree-test/root
├── ConfigMap/tree-test/settings
├── Kustomization/tree-test/root
├── Kustomization/tree-test/gone (not found)
├── HelmRelease/tree-test/web
│   ├── Service/tree-test/web
│   └── Kustomization/tree-test/root
└── Kustomization/tree-test/far (applies to another cluster)
    └── HelmRelease/tree-test/web

";
    assert_eq!(kubernetes.run(&["tree", "kustomization", "root"]).data(), expected);
    let compact = kubernetes.run(&["tree", "ks", "root", "--compact"]).data();
    assert!(!compact.contains("ConfigMap") && compact.contains("└── Kustomization/tree-test/far"), "{compact}");

    let settings = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}});
    kubernetes.apply(settings);
    let healthy = kubernetes.run(&["tree", "ks", "root", "--health"]).data();
    assert!(healthy.contains("├── ConfigMap/tree-test/settings ✔\n"), "{healthy}");
    assert!(healthy.contains("│   ├── Service/tree-test/web ✗ not found\n"), "{healthy}");

    let json: Value = serde_json::from_str(&kubernetes.run(&["tree", "hr", "web", "-o", "json"]).data()).unwrap();
    assert_eq!(json["resource"]["GroupKind"], json!({"Group": "helm.toolkit.fluxcd.io", "Kind": "HelmRelease"}));
    assert_eq!(json["resources"][0]["resource"]["Name"], json!("web"));

    kubernetes
        .run(&["tree", "ks", "nope"])
        .refused("✗ Kustomization/tree-test/nope not found\n\nhint: `flux-operator get all -A` lists what there is\n");
    kubernetes.run(&["tree", "ks"]).refused(
        "✗ `flux-operator tree kustomization` accepts 1 arg(s), received 0\n\n\
         hint: `<NAME>` is missing; `flux-operator tree kustomization --help` has examples\n",
    );
}

#[test]
fn a_tree_goes_down_to_pods() {
    let kubernetes = Kubernetes::new("pods");
    let status = inventory(&[("pods-test_web_apps_Deployment", "v1")]);
    kubernetes.apply(toolkit(KUSTOMIZE, "Kustomization", "root", &json!({}), &status));
    let labels = json!({"app": "web"});
    let template =
        json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "web:v1"}]}});
    let spec = |replicas: u32| json!({"replicas": replicas, "selector": {"matchLabels": labels}, "template": template});
    let owned = |kind: &str, name: &str, owner: &str| {
        let uid = kubernetes.live("apps/v1", kind, owner)["metadata"]["uid"].clone();
        let owner = json!({"apiVersion": "apps/v1", "kind": kind, "name": owner, "uid": uid, "controller": true});
        json!({"name": name, "labels": labels, "ownerReferences": [owner]})
    };
    let deployment =
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec(1)});
    kubernetes.apply(deployment);
    for (name, replicas) in [("web-old", 0), ("web-new", 1)] {
        let metadata = owned("Deployment", name, "web");
        kubernetes.apply(
            json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": spec(replicas)}),
        );
    }
    // No controllers run here, and pods have to be somebody.
    kubernetes.apply(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}));
    let metadata = owned("ReplicaSet", "web-new-1", "web-new");
    kubernetes.apply(json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}));
    let text = kubernetes.run(&["tree", "ks", "root", "--pods"]).data();
    let lines: Vec<_> =
        text.lines().map(|line| line.split_once(['✔', '◎', '✗']).map_or(line, |(id, _)| id.trim_end())).collect();
    // A ReplicaSet that is only kept for a rollback is none that runs.
    let expected = [
        "Kustomization/pods-test/root",
        "└── Deployment/pods-test/web",
        "    └── ReplicaSet/pods-test/web-new",
        "        └── Pod/pods-test/web-new-1",
        "",
    ];
    assert_eq!(lines, expected, "{text}");
}

#[test]
fn a_large_tree_takes_few_requests() {
    let kubernetes = Kubernetes::new("large");
    let (proxy, kubeconfig) = kubernetes.proxy();
    let names: Vec<_> = (0..60).map(|number| format!("settings-{number}")).collect();
    let ids: Vec<_> = names.iter().map(|name| format!("large-test_{name}__ConfigMap")).collect();
    let status = inventory(&ids.iter().map(|id| (id.as_str(), "v1")).collect::<Vec<_>>());
    kubernetes.apply(toolkit(KUSTOMIZE, "Kustomization", "root", &json!({}), &status));
    let labels =
        json!({"kustomize.toolkit.fluxcd.io/name": "root", "kustomize.toolkit.fluxcd.io/namespace": "large-test"});
    for name in &names {
        kubernetes
            .apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}}));
    }
    let tree = |more: &[&str]| {
        proxy.reset();
        let args = ["tree", "ks", "root", "--kubeconfig", kubeconfig];
        let lines = kubernetes.run(&[&args, more].concat()).data().lines().count();
        (lines, proxy.counts().total())
    };
    // What kinds there are, and the root; for health the core kinds, too, a list, and the root again.
    assert_eq!(tree(&[]), (62, 2));
    let (lines, requests) = tree(&["--health"]);
    assert!(lines == 62 && requests <= 6, "{lines} lines, {requests} requests");
}

#[test]
fn a_trace_leads_to_the_source() {
    let kubernetes = Kubernetes::new("trace");
    let artifact = json!({
        "revision": "latest@sha256:0", "metadata": {
            "org.opencontainers.image.source": "https://git.example.com/web",
            "org.opencontainers.image.revision": "main@sha1:1",
        },
    });
    let source = json!({"url": "oci://registry.example.com/web"});
    kubernetes.apply(toolkit(SOURCE, "OCIRepository", "web", &source, &json!({"artifact": {}})));
    let mut flat = artifact;
    flat["url"] = json!("http://x");
    kubernetes.apply(toolkit(SOURCE, "OCIRepository", "web", &source, &json!({"artifact": flat})));
    let spec = json!({"sourceRef": {"kind": "OCIRepository", "name": "web"}});
    let mut status = json!({"conditions": [ready("True", "Succeeded", "Applied revision: main@sha1:1")]});
    status["lastAppliedRevision"] = json!("main@sha1:1");
    kubernetes.apply(toolkit(KUSTOMIZE, "Kustomization", "apps", &spec, &status));
    let labels = json!({
        "kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "trace-test",
    });
    let settings = |name: &str, labels: &Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}});
    kubernetes.apply(settings("settings", &labels));
    kubernetes.apply(settings("mine", &json!({})));
    let owner = kubernetes.live("v1", "ConfigMap", "settings");
    let mut owned = settings("owned", &json!({}));
    owned["metadata"]["ownerReferences"] =
        json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "settings", "uid": owner["metadata"]["uid"]}]);
    kubernetes.apply(owned);

    let report = |name: &str| {
        format!(
            "\
Object:          ConfigMap/trace-test/{name}
Status:          Last reconciled at 2026-08-01T09:12:44Z
Revision:        main@sha1:1
Reconciler:      Kustomization/trace-test/apps
Source:          OCIRepository/trace-test/web
Source URL:      oci://registry.example.com/web
Origin URL:      https://git.example.com/web
Origin Revision: main@sha1:1
Message:         Applied revision: main@sha1:1
"
        )
    };
    assert_eq!(kubernetes.run(&["trace", "cm/settings"]).data(), report("settings"));
    assert_eq!(kubernetes.run(&["trace", "configmaps", "owned"]).data(), report("owned"));
    let outcome = kubernetes.run(&["trace", "ConfigMap/settings", "cm/mine", "cm/owned"]);
    assert_eq!(outcome.stdout, format!("{}---\n{}", report("settings"), report("owned")));
    assert!(outcome.stderr.starts_with("✗ ConfigMap/trace-test/mine is not managed by Flux\n"), "{}", outcome.stderr);
    assert_eq!(outcome.code, Some(1));
    kubernetes
        .run(&["trace", "kustomizaton/apps"])
        .refused("✗ the cluster has no kind `kustomizaton`\n\nhint: did you mean `Kustomization`?\n");
}

#[test]
fn events_are_of_flux_and_of_what_is_asked_for() {
    let kubernetes = Kubernetes::new("events");
    let none = kubernetes.run(&["events"]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(0), ""));
    assert_eq!(none.stderr, "no events found in the namespace `events-test`\n");
    let spec = json!({"sourceRef": {"kind": "GitRepository", "name": "git"}});
    kubernetes.apply(toolkit(KUSTOMIZE, "Kustomization", "web", &spec, &json!({})));
    let event = |name: &str, api_version: &str, kind: &str, about: &str, r#type: &str, minute: u32| {
        json!({
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": name}, "type": r#type, "reason": "Told",
            "message": format!("about {about}"), "lastTimestamp": format!("2026-08-01T09:{minute:02}:00Z"),
            "involvedObject": {"apiVersion": api_version, "kind": kind, "name": about, "namespace": "events-test"},
        })
    };
    kubernetes.apply(event("late", KUSTOMIZE, "Kustomization", "web", "Warning", 30));
    kubernetes.apply(event("early", SOURCE, "GitRepository", "git", "Normal", 10));
    kubernetes.apply(event("other", KUSTOMIZE, "Kustomization", "other", "Normal", 20));
    kubernetes.apply(event("pod", "v1", "Pod", "web", "Normal", 20));
    let objects = |args: &[&str]| {
        let text = kubernetes.run(&[&["events"], args].concat()).data();
        text.lines().skip(1).map(|line| line.split('\t').nth(3).unwrap().trim_end().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(objects(&[]), ["GitRepository/git", "Kustomization/other", "Kustomization/web"]);
    assert_eq!(objects(&["--for", "kustomization/web"]), ["GitRepository/git", "Kustomization/web"]);
    assert_eq!(objects(&["--for", "ks"]), ["Kustomization/other", "Kustomization/web"]);
    assert_eq!(objects(&["--types", "warning"]), ["Kustomization/web"]);
    let header = kubernetes.run(&["events", "--for", "ks/other"]).data();
    assert!(header.starts_with("LAST SEEN\tTYPE  \tREASON\tOBJECT             \tMESSAGE     \n"), "{header}");
}
