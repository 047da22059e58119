//! A Flux that somebody else installed comes under the operator, and nothing restarts.

use std::collections::BTreeMap;

use flux_operator_api::{Distribution, FluxInstance, FluxInstanceSpec, Object};
use flux_operator_builder::{InstancePlan, build};
use flux_operator_distro::Directory;
use flux_operator_testkit::workspace;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::world::{World, condition, is_ready, spec, the_only_flux, until};

/// The objects of an installation, as the operator renders them.
fn rendered(world: &World, version: &str) -> Vec<Object> {
    let spec = FluxInstanceSpec::new(Distribution::new(version, "ghcr.io/fluxcd"));
    let plan = InstancePlan::parse(&FluxInstance::new("flux", spec).in_namespace(world.namespace.as_str())).unwrap();
    let directory = Directory::open(workspace::distribution()).unwrap();
    let release = directory.release(plan.select(&directory.versions().unwrap()).unwrap()).unwrap();
    build(&plan, &release).unwrap().into_objects()
}

async fn apply(world: &World, manager: &str, object: &Object) {
    let params = PatchParams::apply(manager).force();
    until(&format!("{} is applied", object.id()), async || {
        world.api(object).patch(object.name(), &params, &Patch::Apply(object)).await.ok()
    })
    .await;
}

/// UID and generation of every Deployment: neither changes without a restart of its pods.
pub(crate) async fn deployments(world: &World, objects: &[Object]) -> BTreeMap<String, (Value, Value)> {
    let mut deployments = BTreeMap::new();
    for object in objects.iter().filter(|object| object.kind() == "Deployment") {
        let live = world.deployment(object.name()).await.unwrap();
        let metadata = &live["metadata"];
        deployments.insert(object.name().to_owned(), (metadata["uid"].clone(), live["spec"]["template"].clone()));
    }
    deployments
}

#[tokio::test(flavor = "multi_thread")]
async fn from_flux_bootstrap() {
    let _flux = the_only_flux().await;
    let world = World::new("bootstrap").await;
    let objects = rendered(&world, "2.9.90");
    // What `flux bootstrap` leaves: applied by kustomize-controller, with the labels of its Kustomization, and none of
    // the operator's.
    for object in &objects {
        let mut value = object.clone().into_value();
        let metadata = value["metadata"].as_object_mut().unwrap();
        metadata.remove("annotations");
        metadata.insert("labels".to_owned(), json!({
            "app.kubernetes.io/instance": world.namespace, "app.kubernetes.io/part-of": "flux",
            "kustomize.toolkit.fluxcd.io/name": "flux-system", "kustomize.toolkit.fluxcd.io/namespace": world.namespace,
        }));
        apply(&world, "kustomize-controller", &Object::try_from(value).unwrap()).await;
    }
    let sync = json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": "flux-system", "namespace": world.namespace, "finalizers": ["finalizers.fluxcd.io"]},
        "spec": {"interval": "10m", "path": "./", "prune": true, "sourceRef": {"kind": "GitRepository", "name": "flux-system"}},
    });
    let sync = Object::try_from(sync).unwrap();
    apply(&world, "kustomize-controller", &sync).await;
    let before = deployments(&world, &objects).await;

    let _operator = world.operator();
    world.apply(&spec("2.9.90")).await;
    world.until_ready().await;
    world.assert_as_recorded("adopted").await;
    assert_eq!(deployments(&world, &objects).await, before, "nothing restarts");
    for object in &objects {
        let live = world.live(&object.id(), object.version()).await.unwrap();
        assert_eq!(live["metadata"]["labels"].get("kustomize.toolkit.fluxcd.io/name"), None, "{}", object.id());
        assert_eq!(live["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/ssa"], "Ignore", "{}", object.id());
    }
    assert!(world.live(&sync.id(), "v1").await.is_some(), "its Kustomization stays until it is replaced");
    world.delete().await;
    assert_eq!(world.owned().await.len(), 0);
}

/// What the Go operator leaves: the same field manager, labels, finalizer, inventory and status. Returns the objects of
/// Flux and the revision, which is not ours.
pub(crate) async fn left_by_the_go_operator(world: &World, version: &str) -> (Vec<Object>, String) {
    let objects = rendered(world, version);
    for object in &objects {
        apply(world, "flux-operator", object).await;
    }
    world.apply(&spec(version)).await;
    let finalizer = json!({"metadata": {"finalizers": ["fluxcd.controlplane.io/finalizer"]}});
    world.patch(finalizer).await;
    let generation = world.instance().await["metadata"]["generation"].clone();
    let revision = format!("v{version}@sha256:{}", "ab".repeat(32));
    let entries: Vec<_> = objects
        .iter()
        .map(|object| json!({"id": object.id().to_inventory_id(), "v": object.version()}))
        // Something that this version no longer renders, and that is long gone.
        .chain([json!({"id": format!("{}_gone_apps_Deployment", world.namespace), "v": "v1"})])
        .collect();
    let snapshot = json!({
        "digest": format!("sha256:{}", "ab".repeat(32)), "firstReconciled": "2026-01-01T00:00:00Z",
        "lastReconciled": "2026-01-02T00:00:00Z", "lastReconciledDuration": "52.3s",
        "lastReconciledStatus": "ReconciliationSucceeded", "totalReconciliations": 25, "metadata": {"flux": format!("v{version}")},
    });
    let status = json!({"status": {
        "conditions": [{
            "type": "Ready", "status": "True", "reason": "ReconciliationSucceeded", "observedGeneration": generation,
            "message": "Reconciliation finished in 52s", "lastTransitionTime": "2026-01-02T00:00:00Z",
        }],
        "lastAppliedRevision": revision, "lastAttemptedRevision": revision,
        "inventory": {"entries": entries}, "history": [snapshot],
    }});
    let params = PatchParams::default();
    world.instances().patch_status("flux", &params, &Patch::Merge(status)).await.unwrap();
    (objects, revision)
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_go_operator() {
    let _flux = the_only_flux().await;
    let world = World::new("reference").await;
    let (objects, revision) = left_by_the_go_operator(&world, "2.9.90").await;
    let (before, versions) = (deployments(&world, &objects).await, {
        let mut versions = world.versions().await;
        versions.retain(|(_, version)| !version.is_null());
        versions
    });

    let _operator = world.operator();
    let instance = world
        .until("it is taken over", |instance| {
            is_ready(instance) && instance["status"]["lastAppliedRevision"] != revision.as_str()
        })
        .await;
    world.assert_as_recorded("taken over").await;
    assert_eq!(deployments(&world, &objects).await, before, "nothing restarts");
    assert_eq!(world.versions().await, versions, "not even a write");
    let history = instance["status"]["history"].as_array().unwrap();
    assert_eq!((history.len(), &history[1]["totalReconciliations"]), (2, &json!(25)));
    world.until_told("Normal Progressing Upgrading to revision v2.9.90@sha256:").await;
    assert_eq!(condition(&instance, "Stalled").0, "");
    world.delete().await;
    assert_eq!(world.owned().await.len(), 0);
}
