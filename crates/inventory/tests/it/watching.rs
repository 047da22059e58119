//! What the watches know.

use std::time::Duration;

use flux_operator_api::Object;
use flux_operator_inventory::{Action, Engine};
use flux_operator_testkit::objects::{config_map, deployment};
use serde_json::json;

use crate::world::World;

/// Waits until exactly these objects have drifted.
async fn drifted(engine: &Engine, expected: &[&Object]) {
    let mut expected: Vec<_> = expected.iter().map(|object| object.id()).collect();
    expected.sort();
    let wait = async {
        while engine.drifted().await != expected {
            engine.changed().await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(10), wait).await;
    assert!(in_time.is_ok(), "expected {expected:?}, found {:?}", engine.drifted().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_by_somebody_else_is_seen_and_only_that_object_is_asked_for() {
    let world = World::new("watching").await;
    let [map, other, workload] = world
        .owned([
            config_map("a").in_namespace(&world.namespace).data("k", "1").build(),
            config_map("b").in_namespace(&world.namespace).build(),
            deployment("a").in_namespace(&world.namespace).replicas(1).build(),
        ])
        .try_into()
        .unwrap();
    let all = [map.clone(), other.clone(), workload.clone()];
    let engine = world.engine();
    let outcome = world.apply(&engine, &all).await;
    engine.watch(&outcome.inventory).await.unwrap();
    world.proxy_is_quiet().await;
    assert_eq!(engine.drifted().await, []);

    world.patch("somebody", &map, json!({"data": {"k": "2"}})).await;
    drifted(&engine, &[&map]).await;
    let before = world.proxy.counts();
    let outcome = world.apply(&engine, &all).await;
    assert_eq!(outcome.changes.action(&map.id()), Some(Action::Configured));
    assert_eq!(outcome.changes.count(Action::Unchanged), 2);
    // A dry run, a read, an apply.
    let counts = world.proxy.counts().since(&before);
    assert_eq!(counts.total(), 3, "{counts}");
    drifted(&engine, &[]).await;

    // The other one is gone, and the workload has lost its labels.
    world.api(&other).delete(other.name(), &kube::api::DeleteParams::default()).await.unwrap();
    let unowned = json!({"metadata": {"labels": {"fluxcd.controlplane.io/name": null}}});
    world.patch("somebody", &workload, unowned).await;
    drifted(&engine, &[&other, &workload]).await;
    let outcome = world.apply(&engine, &all).await;
    assert_eq!(outcome.changes.action(&other.id()), Some(Action::Created));
    assert_eq!(outcome.changes.action(&workload.id()), Some(Action::Configured));
    drifted(&engine, &[]).await;

    // A watch that is cut comes back, and misses nothing.
    world.proxy.cut_watches();
    world.patch("somebody", &map, json!({"data": {"k": "3"}})).await;
    drifted(&engine, &[&map]).await;
    world.clean_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_status_is_no_drift() {
    let world = World::new("status").await;
    let workload = &world.owned([deployment("a").in_namespace(&world.namespace).replicas(1).build()])[0];
    let engine = world.engine();
    let outcome = world.apply(&engine, std::slice::from_ref(workload)).await;
    engine.watch(&outcome.inventory).await.unwrap();
    let entries: Vec<_> = outcome.inventory.iter().cloned().collect();
    let summary = engine.wait(&entries, Duration::from_secs(60)).await.unwrap();
    assert!(summary.unready().is_empty(), "{}", summary.timeout_message());
    world.proxy_is_quiet().await;
    // The deployment controller has annotated it, too, which does count, once.
    world.apply(&engine, std::slice::from_ref(workload)).await;
    let status = json!({"status": {"conditions": [{"type": "Other", "status": "True"}]}});
    let params = kube::api::PatchParams::default();
    world.api(workload).patch_status(workload.name(), &params, &kube::api::Patch::Merge(status)).await.unwrap();
    world.proxy_is_quiet().await;
    assert_eq!(engine.drifted().await, []);
    world.clean_up().await;
}
