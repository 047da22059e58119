//! What a report says of which cluster.

use flux_operator_api::ReportedComponent;
use serde_json::{Value, json};

use super::super::definition::{Definition, Origin};
use super::super::observed::{Listing, Server};
use super::*;

const NAMESPACE: &str = "flux-system";

fn definition(family: Family, group: &str, kind: &str) -> Definition {
    let plural = format!("{}s", kind.to_lowercase());
    Definition { family, group: group.to_owned(), kind: kind.to_owned(), plural, version: Some("v1".to_owned()) }
}

/// A kind with objects, given as JSON.
fn add(observed: &mut Observed, group: &str, kind: &str, objects: &[Value]) {
    let family = if group == identity::GROUP { Family::Operator } else { Family::Flux };
    let definition = definition(family, group, kind);
    let objects = objects.iter().map(|object| {
        let trimmed = serde_json::from_value(object.clone()).unwrap();
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
        (Key::new(text("namespace"), text("name")), Resource::of(family, kind, &trimmed, NAMESPACE))
    });
    let resources = Listing { objects: objects.collect(), sight: Sight::Clear };
    observed.kinds.insert(format!("{}.{group}", definition.plural), Kind { definition, resources });
}

/// A cluster that was looked at.
fn cluster() -> Observed {
    Observed {
        definitions: Sight::Clear,
        components: Listing { sight: Sight::Clear, ..Listing::default() },
        nodes: Listing { sight: Sight::Clear, ..Listing::default() },
        server: Some(Server { version: "v1.34.1".to_owned(), platform: "linux/amd64".to_owned() }),
        ..Observed::default()
    }
}

fn composed(observed: &Observed) -> Composed {
    let operator = ReportedOperator {
        api_version: identity::API_VERSION.to_owned(),
        version: "v0.1.0".to_owned(),
        platform: "linux/arm64".to_owned(),
    };
    compose(observed, &operator, NAMESPACE)
}

fn written(observed: &Observed) -> Value {
    serde_json::to_value(composed(observed).spec).unwrap()
}

fn object(name: &str, spec: &Value, ready: Option<(&str, &str)>) -> Value {
    let conditions: Vec<_> = ready
        .iter()
        .map(|(status, message)| json!({"type": "Ready", "status": status, "reason": "R", "message": message}))
        .collect();
    json!({
        "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec, "status": {"conditions": conditions},
    })
}

#[test]
fn a_cluster_without_flux() {
    let mut observed = cluster();
    add(&mut observed, identity::GROUP, "FluxInstance", &[]);
    observed.nodes.objects.insert(Key::new("", "node"), ());
    let expected = json!({
        "distribution": {"entitlement": "Unknown", "status": "Not Installed"},
        "cluster": {"serverVersion": "v1.34.1", "platform": "linux/amd64", "nodes": 1},
        "operator": {"apiVersion": "fluxcd.controlplane.io/v1", "version": "v0.1.0", "platform": "linux/arm64"},
    });
    assert_eq!(written(&observed), expected);
    assert!(composed(&observed).problems.is_empty());
}

#[test]
fn a_cluster_with_flux() {
    let mut observed = cluster();
    let by = |name: &str| Some(name.to_owned());
    observed.flux = Some(Origin { version: by("v2.8.3"), managed_by: by("flux-operator") });
    for name in ["source-controller", "helm-controller"] {
        let component = ReportedComponent { name: name.to_owned(), ..ReportedComponent::default() };
        observed.components.objects.insert(Key::new(NAMESPACE, name), component);
    }
    let size = |size: u64| json!({"artifact": {"size": size}});
    let mut small = object("small", &json!({}), None);
    small["status"] = size(1000);
    let mut large = object("large", &json!({"suspend": true}), None);
    large["status"] = size(560);
    add(&mut observed, SOURCE, "Bucket", &[small, large]);
    add(&mut observed, KUSTOMIZE, "Kustomization", &[object("a", &json!({}), Some(("False", "")))]);
    add(&mut observed, identity::GROUP, "FluxInstance", &[object("flux", &json!({}), Some(("True", "")))]);
    let report = written(&observed);
    let distribution = json!({
        "entitlement": "Unknown", "status": "Installed", "version": "v2.8.3", "managedBy": "flux-operator",
    });
    assert_eq!(report["distribution"], distribution);
    assert_eq!(report["cluster"].get("nodes"), None);
    let names: Vec<_> = report["components"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
    assert_eq!(names, ["helm-controller", "source-controller"]);
    let stats = |running: u64, failing: u64, suspended: u64| json!({"running": running, "failing": failing, "suspended": suspended});
    let mut buckets = stats(1, 0, 1);
    buckets["totalSize"] = json!("1.5 KiB");
    let expected = json!([
        {"apiVersion": identity::API_VERSION, "kind": "FluxInstance", "stats": stats(1, 0, 0)},
        {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "stats": stats(1, 1, 0)},
        {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "Bucket", "stats": buckets},
    ]);
    assert_eq!(report["reconcilers"], expected);
    assert_eq!(report.get("sync"), None);
}

#[test]
fn what_cannot_be_looked_at_is_named_and_the_rest_is_there() {
    let mut observed = cluster();
    add(&mut observed, SOURCE, "Bucket", &[]);
    add(&mut observed, SOURCE, "HelmChart", &[]);
    for kind in observed.kinds.values_mut().filter(|kind| kind.definition.kind == "HelmChart") {
        kind.resources.sight = Sight::Waiting;
    }
    observed.nodes.sight = Sight::Blocked("nodes is forbidden".to_owned());
    (observed.server, observed.definitions) = (None, Sight::Waiting);
    let Composed { spec, problems } = composed(&observed);
    let expected = [
        "CustomResourceDefinitions are not known yet",
        "Nodes cannot be watched: nodes is forbidden",
        "objects of kind `HelmChart` are not known yet",
        "the API server does not say its version",
    ];
    assert_eq!(problems, expected);
    assert_eq!(spec.distribution.status, InstallationStatus::Unknown);
    assert_eq!((spec.cluster, spec.reconcilers.len()), (None, 1));
}

/// The sync, of a Kustomization and a source.
fn sync_of(kustomization: Value, kind: &str, source: Value) -> Value {
    let mut observed = cluster();
    add(&mut observed, KUSTOMIZE, "Kustomization", &[kustomization]);
    add(&mut observed, SOURCE, kind, &[source]);
    written(&observed)["sync"].clone()
}

fn kustomization(kind: &str, suspend: bool, ready: Option<(&str, &str)>) -> Value {
    object(NAMESPACE, &json!({"path": "./", "sourceRef": {"kind": kind}, "suspend": suspend}), ready)
}

#[test]
fn the_sync_is_what_its_kustomization_and_source_say() {
    let git = |ready| object(NAMESPACE, &json!({"url": "https://example.com/fleet"}), ready);
    let sync = |ready: bool, status: &str| {
        json!({
            "id": "kustomization/flux-system", "path": "./", "ready": ready, "status": status,
            "source": "https://example.com/fleet",
        })
    };
    let kind = "GitRepository";
    for (suspended, ready, source, expected) in [
        (false, Some(("True", "Applied")), None, sync(true, "Applied")),
        (false, Some(("Unknown", "Working")), None, sync(true, "Working")),
        (false, Some(("False", "Broken")), None, sync(false, "Broken")),
        (false, None, None, sync(false, "not initialized")),
        (true, Some(("True", "Applied")), None, sync(true, "Suspended Applied")),
        (false, Some(("True", "Applied")), Some(("False", "no route")), sync(false, "Applied\nno route")),
    ] {
        assert_eq!(sync_of(kustomization(kind, suspended, ready), kind, git(source)), expected);
    }
    let bucket = object(NAMESPACE, &json!({"endpoint": "s3.example.com", "bucketName": "fleet"}), None);
    assert_eq!(
        sync_of(kustomization("Bucket", false, None), "Bucket", bucket.clone())["source"],
        "s3.example.com/fleet"
    );
    // A source of another kind than the Kustomization asks for is none.
    assert_eq!(sync_of(kustomization(kind, false, None), "Bucket", bucket).get("source"), None);
}

#[test]
fn the_sync_is_called_as_the_instance_says() {
    let mut observed = cluster();
    add(&mut observed, KUSTOMIZE, "Kustomization", &[object("fleet", &json!({}), None)]);
    assert_eq!(written(&observed).get("sync"), None);
    let instance = object("flux", &json!({"sync": {"name": "fleet"}}), None);
    add(&mut observed, identity::GROUP, "FluxInstance", &[instance]);
    assert_eq!(written(&observed)["sync"]["id"], "kustomization/fleet");
}

#[test]
fn sizes_are_for_people() {
    let cases = [
        (0, None),
        (1, Some("1 B")),
        (1023, Some("1023 B")),
        (1024, Some("1.0 KiB")),
        (1536, Some("1.5 KiB")),
        ((1 << 20) - 1, Some("1024.0 KiB")),
        (5 << 20, Some("5.0 MiB")),
        (3 << 40, Some("3.0 TiB")),
        (u64::MAX, Some("16.0 EiB")),
    ];
    for (bytes, expected) in cases {
        assert_eq!(readable(bytes).as_deref(), expected, "{bytes}");
    }
}
