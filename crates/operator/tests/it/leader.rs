//! Two replicas, one leader.

use std::time::Duration;

use flux_operator_testkit::proxy::{Proxy, Verb};
use flux_operator_testkit::workspace;
use serde_json::json;
use tokio::time::sleep;

use crate::process::Operator;
use crate::world::{World, kubeconfig, spec, the_only_flux, until};

const ELECTION: &[&str] = &[
    "--leader-election-lease-duration=4s",
    "--leader-election-renew-deadline=3s",
    "--leader-election-retry-period=500ms",
];

fn start(world: &World, kubeconfig: &str) -> Operator {
    let storage = format!("--storage-path={}", workspace::distribution().display());
    Operator::start(kubeconfig, &world.namespace, &[ELECTION, &[storage.as_str()]].concat())
}

/// Writes that went through a proxy, with the moment of each.
fn writes(proxy: &Proxy) -> usize {
    let counts = proxy.counts();
    counts
        .iter()
        .filter(|(verb, resource, _)| is_write(*verb) && *resource != "leases")
        .map(|(_, _, count)| count)
        .sum()
}

fn is_write(verb: Verb) -> bool {
    matches!(verb, Verb::Apply | Verb::Patch | Verb::Create | Verb::Update | Verb::Delete)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_was_stopped_writes_nothing_once_there_is_another() {
    let _flux = the_only_flux().await;
    let world = World::new("leader").await;
    let (first, second) =
        (Proxy::start(world.config.clone()).await.unwrap(), Proxy::start(world.config.clone()).await.unwrap());
    let start = |proxy: &Proxy| start(&world, &proxy.kubeconfig());
    let mut old = start(&first);
    until("the first leads", async || old.is_leading().await.then_some(())).await;
    let new = start(&second);
    until("the second is ready to", async || (new.ask("--health-addr", "/readyz").await.0 == 200).then_some(())).await;
    world.apply(&spec("2.6.90")).await;
    // In the middle of its work.
    until("the first has begun", async || (writes(&first) > 5).then_some(())).await;
    assert_eq!(writes(&second), 0);
    old.signal("STOP");

    until("the second leads", async || new.is_leading().await.then_some(())).await;
    // What was on its way when the first was stopped has long arrived.
    first.settled().await;
    let before = writes(&first);
    world.until_ready().await;
    old.signal("CONT");
    // It notices, and ends.
    assert_eq!(old.ended().await.0.code(), Some(1));
    let line = old.says("cannot go on").await;
    let lost = format!("lost the lease `{}/flux-operator`: it was not renewed within `3s`", world.namespace);
    assert_eq!(line["error"], lost);
    assert_eq!(writes(&first), before, "{}", first.story());
    world.assert_as_recorded("after the change of leaders").await;

    world.delete().await;
    drop(new);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_ends_hands_over_at_once() {
    let _flux = the_only_flux().await;
    let world = World::new("handover").await;
    let start = || start(&world, &kubeconfig());
    let mut old = start();
    until("the first leads", async || old.is_leading().await.then_some(())).await;
    let new = start();
    sleep(Duration::from_secs(1)).await;
    let began = std::time::Instant::now();
    old.signal("TERM");
    assert_eq!(old.ended().await.0.code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(5), "shutdown took {:?}", began.elapsed());
    until("the second leads", async || new.is_leading().await.then_some(())).await;
    assert!(began.elapsed() < Duration::from_secs(4), "took {:?}, as if the lease had run out", began.elapsed());
    world.apply_annotated(&spec("2.9.90"), json!({})).await;
    world.until_ready().await;
    world.delete().await;
}
