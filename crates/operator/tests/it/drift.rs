//! Somebody else changes what the operator applied. How soon that is corrected is a figure of `cargo xtask bench`;
//! here the interval of the instance is an hour, so that watches alone can see it.

use std::time::{Duration, Instant};

use flux_operator_api::{Object, ObjectId, annotations};
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::world::{World, condition, spec, the_only_flux, until};

/// Longer than a correction takes: what has not been corrected by then is left alone.
const A_WHILE: Duration = Duration::from_secs(2);

async fn installed(name: &str) -> World {
    let world = World::new(name).await;
    world.apply(&spec("2.9.90")).await;
    world
}

/// The Deployment as somebody else addresses it.
fn controller(world: &World, name: &str) -> Object {
    let metadata = json!({"name": name, "namespace": world.namespace});
    Object::try_from(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata})).unwrap()
}

async fn change(world: &World, manager: &str, name: &str, patch: Value) {
    let params = PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
    world.api(&controller(world, name)).patch(name, &params, &Patch::Merge(patch)).await.unwrap();
}

async fn replicas(world: &World, name: &str) -> Option<i64> {
    world.deployment(name).await?["spec"]["replicas"].as_i64()
}

/// Changes the replicas, and waits until the operator has set them back.
async fn scale(world: &World, manager: &str) {
    change(world, manager, "source-controller", json!({"spec": {"replicas": 0}})).await;
    until("the replicas are back", async || (replicas(world, "source-controller").await == Some(1)).then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn is_corrected_at_once_and_told() {
    let _flux = the_only_flux().await;
    let world = installed("drift").await;
    let _operator = world.operator();
    world.until_ready().await;
    // Watches have been set up after the installation.
    sleep(Duration::from_secs(1)).await;

    scale(&world, "kubectl-scale").await;
    let told = world.until_told("kubectl-scale").await;
    let object = format!("Deployment/{}/source-controller", world.namespace);
    assert_eq!(
        told,
        format!("Normal DriftCorrected {object} was changed by `kubectl-scale` and is corrected: /spec/replicas")
    );
    world.until_ready().await;

    // An object that is deleted, of a kind that does not count generations.
    let role = ObjectId::cluster(
        "rbac.authorization.k8s.io",
        "ClusterRoleBinding",
        format!("cluster-reconciler-{}", world.namespace),
    );
    let binding =
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": role.kind, "metadata": {"name": role.name}});
    world.api(&Object::try_from(binding).unwrap()).delete(&role.name, &DeleteParams::default()).await.unwrap();
    until("the binding is back", async || world.live(&role, "v1").await).await;
    world.until_told(&format!("{role} was deleted and is created again")).await;
    world.until_ready().await;

    world.delete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn that_comes_back_again_and_again_is_corrected_less_often() {
    let _flux = the_only_flux().await;
    let world = installed("fight").await;
    let _operator = world.operator();
    world.until_ready().await;
    sleep(Duration::from_secs(1)).await;
    for _ in 0..3 {
        scale(&world, "rival").await;
    }
    let told = world.until_told("again and again").await;
    assert!(told.starts_with("Warning DriftCorrected "), "{told}");
    assert!(told.contains("the next correction is in 5s"), "{told}");

    // Held back, while another object is corrected at once.
    change(&world, "rival", "source-controller", json!({"spec": {"replicas": 0}})).await;
    change(&world, "rival", "helm-controller", json!({"spec": {"replicas": 0}})).await;
    let began = Instant::now();
    until("the other is back", async || (replicas(&world, "helm-controller").await == Some(1)).then_some(())).await;
    assert_eq!(replicas(&world, "source-controller").await, Some(0));
    until("its turn comes", async || (replicas(&world, "source-controller").await == Some(1)).then_some(())).await;
    assert!(began.elapsed() > Duration::from_secs(3), "took {:?}", began.elapsed());
    world.delete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn is_left_alone_where_somebody_says_so() {
    let _flux = the_only_flux().await;
    let world = installed("alone").await;
    let _operator = world.operator();
    world.until_ready().await;
    sleep(Duration::from_secs(1)).await;

    // One object: listed, and left as it is, by watches and by runs.
    let annotated = json!({"metadata": {"annotations": {annotations::RECONCILE: "disabled"}}, "spec": {"replicas": 0}});
    change(&world, "kubectl-edit", "helm-controller", annotated).await;
    let listed = format!("left alone: Deployment/{}/helm-controller", world.namespace);
    world.until("it is listed", |instance| condition(instance, "Ready").2.ends_with(&listed)).await;
    world.request().await;
    assert_eq!(replicas(&world, "helm-controller").await, Some(0));
    let again = json!({"metadata": {"annotations": {annotations::RECONCILE: null}}});
    change(&world, "kubectl-edit", "helm-controller", again).await;
    until("it is corrected", async || (replicas(&world, "helm-controller").await == Some(1)).then_some(())).await;
    world.until("nothing is listed", |instance| !condition(instance, "Ready").2.contains("left alone")).await;

    // All objects, between runs.
    world.patch(json!({"metadata": {"annotations": {annotations::DRIFT_DETECTION: "disabled"}}})).await;
    world.request().await;
    change(&world, "kubectl-edit", "helm-controller", json!({"spec": {"replicas": 0}})).await;
    sleep(A_WHILE).await;
    assert_eq!(replicas(&world, "helm-controller").await, Some(0));
    world.request().await;
    assert_eq!(replicas(&world, "helm-controller").await, Some(1), "a run corrects it");
    world.delete().await;
}
