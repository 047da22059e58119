//! One request of an install goes wrong.
//!
//! `FLUX_OPERATOR_TEST_EVERY=1` tries every fault at every request; without it, a sample.

use std::time::Duration;

use flux_operator_api::Object;
use flux_operator_inventory::Action;
use flux_operator_testkit::cases::spread;
use flux_operator_testkit::proxy::{Fault, Match, Rule};
use flux_operator_testkit::workspace;
use http::StatusCode;

use crate::world::{World, flux, the_only_flux};

fn faults() -> Vec<Fault> {
    let answers =
        [StatusCode::CONFLICT, StatusCode::GONE, StatusCode::INTERNAL_SERVER_ERROR, StatusCode::SERVICE_UNAVAILABLE];
    let mut faults: Vec<Fault> = answers.into_iter().map(Fault::Answer).collect();
    faults.extend([Fault::Throttle(Duration::from_secs(1)), Fault::Hang, Fault::Cut, Fault::CutAfter, Fault::Truncate]);
    faults
}

/// Runs until a run succeeds; a second one has to do for one fault.
async fn converge(world: &World, objects: &[Object], context: &str) {
    let mut last = None;
    for _ in 0..2 {
        let outcome = world.apply(&world.engine(), objects).await;
        world.assert_nothing_is_unrecorded(objects, context).await;
        match outcome.result {
            Ok(()) => return,
            Err(error) => last = Some(error),
        }
    }
    panic!("{context}: {}\n{}", last.unwrap(), world.proxy.story());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_install_converges_whichever_request_goes_wrong() {
    let _flux = the_only_flux().await;
    let world = World::new("faults").await;
    let objects = flux(&workspace::distribution(), "2.9.90", &world.namespace);
    for fault in faults() {
        // How many requests there are depends a little on how fast the cluster is.
        world.proxy.clear_rules();
        world.proxy.reset();
        converge(&world, &objects, "without a fault").await;
        world.clean_up().await;
        let requests = world.proxy.counts().total();
        let mut tried = 0;
        for nth in spread(requests, 4) {
            let context = format!("{fault} at request {nth} of {requests}");
            world.proxy.clear_rules();
            world.proxy.reset();
            world.proxy.rule(Rule::new(Match::any(), fault.clone()).nth(nth));
            converge(&world, &objects, &context).await;
            let live = world.versions(&objects).await;
            assert_eq!(live.len(), objects.len(), "{context}: something is missing");
            assert_eq!(world.all_owned(&objects).await.len(), objects.len(), "{context}: something is too many");
            let again = world.apply(&world.engine(), &objects).await;
            assert_eq!(again.changes.count(Action::Unchanged), objects.len(), "{context}: {}", again.changes);
            world.clean_up().await;
            tried += 1;
        }
        println!("{fault} at {tried} of {requests} requests, always converged");
    }
}
