//! What the operator asks of the API server.

use std::time::Duration;

use flux_operator_testkit::proxy::{Proxy, Verb};
use tokio::time::sleep;

use crate::world::{World, spec, the_only_flux, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_settled_instance_costs_nothing_and_a_run_four_requests() {
    let _flux = the_only_flux().await;
    let world = World::new("requests").await;
    let proxy = Proxy::start(world.config.clone()).await.unwrap();
    world.apply(&spec("2.9.90")).await;
    let _operator = world.operator_behind(&proxy);
    world.until_ready().await;
    // Watches are set up, and events delivered.
    until("it is quiet", async || {
        let before = proxy.counts().total();
        sleep(Duration::from_secs(2)).await;
        (proxy.counts().total() == before).then_some(())
    })
    .await;

    let before = proxy.counts();
    sleep(Duration::from_secs(5)).await;
    let idle = proxy.counts().since(&before);
    assert_eq!(idle.total(), 0, "between runs: {idle}");

    // Two for the status, one for the event.
    let before = proxy.counts();
    world.patch(serde_json::json!({"metadata": {"annotations": {"example.com/touched": "1"}}})).await;
    world.until_told("Reconciliation finished in").await;
    sleep(Duration::from_secs(2)).await;
    let run = proxy.counts().since(&before);
    assert!(run.total() <= 4, "a run that changes nothing: {run}\n{}", proxy.story());
    assert_eq!(run.of(Verb::Patch, "fluxinstances/status"), 2, "{run}\n{}", proxy.story());
    world.delete().await;
}
