//! How the fields of a FluxInstance decode: defaults, absence, and what is written back.

use serde_json::{Value, json};

use super::*;

fn distribution() -> Value {
    json!({ "version": "2.x", "registry": "ghcr.io/fluxcd" })
}

fn sync() -> Value {
    json!({ "kind": "OCIRepository", "url": "oci://a/b", "ref": "latest", "path": "./" })
}

/// A spec whose distribution is [`distribution`] and whose other fields are `rest` decodes as
/// `expected`.
#[track_caller]
fn check(rest: &Value, expected: &FluxInstanceSpec) {
    assert_eq!(decode(rest), *expected);
}

#[track_caller]
fn decode(rest: &Value) -> FluxInstanceSpec {
    let mut spec = json!({ "distribution": distribution() });
    spec.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    serde_json::from_value(spec).unwrap()
}

#[track_caller]
fn refused(spec: &Value, reason: &str) {
    let error = serde_json::from_value::<FluxInstanceSpec>(spec.clone()).unwrap_err().to_string();
    assert!(error.contains(reason), "expected `{reason}`, found `{error}`");
}

fn upstream() -> FluxInstanceSpec {
    FluxInstanceSpec::new(Distribution::new("2.x", "ghcr.io/fluxcd"))
}

#[test]
fn constructors_agree_with_absence() {
    check(&json!({}), &upstream());
    check(&json!({ "cluster": {} }), &FluxInstanceSpec { cluster: Some(Cluster::default()), ..upstream() });
    check(
        &json!({ "sharding": { "shards": ["shard1"] } }),
        &FluxInstanceSpec { sharding: Some(Sharding::new(["shard1"])), ..upstream() },
    );
    check(
        &json!({ "storage": { "class": "standard", "size": "10Gi" } }),
        &FluxInstanceSpec { storage: Some(Storage::new("standard", "10Gi")), ..upstream() },
    );
    let expected = Sync::new(SyncKind::OciRepository, "oci://a/b", "latest", "./");
    check(&json!({ "sync": sync() }), &FluxInstanceSpec { sync: Some(expected), ..upstream() });
    check(&json!({ "kustomize": {} }), &FluxInstanceSpec { kustomize: Some(Kustomize::default()), ..upstream() });
    let empty = FluxInstanceSpec { common_metadata: Some(CommonMetadata::default()), ..upstream() };
    check(&json!({ "commonMetadata": {} }), &empty);
}

#[test]
fn null_is_absence() {
    let fields = ["components", "commonMetadata", "cluster", "sharding", "storage", "kustomize", "wait"];
    for field in fields.into_iter().chain(["migrateResources", "sync"]) {
        check(&json!({ field: null }), &upstream());
    }
    let within = |object: &str, base: Value, fields: &[&str]| {
        for field in fields {
            let mut with_null = base.clone();
            with_null[*field] = Value::Null;
            assert_eq!(decode(&json!({ object: with_null })), decode(&json!({ object: base })), "{object}.{field}");
        }
    };
    let flags = ["networkPolicy", "multitenant", "objectLevelWorkloadIdentity", "multitenantWorkloadIdentity"];
    within("cluster", json!({}), &["type", "size", "domain", "tenantDefaultServiceAccount"]);
    within("cluster", json!({}), &flags);
    within("sharding", json!({ "shards": ["a"] }), &["key", "storage"]);
    within("sync", sync(), &["interval", "name", "pullSecret", "provider"]);
    within("kustomize", json!({}), &["patches"]);
    within("commonMetadata", json!({}), &["labels", "annotations"]);
}

#[test]
fn what_is_written_wins_over_defaults() {
    let spec = decode(&json!({
        "wait": false,
        "migrateResources": false,
        "cluster": { "networkPolicy": false, "domain": "", "type": "openshift" },
        "sharding": { "key": "team", "shards": ["a"], "storage": "persistent" },
    }));
    assert!(!spec.wait && !spec.migrate_resources);
    let cluster = spec.effective_cluster();
    assert_eq!((cluster.network_policy, cluster.domain.as_str()), (false, ""));
    assert_eq!((cluster.effective_domain(), cluster.r#type), ("cluster.local", ClusterType::OpenShift));
    assert!(spec.sharding.is_some_and(|sharding| sharding.key == "team" && sharding.is_persistent()));
}

#[test]
fn empty_optional_strings_are_absence() {
    let spec = decode(&json!({ "cluster": { "tenantDefaultServiceAccount": "" } }));
    assert_eq!(spec.effective_cluster().tenant_default_service_account, None);
    assert_eq!(spec.effective_cluster().effective_service_account(), "default");
    let built = Cluster { tenant_default_service_account: Some(String::new()), ..Cluster::default() };
    assert_eq!(built.effective_service_account(), "default");
    let named = Cluster { tenant_default_service_account: Some("flux".to_owned()), ..Cluster::default() };
    assert_eq!(named.effective_service_account(), "flux");
    assert_eq!(named.effective_decryption_service_account(), "default");
    assert_eq!(named.effective_kube_config_service_account(), "default");
}

#[test]
fn effective_values_of_an_instance_that_says_nothing() {
    let spec = upstream();
    assert_eq!(spec.effective_components(), Component::CORE);
    let words: Vec<_> = Component::CORE.iter().map(|component| component.as_str()).collect();
    assert_eq!(words, ["source-controller", "kustomize-controller", "helm-controller", "notification-controller"]);
    let chosen = FluxInstanceSpec { components: vec![Component::SourceWatcher], ..upstream() };
    assert_eq!(chosen.effective_components(), [Component::SourceWatcher]);
    assert_eq!(spec.effective_cluster(), Cluster::default());
}

#[test]
fn required_fields_and_closed_sets_are_enforced() {
    refused(&json!({}), "missing field `distribution`");
    refused(&json!({ "distribution": { "version": "2.x" } }), "missing field `registry`");
    refused(&json!({ "distribution": distribution(), "sharding": {} }), "missing field `shards`");
    refused(&json!({ "distribution": distribution(), "storage": { "class": "a" } }), "missing field `size`");
    refused(
        &json!({ "distribution": distribution(), "cluster": { "size": "tiny" } }),
        "unknown variant `tiny`, expected one of `small`, `medium`, `large`",
    );
}

#[test]
fn unknown_fields_are_dropped() {
    check(&json!({ "colour": "red", "kustomize": null }), &upstream());
    let patches = json!({ "kustomize": { "patches": [{ "patch": "a", "path": "b", "options": {} }] } });
    let expected = Patch { patch: "a".to_owned(), target: None };
    assert_eq!(decode(&patches).kustomize, Some(Kustomize { patches: vec![expected] }));
}

#[test]
fn every_field_survives_a_round_trip() {
    let written = json!({
        "distribution": {
            "version": "2.8.x",
            "registry": "registry.example.com/fluxcd",
            "variant": "enterprise-distroless-fips",
            "imagePullSecret": "pull",
            "artifact": "oci://example.com/manifests:latest",
            "artifactPullSecret": "artifact",
        },
        "components": ["source-controller", "source-watcher"],
        "commonMetadata": { "annotations": { "a": "1" }, "labels": { "b": "2" } },
        "cluster": {
            "type": "aws",
            "size": "large",
            "domain": "example.internal",
            "networkPolicy": false,
            "multitenant": true,
            "tenantDefaultServiceAccount": "tenant",
            "objectLevelWorkloadIdentity": true,
            "multitenantWorkloadIdentity": true,
            "tenantDefaultDecryptionServiceAccount": "decryption",
            "tenantDefaultKubeConfigServiceAccount": "remote",
        },
        "sharding": { "key": "team", "shards": ["a", "b"], "storage": "ephemeral" },
        "storage": { "class": "standard", "size": "10Gi" },
        "kustomize": { "patches": [{
            "patch": "- op: remove",
            "target": {
                "group": "apps", "version": "v1", "kind": "Deployment", "name": ".*", "namespace": "flux-system",
                "labelSelector": "a=b", "annotationSelector": "!c",
            },
        }] },
        "wait": false,
        "migrateResources": false,
        "sync": {
            "kind": "GitRepository", "url": "https://example.com/fleet.git", "ref": "refs/heads/main",
            "path": "clusters/a", "interval": "5m", "name": "fleet", "pullSecret": "git", "provider": "github",
        },
    });
    let spec: FluxInstanceSpec = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(serde_json::to_value(&spec).unwrap(), written);
}

#[test]
fn little_is_written_when_little_is_said() {
    let written = serde_json::to_value(FluxInstance::new("flux", upstream()).in_namespace("flux-system")).unwrap();
    let expected = json!({
        "apiVersion": "fluxcd.controlplane.io/v1",
        "kind": "FluxInstance",
        "metadata": { "name": "flux", "namespace": "flux-system" },
        "spec": { "distribution": distribution(), "wait": true, "migrateResources": true },
    });
    assert_eq!(written, expected);
    let cluster = serde_json::to_value(Cluster::default()).unwrap();
    assert_eq!(cluster, json!({ "type": "kubernetes", "domain": "cluster.local", "networkPolicy": true }));
    assert_eq!(serde_json::to_value(FluxInstanceStatus::default()).unwrap(), json!({}));
}

#[test]
fn whole_object_is_read_with_its_status() {
    let written = json!({
        "apiVersion": "fluxcd.controlplane.io/v1",
        "kind": "FluxInstance",
        "metadata": { "name": "flux", "namespace": "flux-system", "annotations": { annotations::RECONCILE: "Disabled" } },
        "spec": { "distribution": distribution(), "wait": true, "migrateResources": true },
        "status": {
            "lastHandledReconcileAt": "2026-11-22T10:00:00Z",
            "lastHandledForceAt": "2026-11-22T10:00:01Z",
            "lastAttemptedRevision": "v2.8.3@sha256:aa",
            "lastAppliedRevision": "v2.8.3@sha256:aa",
            "lastArtifactRevision": "sha256:bb",
            "conditions": [{
                "type": "Ready", "status": "True", "observedGeneration": 1, "reason": "ReconciliationSucceeded",
                "message": "Reconciliation finished in 52s", "lastTransitionTime": "2026-11-22T10:00:52Z",
            }],
            "components": [
                { "name": "source-controller", "repository": "ghcr.io/fluxcd/source-controller", "tag": "v1.8.1" },
                { "name": "helm-controller", "repository": "a/b", "tag": "v1", "digest": "sha256:cc" },
            ],
            "inventory": { "entries": [{ "id": "_flux-system__Namespace", "v": "v1" }] },
            "history": [{
                "digest": "sha256:aa", "lastReconciledStatus": "ReconciliationSucceeded",
                "firstReconciled": "2026-11-22T10:00:52Z", "lastReconciled": "2026-11-22T10:00:52Z",
                "lastReconciledDuration": "52.3s", "totalReconciliations": 1, "metadata": { "flux": "v2.8.3" },
            }],
        },
    });
    let instance: FluxInstance = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(serde_json::to_value(&instance).unwrap(), written);
    assert!(instance.is_disabled());
    assert!(!FluxInstance::new("flux", upstream()).is_disabled());
}

/// What an API server does with the defaults of the schema before an object is stored.
fn admit(value: &mut Value, schema: &Value) {
    if let (Some(object), Some(properties)) = (value.as_object_mut(), schema["properties"].as_object()) {
        for (name, property) in properties {
            if let Some(default) = property.get("default") {
                object.entry(name).or_insert_with(|| default.clone());
            }
            if let Some(value) = object.get_mut(name) {
                admit(value, property);
            }
        }
    }
}

#[test]
fn admission_changes_nothing_about_the_meaning() {
    let crd = crate::crd::flux_instance();
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    let object = json!({
        "distribution": distribution(),
        "cluster": {},
        "sharding": { "shards": ["a"] },
        "storage": { "class": "a", "size": "1Gi" },
        "sync": sync(),
    });
    let mut admitted = object.clone();
    admit(&mut admitted, schema);
    assert_ne!(admitted, object);
    let spec = |value: Value| serde_json::from_value::<FluxInstanceSpec>(value).unwrap();
    assert_eq!(spec(admitted), spec(object));
}
