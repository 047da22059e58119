//! What a real API server cannot be made to say, by script.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use flux_operator_api::Object;
use flux_operator_inventory::health::Verdict;
use flux_operator_inventory::{
    Action, ApplyPlan, Engine, Entry, Inventory, InventoryStore, Outcome, Owner, Policy, SkipReason, StoreError,
    Verification,
};
use flux_operator_testkit::apiserver::{self, apply, delete, dry_run, expired, get, list, modified, watch};
use flux_operator_testkit::objects::{Builder, config_map, crd, deployment};
use serde_json::json;

/// Counts how often it was written, and refuses if it is told to.
#[derive(Default)]
struct Store {
    saved: Mutex<Vec<Inventory>>,
    is_broken: bool,
}

impl InventoryStore for Store {
    async fn save(&self, inventory: &Inventory) -> Result<(), StoreError> {
        if self.is_broken {
            return Err("the store is broken".into());
        }
        self.saved.lock().unwrap().push(inventory.clone());
        Ok(())
    }
}

fn owner() -> Owner {
    Owner::new("flux", "apps")
}

fn map() -> Builder {
    config_map("a").in_namespace("apps").owned_by("flux", "apps").data("k", "1")
}

/// As the API server has it.
fn stored(object: Builder) -> Builder {
    object.set("/metadata/uid", "u-1").set("/metadata/resourceVersion", "7")
}

async fn run(client: kube::Client, objects: Vec<Object>, store: &Store) -> Outcome {
    let plan = ApplyPlan::new(objects, &Inventory::default());
    Engine::new(client, owner()).apply(&plan, &Policy::default(), Verification::Full, store).await
}

#[tokio::test]
async fn who_is_asked_to_wait_does_so() {
    let (client, api) = apiserver::new();
    let target = "configmaps/apps/a";
    let played = api.play([
        dry_run(target).throttled(Duration::from_secs(1)),
        dry_run(target).query("force=true").query("fieldManager=flux-operator"),
        apply(target).too_many_requests(Duration::from_secs(1)),
        apply(target).reply(stored(map())),
    ]);
    let began = Instant::now();
    let store = Store::default();
    let outcome = run(client, vec![map().build()], &store).await;
    played.complete().await;
    assert!(outcome.result.is_ok(), "{:?}", outcome.result);
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(*store.saved.lock().unwrap(), [outcome.inventory]);
}

#[tokio::test]
async fn who_is_asked_to_wait_for_long_leaves_it_to_the_next_run() {
    let (client, api) = apiserver::new();
    let played = api.play([dry_run("configmaps/apps/a").too_many_requests(Duration::from_secs(3600))]);
    let error = run(client, vec![map().build()], &Store::default()).await.result.unwrap_err();
    played.complete().await;
    assert!(error.is_transient(), "{error}");
    assert!(error.to_string().starts_with("ConfigMap/apps/a dry-run failed (TooManyRequests)"), "{error}");
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_written() {
    let (client, api) = apiserver::new();
    let played = api.play([dry_run("configmaps/apps/a")]);
    let store = Store { is_broken: true, ..Store::default() };
    let outcome = run(client, vec![map().build()], &store).await;
    played.complete().await;
    let error = outcome.result.unwrap_err();
    assert_eq!(error.to_string(), "the inventory cannot be stored");
    assert!(outcome.changes.is_empty() && outcome.inventory.is_empty());
}

/// A CRD that nobody establishes is waited for as long as the caller wants, and has time.
#[tokio::test]
async fn a_stage_is_waited_for_no_longer_than_anybody_wants() {
    let soon = Duration::from_millis(300);
    for (timeout, newer, expected) in [
        (soon, Duration::MAX, "timeout waiting for: [CustomResourceDefinition/widgets.example.com"),
        (Duration::MAX, soon, "the wait for a stage was given up, there is something newer to do"),
    ] {
        let (client, api) = apiserver::new();
        let (all, target) = ("customresourcedefinitions", "customresourcedefinitions/widgets.example.com");
        let definition = || crd("widgets.example.com", "Widget").owned_by("flux", "apps");
        let played =
            api.play([dry_run(target), apply(target).reply(stored(definition())), watch(all).events([]).then_open()]);
        let (plan, store) = (ApplyPlan::new(vec![definition().build()], &Inventory::default()), Store::default());
        let engine = Engine::new(client, owner());
        let newer = tokio::time::sleep(newer);
        let policy = Policy::default();
        let began = Instant::now();
        let outcome = engine.apply_until(&plan, &policy, Verification::Full, &store, timeout, newer).await;
        let error = outcome.result.unwrap_err();
        assert!(error.to_string().starts_with(expected) && error.is_transient(), "{error}");
        assert!((soon..10 * soon).contains(&began.elapsed()), "{:?}", began.elapsed());
        assert_eq!((outcome.changes.len(), outcome.inventory.iter().count()), (1, 1), "what was done is not lost");
        played.complete().await;
    }
}

#[tokio::test]
async fn an_object_that_changes_while_it_is_deleted_is_looked_at_again() {
    let (client, api) = apiserver::new();
    let target = "configmaps/apps/a";
    let played = api.play([
        get(target).reply(stored(map())),
        delete(target).sends(&json!({"preconditions": {"uid": "u-1", "resourceVersion": "7"}})).conflict(),
        get(target).reply(stored(config_map("a").in_namespace("apps"))),
    ]);
    let entry = Entry::from(&map().build());
    let deletion = Engine::new(client, owner()).delete(std::slice::from_ref(&entry)).await;
    played.complete().await;
    assert_eq!(deletion.changes.action(&entry.id), Some(Action::Skipped(SkipReason::NotOwned)));
}

#[tokio::test]
async fn a_watch_whose_version_is_no_longer_kept_lists_anew() {
    let (client, api) = apiserver::new();
    let target = "deployments/apps";
    let workload = || stored(deployment("a").in_namespace("apps").owned_by("flux", "apps"));
    let ready = workload().set(
        "/status",
        json!({
            "observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "readyReplicas": 1,
            "conditions": [
                {"type": "Available", "status": "True"},
                {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
            ],
        }),
    );
    let ready = ready.set("/metadata/generation", 1);
    let played = api.play([
        list(target).items([workload()]),
        watch(target).events([expired()]),
        list(target).items([workload()]),
        watch(target).events([modified(ready)]).then_open(),
    ]);
    let entry = Entry::from(&workload().build());
    let engine = Engine::new(client, owner());
    let summary = engine.wait(std::slice::from_ref(&entry), Duration::from_secs(10)).await.unwrap();
    played.complete().await;
    assert_eq!(summary.verdict(), Verdict::Ready, "{}", summary.timeout_message());
}
