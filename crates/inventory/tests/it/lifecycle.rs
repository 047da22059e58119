//! From nothing to an installation, and back.

use std::time::Duration;

use flux_operator_api::{Object, annotations};
use flux_operator_inventory::health::Verdict;
use flux_operator_inventory::{Action, Entry, Outcome, Policy, Recreate, SkipReason};
use flux_operator_testkit::objects::{config_map, crd, custom, deployment, namespace, secret};
use flux_operator_testkit::proxy::Verb;
use serde_json::json;

use crate::world::{World, distributions, flux, the_only_flux};

#[track_caller]
fn complete(outcome: &Outcome) {
    assert!(outcome.result.is_ok(), "{}", outcome.result.as_ref().unwrap_err());
}

fn actions(outcome: &Outcome) -> Vec<String> {
    outcome.changes.iter().map(ToString::to_string).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn flux_is_installed_kept_upgraded_and_taken_away() {
    let _flux = the_only_flux().await;
    for (distribution, old, new) in distributions() {
        let world = World::new("flux-lifecycle").await;
        let engine = world.engine();
        let install = flux(&distribution, old, &world.namespace);

        // Created, in the order of the stages, and recorded.
        let outcome = world.apply(&engine, &install).await;
        complete(&outcome);
        assert_eq!(outcome.changes.count(Action::Created), install.len() - 1, "{}", outcome.changes);
        let namespace = install.iter().find(|object| object.kind() == "Namespace").unwrap();
        assert_eq!(outcome.changes.action(&namespace.id()), Some(Action::Configured), "the namespace was there");
        assert_eq!(outcome.inventory, world.stored().await);
        assert_eq!(outcome.inventory.len(), install.len());
        let entries: Vec<Entry> = install.iter().map(Entry::from).collect();
        let summary = engine.wait(&entries, Duration::from_secs(60)).await.unwrap();
        assert_eq!(summary.verdict(), Verdict::Ready, "{}", summary.timeout_message());

        // Once more: nothing is written, not even the inventory.
        let before = world.versions(&install).await;
        let counts = world.proxy.counts();
        let outcome = world.apply(&engine, &install).await;
        complete(&outcome);
        assert_eq!(outcome.changes.count(Action::Unchanged), install.len(), "{}", outcome.changes);
        assert_eq!(world.proxy.counts().since(&counts).writes(), 0, "{}", world.proxy.story());
        let mut after = world.versions(&install).await;
        // Their status changes by itself.
        after.retain(|id, _| id.kind != "Deployment");
        assert!(after.iter().all(|(id, version)| before.get(id) == Some(version)));

        // One object differs: only that one is written.
        let drifted = install.iter().find(|object| object.kind() == "Service").unwrap();
        world.patch("somebody", drifted, json!({"spec": {"selector": {"app": "other"}}})).await;
        let outcome = world.apply(&engine, &install).await;
        complete(&outcome);
        let effective: Vec<_> = outcome.changes.effective().cloned().collect();
        assert_eq!(effective.len(), 1, "{}", outcome.changes);
        assert_eq!((&effective[0].id, effective[0].action), (&drifted.id(), Action::Configured));
        assert_eq!(effective[0].fields, ["/spec/selector/app"]);

        // Another version: everything is written, and what it does not have goes away.
        let upgrade = flux(&distribution, new, &world.namespace);
        let outcome = world.apply(&engine, &upgrade).await;
        complete(&outcome);
        assert_eq!(outcome.inventory.len(), upgrade.len());
        world.assert_nothing_is_unrecorded(&[&install[..], &upgrade[..]].concat(), "after the upgrade").await;

        // Away: the namespace is marked to be kept.
        let entries: Vec<Entry> = outcome.inventory.iter().cloned().collect();
        let deletion = engine.delete(&entries).await;
        assert!(deletion.failures.is_empty(), "{:?}", deletion.failures);
        assert_eq!(deletion.changes.count(Action::Deleted), upgrade.len() - 1);
        let kept = deletion.changes.action(&namespace.id());
        assert_eq!(kept, Some(Action::Skipped(SkipReason::PruneDisabled)));
        assert_eq!(engine.wait_gone(&deletion.terminating, Duration::from_secs(60)).await.unwrap(), []);
        let left = world.all_owned(&upgrade).await;
        assert_eq!(left.into_iter().collect::<Vec<_>>(), [namespace.id()]);
        world.clean_up().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_are_ready_before_what_they_define() {
    let world = World::new("stages").await;
    let objects = world.owned([
        custom("stages.example.com/v1", "Widget", "w").in_namespace("stages-new").build(),
        config_map("a").in_namespace("stages-new").data("k", "v").build(),
        namespace("stages-new").build(),
        crd("widgets.stages.example.com", "Widget").build(),
    ]);
    let outcome = world.apply(&world.engine(), &objects).await;
    complete(&outcome);
    let expected = [
        "CustomResourceDefinition/widgets.stages.example.com created",
        "Namespace/stages-new created",
        "ConfigMap/stages-new/a created",
        "Widget/stages-new/w created",
    ];
    assert_eq!(actions(&outcome), expected);

    // What is stale goes in the reverse order, and the kind that nobody defines any more with it.
    let outcome = world.apply(&world.engine(), &[]).await;
    complete(&outcome);
    let expected: Vec<_> = expected.iter().rev().map(|line| line.replace("created", "deleted")).collect();
    assert_eq!(actions(&outcome), expected);
    world.clean_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stale_goes_and_what_is_kept_or_not_ours_stays() {
    let world = World::new("prune").await;
    let map = |name: &str| config_map(name).in_namespace(&world.namespace);
    let [a, b, c, d] = world
        .owned([
            map("a").build(),
            map("b").annotation(annotations::PRUNE, "Disabled").build(),
            map("c").build(),
            map("d").build(),
        ])
        .try_into()
        .unwrap();
    let all = [a.clone(), b.clone(), c.clone(), d.clone()];
    let engine = world.engine();
    complete(&world.apply(&engine, &all).await);
    // One loses its labels, and one is already gone.
    world.patch("somebody", &c, json!({"metadata": {"labels": {"fluxcd.controlplane.io/name": "other"}}})).await;
    world.api(&d).delete(d.name(), &kube::api::DeleteParams::default()).await.unwrap();

    let outcome = world.apply(&engine, &[]).await;
    complete(&outcome);
    assert_eq!(outcome.changes.action(&a.id()), Some(Action::Deleted));
    assert_eq!(outcome.changes.action(&b.id()), Some(Action::Skipped(SkipReason::PruneDisabled)));
    assert_eq!(outcome.changes.action(&c.id()), Some(Action::Skipped(SkipReason::NotOwned)));
    assert_eq!(outcome.changes.action(&d.id()), Some(Action::Deleted));
    let there = world.versions(&all).await;
    assert_eq!(there.into_keys().collect::<Vec<_>>(), [b.id(), c.id()]);
    assert!(world.stored().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_on_its_way_out_is_waited_for_and_created_anew() {
    let world = World::new("outlast").await;
    let engine = world.engine();
    let objects = world.owned([config_map("a").in_namespace(&world.namespace).build()]);
    complete(&world.apply(&engine, &objects).await);
    let held = |finalizers: serde_json::Value| json!({"metadata": {"finalizers": finalizers}});
    world.patch("somebody", &objects[0], held(json!(["example.com/hold"]))).await;
    world.api(&objects[0]).delete("a", &kube::api::DeleteParams::default()).await.unwrap();
    let old = world.live(&objects[0]).await.unwrap();

    let release = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        world.patch("somebody", &objects[0], held(json!(null))).await;
    };
    let (outcome, ()) = tokio::join!(world.apply(&engine, &objects), release);
    complete(&outcome);
    assert_eq!(outcome.changes.action(&objects[0].id()), Some(Action::Created));
    let new = world.live(&objects[0]).await.unwrap();
    assert_ne!(new.pointer("/metadata/uid"), old.pointer("/metadata/uid"));
    world.clean_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_was_replaced_in_between_is_not_deleted() {
    use flux_operator_testkit::proxy::{Fault, Match, Rule};
    let world = World::new("replaced").await;
    let object = &world.owned([config_map("a").in_namespace(&world.namespace).build()])[0];
    let engine = world.engine();
    complete(&world.apply(&engine, std::slice::from_ref(object)).await);

    // The deletion is on its way for a second. Somebody deletes the object and makes one of his own.
    world.proxy.rule(Rule::new(Match::verb(Verb::Delete), Fault::Delay(Duration::from_secs(1))).times(1));
    let replace = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        let api = world.api(object);
        api.delete(object.name(), &kube::api::DeleteParams::default()).await.unwrap();
        let theirs =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"theirs": "1"}});
        api.create(&kube::api::PostParams::default(), &serde_json::from_value(theirs).unwrap()).await.unwrap();
    };
    let (outcome, ()) = tokio::join!(world.apply(&engine, &[]), replace);
    complete(&outcome);
    assert_eq!(outcome.changes.action(&object.id()), Some(Action::Skipped(SkipReason::NotOwned)));
    assert_eq!(world.live(object).await.unwrap().pointer("/data/theirs"), Some(&json!("1")));
    assert!(world.proxy.unused_rules().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_immutable_field_is_named_and_fought_only_where_asked() {
    let world = World::new("immutable").await;
    let engine = world.engine();
    let map = |value: &str| config_map("a").in_namespace(&world.namespace).data("k", value).immutable();
    let selecting = |app: &str| {
        let labels = json!({"app": app});
        deployment("a")
            .in_namespace(&world.namespace)
            .set("/spec/selector/matchLabels", labels.clone())
            .set("/spec/template/metadata/labels", labels)
    };
    let before = world.owned([map("1").build(), selecting("one").build()]);
    complete(&world.apply(&engine, &before).await);

    let after = world.owned([map("2").build(), selecting("two").build()]);
    let outcome = world.apply(&engine, &after).await;
    let error = outcome.result.unwrap_err().to_string();
    assert!(error.contains("ConfigMap/immutable-test/a dry-run failed (Invalid)"), "{error}");
    assert!(error.contains("Deployment/immutable-test/a dry-run failed (Invalid)"), "{error}");
    assert!(error.contains("spec.selector") && error.contains("immutable"), "{error}");
    assert_eq!(world.live(&after[0]).await.unwrap().pointer("/data/k"), Some(&json!("1")));

    let uid = |object: Object| object.pointer("/metadata/uid").cloned();
    let old = uid(world.live(&after[1]).await.unwrap());
    let policy = Policy { recreate: Recreate::Always, ..Policy::default() };
    let outcome = world.apply_with(&engine, &after, &policy).await;
    complete(&outcome);
    assert_eq!(outcome.changes.count(Action::Configured), 2, "{}", outcome.changes);
    assert_ne!(uid(world.live(&after[1]).await.unwrap()), old);
    assert_eq!(world.live(&after[0]).await.unwrap().pointer("/data/k"), Some(&json!("2")));
    world.clean_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_switched_off_in_the_cluster_is_left_alone_where_that_counts() {
    let world = World::new("disabled").await;
    let engine = world.engine();
    let map = |value: &str| world.owned([config_map("a").in_namespace(&world.namespace).data("k", value).build()]);
    complete(&world.apply(&engine, &map("1")).await);
    let off = json!({"metadata": {"annotations": {annotations::RECONCILE: "disabled"}}});
    world.patch("somebody", &map("1")[0], off).await;

    let honouring = Policy { honours_reconcile: true, ..Policy::default() };
    let outcome = world.apply_with(&engine, &map("2"), &honouring).await;
    complete(&outcome);
    let id = map("1")[0].id();
    assert_eq!(outcome.changes.action(&id), Some(Action::Skipped(SkipReason::ReconcileDisabled)));
    assert_eq!(world.live(&map("1")[0]).await.unwrap().pointer("/data/k"), Some(&json!("1")));
    assert!(world.stored().await.contains(&id), "it is still ours");

    let outcome = world.apply(&engine, &map("2")).await;
    assert_eq!(outcome.changes.action(&id), Some(Action::Configured));
    world.clean_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_given_as_text_does_not_drift_and_does_not_leak() {
    let world = World::new("secret").await;
    let engine = world.engine();
    let objects = world.owned([secret("a").in_namespace(&world.namespace).set("/stringData/k", "canary-4711").build()]);
    complete(&world.apply(&engine, &objects).await);
    let outcome = world.apply(&world.engine(), &objects).await;
    assert_eq!(outcome.changes.count(Action::Unchanged), 1, "{}", outcome.changes);

    let wrong = world.owned([secret("a").in_namespace(&world.namespace).set("/data/k", "canary-4711!").build()]);
    let outcome = world.apply(&engine, &wrong).await;
    let error = format!("{0} {0:?}", outcome.result.unwrap_err());
    assert!(error.contains("Secret/secret-test/a") && !error.contains("canary"), "{error}");
    world.clean_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_does_not_exist_is_a_failure_that_names_it() {
    let world = World::new("unknown-field").await;
    let objects = world.owned([deployment("a").in_namespace(&world.namespace).set("/spec/replicaz", 2).build()]);
    let outcome = world.apply(&world.engine(), &objects).await;
    let error = outcome.result.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("Deployment/unknown-field-test/a") && text.contains("replicaz"), "{text}");
    assert!(!error.is_transient(), "{text}");
    assert_eq!(world.versions(&objects).await.len(), 0);
    assert!(world.stored().await.is_empty(), "nothing was to be written");

    let objects = world.owned([custom("nowhere.example.com/v1", "Widget", "w").in_namespace(&world.namespace).build()]);
    let outcome = world.apply(&world.engine(), &objects).await;
    let error = outcome.result.unwrap_err().to_string();
    assert!(error.contains("no kind `Widget` in `nowhere.example.com/v1`"), "{error}");
}
