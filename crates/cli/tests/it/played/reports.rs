//! The report of the operator, and commands that do without one.

use serde_json::{Value, json};

use super::{Played, list, missing, operator};

/// A cluster with reports in these namespaces, each of an operator of another version, and perhaps an operator.
fn cluster(reports: &[(&str, &str)], has_operator: bool) -> Played {
    let report = |(namespace, version): &(&str, &str)| {
        let spec = json!({
            "distribution": {"entitlement": "Unknown", "status": "Installed", "version": "v2.9.90"},
            "operator": {"apiVersion": "fluxcd.controlplane.io/v1", "version": version, "platform": "linux/amd64"},
        });
        json!({"metadata": {"name": "flux", "namespace": namespace}, "spec": spec})
    };
    let reports: Vec<Value> = reports.iter().map(report).collect();
    let instance = json!({
        "metadata": {"name": "flux", "namespace": "flux-system"},
        "status": {"lastAppliedRevision": "v2.9.89@sha256:0123"},
    });
    let resource = |plural: &str, kind: &str| {
        let versions = json!([{"version": "v1", "resources": [{
            "resource": plural, "responseKind": {"kind": kind}, "scope": "Namespaced", "verbs": ["get", "list"],
        }]}]);
        let group = match kind {
            "FluxInstance" => "fluxcd.controlplane.io",
            "Kustomization" => "kustomize.toolkit.fluxcd.io",
            _ => "source.toolkit.fluxcd.io",
        };
        json!({"metadata": {"name": group}, "versions": versions})
    };
    let kinds = json!({"items": [
        resource("fluxinstances", "FluxInstance"), resource("kustomizations", "Kustomization"),
        resource("gitrepositories", "GitRepository"),
    ]});
    let object = |name: &str, suspend: bool, ready: &str, reason: &str| {
        let conditions = json!([{"type": "Ready", "status": ready, "reason": reason, "message": reason}]);
        json!({
            "metadata": {"name": name, "namespace": "flux-system"},
            "spec": {"suspend": suspend, "path": "./", "sourceRef": {"kind": "GitRepository", "name": "flux-system"},
                     "url": "https://example.com/fleet"},
            "status": {"conditions": conditions, "artifact": {"size": 1536}},
        })
    };
    let kustomizations = [
        object("flux-system", false, "True", "Applied"),
        object("waiting", false, "False", "DependencyNotReady"),
        object("broken", false, "False", "BuildFailed"),
        object("paused", true, "False", "BuildFailed"),
    ];
    let sources = [object("flux-system", false, "True", "Fetched")];
    let containers = json!([{"image": "example.com/kustomize-controller:v1.9.0"}]);
    let controller = json!({
        "metadata": {"name": "kustomize-controller", "namespace": "flux-system", "generation": 1},
        "spec": {"replicas": 1, "template": {"spec": {"containers": containers}}},
        "status": {
            "observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1,
            "conditions": [{"type": "Available", "status": "True"}],
        },
    });
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "gitrepositories.source.toolkit.fluxcd.io",
                     "labels": {"app.kubernetes.io/version": "v2.9.90", "app.kubernetes.io/managed-by": "flux-operator"}},
    });
    Played::new(move |_, path| match path.split('?').next().unwrap() {
        "/apis" => (200, kinds.to_string()),
        "/version" => (200, json!({"gitVersion": "v1.34.1", "platform": "linux/arm64"}).to_string()),
        "/api/v1/nodes" => list(&[json!({"metadata": {"name": "a"}}), json!({"metadata": {"name": "b"}})]),
        "/apis/apps/v1/deployments" => list(&if has_operator { vec![operator()] } else { Vec::new() }),
        "/apis/apps/v1/namespaces/flux-system/deployments" => list(std::slice::from_ref(&controller)),
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gitrepositories.source.toolkit.fluxcd.io" => {
            (200, definition.to_string())
        }
        "/apis/fluxcd.controlplane.io/v1/fluxreports" => list(&reports),
        "/apis/fluxcd.controlplane.io/v1/fluxinstances" => list(std::slice::from_ref(&instance)),
        "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations" => list(&kustomizations),
        "/apis/source.toolkit.fluxcd.io/v1/gitrepositories" => list(&sources),
        _ => missing(),
    })
}

#[test]
fn the_report_is_that_of_the_operator() {
    let server = |reports: &[(&str, &str)], has_operator| {
        let text = cluster(reports, has_operator).run(&["version"]).data();
        text.lines().find_map(|line| line.strip_prefix("server: ")).map(str::to_owned)
    };
    let (theirs, own) = (("apps", "v0.1.0"), ("flux-system", "v0.9.0"));
    assert_eq!(server(&[theirs, own], true).as_deref(), Some("v0.9.0"));
    // What runs says more than a report that nobody writes any more.
    assert_eq!(server(&[theirs], true).as_deref(), Some("v0.9.1"));
    assert_eq!(server(&[theirs], false).as_deref(), Some("v0.1.0"));
    assert_eq!(cluster(&[theirs, own], false).run(&["version"]).code, Some(1));
}

#[test]
fn figures_come_from_the_objects_where_there_is_no_report() {
    let expected = "\
RECONCILERS  \tRUNNING\tFAILING\tSUSPENDED\tSTORAGE 
FluxInstance \t1      \t0      \t0        \t-      \t
Kustomization\t3      \t1      \t1        \t6.0 KiB\t
GitRepository\t1      \t0      \t0        \t1.5 KiB\t
";
    assert_eq!(cluster(&[], true).run(&["stats"]).data(), expected);
    // An empty report says nothing about objects.
    assert_eq!(cluster(&[("flux-system", "v0.9.0")], true).run(&["stats"]).data(), expected);
}

#[test]
fn a_report_is_exported_even_where_there_is_none() {
    let expected = "\
apiVersion: fluxcd.controlplane.io/v1
kind: FluxReport
metadata:
  name: flux
  namespace: flux-system
spec:
  cluster:
    nodes: 2
    platform: linux/arm64
    serverVersion: v1.34.1
  components:
  - image: example.com/kustomize-controller:v1.9.0
    name: kustomize-controller
    ready: true
    status: 'Current Deployment is available. Replicas: 1'
  distribution:
    entitlement: Unknown
    managedBy: flux-operator
    status: Installed
    version: v2.9.90
  operator:
    apiVersion: fluxcd.controlplane.io/v1
    platform: unknown
    version: v0.9.1
  reconcilers:
  - apiVersion: fluxcd.controlplane.io/v1
    kind: FluxInstance
    stats:
      failing: 0
      running: 1
      suspended: 0
  - apiVersion: kustomize.toolkit.fluxcd.io/v1
    kind: Kustomization
    stats:
      failing: 1
      running: 3
      suspended: 1
      totalSize: 6.0 KiB
  - apiVersion: source.toolkit.fluxcd.io/v1
    kind: GitRepository
    stats:
      failing: 0
      running: 1
      suspended: 0
      totalSize: 1.5 KiB
  sync:
    id: kustomization/flux-system
    path: ./
    ready: true
    source: https://example.com/fleet
    status: Applied
";
    let outcome = cluster(&[], true).run(&["export", "report"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), expected));
    assert_eq!(outcome.stderr, "the operator has written no report; this is what can be seen from here\n");
    assert!(
        cluster(&[("flux-system", "v0.9.0")], true).run(&["export", "report"]).data().contains("version: v0.9.0\n")
    );
}
