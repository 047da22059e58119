//! Elections with an API server that follows a script, in paused time.

use flux_operator_testkit::apiserver::{self, Api as Server, create, get, update};
use serde_json::{Value, json};

use super::*;
use crate::fence::Refused;

const LEASE: &str = "leases/flux-system/flux-operator";
const SECOND: Duration = Duration::from_secs(1);

fn candidate() -> (Candidate, Server) {
    let (client, server) = apiserver::new();
    let timing = Timing::new(35 * SECOND, 30 * SECOND, 5 * SECOND).unwrap();
    (Candidate::new(client, "flux-system", "me".to_owned(), timing), server)
}

fn lease(version: u32, holder: &str, renewed: u32) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "flux-operator", "namespace": "flux-system", "resourceVersion": version.to_string()},
        "spec": {
            "holderIdentity": holder,
            "leaseDurationSeconds": 15,
            "renewTime": format!("2030-01-01T00:00:{renewed:02}.000000Z"),
            "leaseTransitions": 3,
        },
    })
}

/// What a write over a version has to have.
fn over(version: u32, holder: &str) -> Value {
    json!({"metadata": {"resourceVersion": version.to_string()}, "spec": {"holderIdentity": holder}})
}

/// A candidate that has just taken a free lease.
async fn leader() -> (Candidate, Server, Fence, Instant) {
    let (mut candidate, server) = candidate();
    let played = server.play([
        get(LEASE).reply_json(lease(1, "", 0)),
        update(LEASE).sends(&over(1, "me")).reply_json(lease(2, "me", 1)),
    ]);
    let until = candidate.acquire().await;
    played.complete().await;
    (candidate, server, Fence::shut(), until)
}

#[tokio::test(start_paused = true)]
async fn the_first_one_creates_the_lease() {
    let (mut candidate, server) = candidate();
    let record = json!({"spec": {"holderIdentity": "me", "leaseDurationSeconds": 35, "leaseTransitions": 0}});
    let played = server.play([get(LEASE).not_found(), create(LEASE).sends(&record).reply_json(lease(1, "me", 0))]);
    let before = Instant::now();
    assert_eq!(candidate.acquire().await, before + 30 * SECOND);
    played.complete().await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_taken_after_it_was_seen_unchanged_for_its_duration() {
    let (mut candidate, server) = candidate();
    let renewed = [get(LEASE).reply_json(lease(1, "them", 0)), get(LEASE).reply_json(lease(2, "them", 1))];
    let played = server.play(
        renewed.into_iter().chain([
            // Another version, because somebody put a label on it: that is no sign of life.
            get(LEASE).reply_json(lease(3, "them", 1)),
            get(LEASE).reply_json(lease(3, "them", 1)),
            get(LEASE).reply_json(lease(3, "them", 1)),
            update(LEASE)
                .sends(&json!({"metadata": {"resourceVersion": "3"}, "spec": {"holderIdentity": "me", "leaseTransitions": 4}}))
                .reply_json(lease(4, "me", 20)),
        ]),
    );
    let start = Instant::now();
    candidate.acquire().await;
    let took = start.elapsed();
    // The second look comes after 5 to 6 s; the record is the same from then on.
    assert!((20 * SECOND..=23 * SECOND).contains(&took), "{took:?}");
    played.complete().await;
}

#[tokio::test(start_paused = true)]
async fn who_loses_the_race_waits_again() {
    let (mut candidate, server) = candidate();
    let played = server.play([
        get(LEASE).reply_json(lease(1, "", 0)),
        update(LEASE).conflict(),
        get(LEASE).reply_json(lease(2, "them", 1)),
        get(LEASE).reply_json(lease(3, "", 2)),
        update(LEASE).sends(&over(3, "me")).reply_json(lease(4, "me", 3)),
    ]);
    candidate.acquire().await;
    played.complete().await;
}

#[tokio::test(start_paused = true)]
async fn a_leader_renews_without_reading_and_keeps_the_fence_open() {
    let (mut candidate, server, fence, until) = leader().await;
    let played = server.play([
        update(LEASE).sends(&over(2, "me")).reply_json(lease(3, "me", 6)),
        update(LEASE).sends(&over(3, "me")).reply_json(lease(4, "me", 11)),
        update(LEASE).hang().times(9),
    ]);
    let start = Instant::now();
    let lost = candidate.hold(&fence, until).await;
    // Renewed 5 and 10 s after the start, and then no more.
    assert_eq!(start.elapsed(), 40 * SECOND);
    assert_eq!(lost.to_string(), "lost the lease `flux-system/flux-operator`: it was not renewed within `30s`");
    assert_eq!(fence.check(), Err(Refused::Lapsed));
    drop(played.complete());
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_arrived_without_an_answer_counts_from_the_next_one() {
    let (mut candidate, server, fence, until) = leader().await;
    let played = server.play([
        update(LEASE).hang(),
        update(LEASE).sends(&over(2, "me")).conflict(),
        get(LEASE).reply_json(lease(3, "me", 6)),
        update(LEASE).sends(&over(3, "me")).reply_json(lease(4, "me", 21)),
        update(LEASE).sends(&over(4, "me")).not_found(),
    ]);
    let lost = candidate.hold(&fence, until).await;
    assert_eq!(lost.to_string(), "lost the lease `flux-system/flux-operator`: it was deleted");
    played.complete().await;
}

#[tokio::test(start_paused = true)]
async fn the_lease_of_somebody_else_is_lost_at_once() {
    for holder in ["them", ""] {
        let (mut candidate, server, fence, until) = leader().await;
        let played = server.play([update(LEASE).conflict(), get(LEASE).reply_json(lease(9, holder, 6))]);
        let start = Instant::now();
        let lost = candidate.hold(&fence, until).await;
        assert_eq!(start.elapsed(), 5 * SECOND);
        assert_eq!(
            lost.to_string(),
            format!("lost the lease `flux-system/flux-operator`: it was ours and is held by `{holder}`")
        );
        played.complete().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_was_stopped_for_too_long_does_not_even_ask() {
    let (mut candidate, server, fence, until) = leader().await;
    let played = server.play([]);
    let held = tokio::spawn(async move { candidate.hold(&fence, until).await.to_string() });
    tokio::task::yield_now().await;
    tokio::time::advance(60 * SECOND).await;
    assert!(held.await.unwrap().contains("not renewed within `30s`"));
    played.complete().await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_given_back_even_if_a_renewal_was_under_way() {
    let (mut candidate, server, ..) = leader().await;
    let empty =
        json!({"metadata": {"resourceVersion": "3"}, "spec": {"holderIdentity": "", "leaseDurationSeconds": 1}});
    let played = server.play([
        update(LEASE).sends(&over(2, "")).conflict(),
        get(LEASE).reply_json(lease(3, "me", 6)),
        update(LEASE).sends(&empty).reply_json(lease(4, "", 7)),
    ]);
    candidate.release().await.unwrap();
    // Once is enough.
    candidate.release().await.unwrap();
    played.complete().await;
}

#[tokio::test(start_paused = true)]
async fn the_lease_of_somebody_else_is_not_given_back() {
    let (mut candidate, server, ..) = leader().await;
    let played = server.play([update(LEASE).conflict(), get(LEASE).reply_json(lease(3, "them", 6))]);
    candidate.release().await.unwrap();
    played.complete().await;
}
