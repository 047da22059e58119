//! Objects that do not become ready, and instances that change meanwhile.

use std::time::{Duration, Instant};

use flux_operator_api::annotations;
use serde_json::json;

use crate::world::{World, condition, spec, the_only_flux, with};

/// A spec whose source-controller never becomes ready.
fn never_ready() -> serde_json::Value {
    let patch = "- op: add\n  path: /spec/template/metadata/annotations/testkit~1never-ready\n  value: 'true'\n";
    let patches = json!([{"target": {"kind": "Deployment", "name": "source-controller"}, "patch": patch}]);
    with(spec("2.9.90"), &json!({"kustomize": {"patches": patches}}))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ready_is_named_and_the_wait_gives_way() {
    let _flux = the_only_flux().await;
    let world = World::new("waiting").await;
    let _operator = world.operator();
    world.apply_annotated(&never_ready(), json!({annotations::RECONCILE_TIMEOUT: "3s"})).await;
    let instance = world.until("it fails", |instance| condition(instance, "Ready").1 == "ReconciliationFailed").await;
    let (_, _, message) = condition(&instance, "Ready");
    assert!(message.starts_with("reconciliation failed: timeout waiting for: [Deployment/waiting-test/source-controller status: 'InProgress'"), "{message}");
    assert_eq!(condition(&instance, "Reconciling").1, "ProgressingWithRetry");
    assert_eq!(instance["status"]["history"][0]["lastReconciledStatus"], "ReconciliationFailed");
    assert_eq!(instance["status"]["lastAppliedRevision"], serde_json::Value::Null);
    world.assert_as_recorded("after a failed wait").await;

    // A longer wait, and a change in the middle of it.
    world.patch(json!({"metadata": {"annotations": {annotations::RECONCILE_TIMEOUT: "10m"}}})).await;
    world.until("it waits", |instance| condition(instance, "Ready").1 == "Progressing").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let began = Instant::now();
    world.apply(&spec("2.9.90")).await;
    world.until_ready().await;
    assert!(began.elapsed() < Duration::from_secs(30), "took {:?}", began.elapsed());
    world
        .until_told("Health checks canceled due to new reconciliation triggered by FluxInstance/waiting-test/flux")
        .await;

    // Deleted in the middle of one.
    world.apply(&never_ready()).await;
    world.until("it waits", |instance| condition(instance, "Ready").1 == "Progressing").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let began = Instant::now();
    world.delete().await;
    assert!(began.elapsed() < Duration::from_secs(60), "took {:?}", began.elapsed());
    assert_eq!(world.owned().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_wait_applied_is_ready() {
    let _flux = the_only_flux().await;
    let world = World::new("no-wait").await;
    let _operator = world.operator();
    world.apply(&with(never_ready(), &json!({"wait": false}))).await;
    world.until_ready().await;
    world.delete().await;
}
