//! What a run costs, counted at the proxy.

use std::time::Duration;

use flux_operator_inventory::{Action, Entry};
use flux_operator_testkit::proxy::Verb;

use crate::world::{World, distributions, flux, the_only_flux};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_asks_for_no_more_than_it_has_to() {
    let _flux = the_only_flux().await;
    for (distribution, _, version) in distributions() {
        let world = World::new("requests").await;
        let objects = flux(&distribution, version, &world.namespace);
        let kinds: std::collections::BTreeSet<_> = objects.iter().map(|object| object.kind().to_owned()).collect();
        let engine = world.engine();

        let before = world.proxy.counts();
        let outcome = world.apply(&engine, &objects).await;
        assert!(outcome.result.is_ok(), "{:?}", outcome.result);
        let install = world.proxy.counts().since(&before);
        assert!(install.total() <= 3 * objects.len(), "{} requests\n{install}", install.total());

        let entries: Vec<Entry> = objects.iter().map(Entry::from).collect();
        engine.wait(&entries, Duration::from_secs(60)).await.unwrap();
        world.proxy_is_quiet().await;

        // As after a restart: everything is verified.
        let fresh = world.engine();
        let before = world.proxy.counts();
        let outcome = world.apply(&fresh, &objects).await;
        assert_eq!(outcome.changes.count(Action::Unchanged), objects.len());
        let verified = world.proxy.counts().since(&before);
        assert!(verified.total() <= objects.len() + kinds.len(), "{} requests\n{verified}", verified.total());
        assert!(verified.of_verb(Verb::DryRun) <= 5, "what is settled needs no dry run\n{verified}");
        assert_eq!(verified.writes(), 0);

        // With watches: nothing is asked for, whether it is applied or ready.
        fresh.watch(&outcome.inventory).await.unwrap();
        world.proxy_is_quiet().await;
        fresh.wait(&entries, Duration::from_secs(60)).await.unwrap();
        world.proxy_is_quiet().await;
        // What controllers did meanwhile to kinds that count no generations is verified once.
        assert!(world.apply(&fresh, &objects).await.result.is_ok());
        let before = world.proxy.counts();
        let outcome = world.apply(&fresh, &objects).await;
        assert_eq!(outcome.changes.count(Action::Unchanged), objects.len());
        fresh.wait(&entries, Duration::from_secs(60)).await.unwrap();
        let unchanged = world.proxy.counts().since(&before);
        assert_eq!(unchanged.total(), 0, "{unchanged}\n{}", world.proxy.story());
        println!(
            "{} objects of {} kinds: install {}, verified {}, unchanged {}",
            objects.len(),
            kinds.len(),
            install.total(),
            verified.total(),
            unchanged.total()
        );
        world.clean_up().await;
    }
}
