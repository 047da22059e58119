//! Candidates for one lease.

use std::time::{Duration, Instant};

use flux_operator_controller::fence::{Fence, Refused};
use flux_operator_controller::lease::{Candidate, Lost, Timing};
use kube::api::{Patch, PatchParams};
use serde_json::json;
use tokio::time::timeout;

use crate::world::World;

/// Quick, so that a test does not take long: lease, renew deadline, retry period.
fn quick() -> Timing {
    Timing::new(Duration::from_secs(3), Duration::from_secs(2), Duration::from_millis(500)).unwrap()
}

/// A lease that nobody waits for.
fn long() -> Timing {
    Timing::new(Duration::from_secs(300), Duration::from_secs(200), Duration::from_millis(500)).unwrap()
}

fn candidate(world: &World, name: &str, timing: Timing) -> Candidate {
    Candidate::new(world.client.clone(), &world.namespace, name.to_owned(), timing)
}

#[tokio::test]
async fn another_takes_over_once_the_lease_has_run_out() {
    let world = World::new("expiry").await;
    let (mut first, mut second) = (candidate(&world, "first", quick()), candidate(&world, "second", quick()));
    first.acquire().await;
    let record = world.record().await;
    assert_eq!((record.holder_identity.as_deref(), record.lease_duration_seconds), (Some("first"), Some(3)));
    assert_eq!(record.lease_transitions, Some(0));
    // The first one is gone without a word.
    drop(first);
    let start = Instant::now();
    second.acquire().await;
    let took = start.elapsed();
    assert!((Duration::from_secs(3)..Duration::from_secs(6)).contains(&took), "{took:?}");
    let record = world.record().await;
    assert_eq!((record.holder_identity.as_deref(), record.lease_transitions), (Some("second"), Some(1)));
}

#[tokio::test]
async fn nobody_takes_a_lease_that_is_renewed() {
    let world = World::new("renewal").await;
    let (mut first, mut second) = (candidate(&world, "first", quick()), candidate(&world, "second", quick()));
    let until = first.acquire().await;
    let fence = Fence::shut();
    let held = tokio::spawn({
        let fence = fence.clone();
        async move { first.hold(&fence, until).await }
    });
    assert!(timeout(Duration::from_secs(7), second.acquire()).await.is_err(), "taken");
    assert_eq!(fence.check(), Ok(()));
    assert_eq!(world.record().await.lease_transitions, Some(0));
    held.abort();
}

#[tokio::test]
async fn a_lease_that_is_given_back_is_taken_at_once() {
    let world = World::new("release").await;
    let (mut first, mut second) = (candidate(&world, "first", long()), candidate(&world, "second", long()));
    first.acquire().await;
    let waiting = tokio::spawn(async move {
        second.acquire().await;
        Instant::now()
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.holder().await, "first");
    first.release().await.unwrap();
    let released = Instant::now();
    let took = waiting.await.unwrap().saturating_duration_since(released);
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(world.holder().await, "second");
}

#[tokio::test]
async fn who_loses_the_lease_stops_writing() {
    let world = World::new("loss").await;
    let mut first = candidate(&world, "first", long());
    let until = first.acquire().await;
    let fence = Fence::shut();
    let held = tokio::spawn({
        let fence = fence.clone();
        async move { first.hold(&fence, until).await }
    });
    let stolen = Patch::Merge(json!({"spec": {"holderIdentity": "thief"}}));
    world.leases().patch("flux-operator", &PatchParams::default(), &stolen).await.unwrap();
    let lost = timeout(Duration::from_secs(5), held).await.unwrap().unwrap();
    assert!(matches!(&lost, Lost::Taken { holder, .. } if holder == "thief"), "{lost}");
    // What `run` does next.
    fence.close();
    assert_eq!(fence.check(), Err(Refused::Closed));
}
