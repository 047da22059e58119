//! Objects of a CRD: stored in another version, and let go of.

use flux_operator_inventory::Migration;
use flux_operator_testkit::objects::{crd, custom};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::core::DynamicObject;
use serde_json::{Value, json};

use crate::world::World;

/// A version of a CRD that takes anything.
fn version(name: &str, is_storage: bool) -> Value {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    json!({"name": name, "served": true, "storage": is_storage, "schema": {"openAPIV3Schema": schema}})
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_version_can_be_dropped_once_nothing_is_stored_in_it() {
    let world = World::new("stored").await;
    let engine = world.engine();
    let definition = crd("boxes.stored.example.com", "Box").build();
    let definitions = world.api(&definition);
    let set_versions = async |versions: Value| {
        let patch = Patch::Merge(json!({"spec": {"versions": versions}}));
        definitions.patch(definition.name(), &PatchParams::default(), &patch).await
    };
    let only_old = world.owned([crd("boxes.stored.example.com", "Box")
        .set("/spec/versions", json!([version("v1alpha1", true)]))
        .build()]);
    let outcome = world.apply(&engine, &only_old).await;
    outcome.result.unwrap();
    let boxed = custom("stored.example.com/v1alpha1", "Box", "a").in_namespace(&world.namespace);
    let boxed = boxed.spec(json!({"size": 1})).build();
    let objects: Api<DynamicObject> = world.api(&boxed);
    let object: DynamicObject = serde_json::from_value(boxed.clone().into_value()).unwrap();
    let params = PostParams { field_manager: Some("somebody".to_owned()), ..PostParams::default() };
    objects.create(&params, &object).await.unwrap();

    set_versions(json!([version("v1alpha1", false), version("v1", true)])).await.unwrap();
    let refused = set_versions(json!([version("v1", true)])).await.unwrap_err();
    assert!(refused.to_string().contains("storedVersions"), "{refused}");

    assert_eq!(engine.migrate(definition.name(), false).await.unwrap(), Migration::Migrated(1));
    let stored = definitions.get(definition.name()).await.unwrap().data["status"]["storedVersions"].clone();
    assert_eq!(stored, json!(["v1"]));
    let managers = objects.get("a").await.unwrap().metadata.managed_fields.unwrap();
    let versions: Vec<_> = managers.iter().filter_map(|entry| entry.api_version.as_deref()).collect();
    assert_eq!(versions, ["stored.example.com/v1"]);
    set_versions(json!([version("v1", true)])).await.unwrap();

    // Nothing is left to do, unless somebody insists.
    assert_eq!(engine.migrate(definition.name(), false).await.unwrap(), Migration::UpToDate);
    assert_eq!(engine.migrate(definition.name(), true).await.unwrap(), Migration::Migrated(1));
    assert_eq!(engine.migrate("nowhere.example.com", true).await.unwrap(), Migration::UpToDate);
    world.clean_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_stored_to_the_last_moment_can_be_dropped() {
    let world = World::new("bridge").await;
    let engine = world.engine();
    let with = |versions: Value| {
        let definition = crd("bridges.stored.example.com", "Bridge").set("/spec/versions", versions).build();
        world.owned([definition]).remove(0)
    };
    let (old, new) = (with(json!([version("v1alpha1", true)])), with(json!([version("v1", true)])));
    world.apply(&engine, std::slice::from_ref(&old)).await.result.unwrap();
    let object = |api_version: &str| {
        let object = custom(api_version, "Bridge", "a").in_namespace(&world.namespace);
        object.spec(json!({"size": 1})).build()
    };
    let first = object("stored.example.com/v1alpha1");
    let created: DynamicObject = serde_json::from_value(first.clone().into_value()).unwrap();
    world.api(&first).create(&PostParams::default(), &created).await.unwrap();

    let refused = world.apply(&engine, std::slice::from_ref(&new)).await.result.unwrap_err();
    assert!(refused.to_string().contains("status.storedVersions"), "{refused}");
    assert_eq!(engine.migrate(new.name(), false).await.unwrap(), Migration::UpToDate, "there is no other version yet");
    assert_eq!(engine.make_way(&new).await.unwrap(), Migration::Migrated(1));
    world.apply(&engine, std::slice::from_ref(&new)).await.result.unwrap();
    let live = world.live(&object("stored.example.com/v1")).await.unwrap();
    assert_eq!(live.pointer("/spec/size"), Some(&json!(1)));
    assert_eq!(engine.make_way(&new).await.unwrap(), Migration::UpToDate);
    world.clean_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_without_a_controller_are_let_go() {
    let world = World::new("finalizers").await;
    let engine = world.engine();
    let definition = &world.owned([crd("gates.held.example.com", "Gate").build()])[0];
    world.apply(&engine, std::slice::from_ref(definition)).await.result.unwrap();
    for namespace in ["default", &world.namespace] {
        let held = custom("held.example.com/v1", "Gate", "a").in_namespace(namespace);
        let held = held.set("/metadata/finalizers", json!(["example.com/gone", "example.com/other"])).build();
        let object: DynamicObject = serde_json::from_value(held.clone().into_value()).unwrap();
        world.api(&held).create(&PostParams::default(), &object).await.unwrap();
        world.api(&held).delete("a", &DeleteParams::default()).await.unwrap();
    }
    assert_eq!(engine.strip_finalizers(definition.name()).await.unwrap(), 2);
    assert_eq!(engine.strip_finalizers(definition.name()).await.unwrap(), 0);
    let held = custom("held.example.com/v1", "Gate", "a").in_namespace(&world.namespace).build();
    assert!(world.live(&held).await.is_none());
    assert_eq!(engine.strip_finalizers("nowhere.example.com").await.unwrap(), 0);
    world.clean_up().await;
}
