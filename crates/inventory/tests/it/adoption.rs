//! Taking objects over from whoever applied them before.

use flux_operator_api::{Object, annotations, labels};
use flux_operator_inventory::{Action, Policy};
use flux_operator_testkit::objects::{Builder, config_map, deployment};
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::world::World;

/// How somebody wrote an object.
enum By {
    /// Created by a client, as `kubectl create`, `kubectl apply` and Helm do.
    Update(&'static str),
    /// Applied on the server, as Flux does.
    Apply(&'static str),
}

async fn write(world: &World, by: &By, object: &Object) {
    let api = world.api(object);
    let data = serde_json::from_value(object.clone().into_value()).unwrap();
    match by {
        By::Update(manager) => {
            let params = PostParams { field_manager: Some((*manager).to_owned()), ..PostParams::default() };
            api.create(&params, &data).await.unwrap();
        }
        By::Apply(manager) => {
            api.patch(object.name(), &PatchParams::apply(manager).force(), &Patch::Apply(&data)).await.unwrap();
        }
    }
}

fn managers(live: &Object) -> Vec<(String, String)> {
    let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array).unwrap();
    let main = entries.iter().filter(|entry| entry.get("subresource").is_none());
    let mut managers: Vec<_> = main
        .map(|entry| (entry["manager"].as_str().unwrap().to_owned(), entry["operation"].as_str().unwrap().to_owned()))
        .collect();
    managers.sort();
    managers
}

/// Somebody has the object with a field of his own; after we applied it once, all that he left is
/// gone, and once more changes nothing.
async fn check(name: &str, by: By, marked: impl Fn(Builder) -> Builder) {
    let world = World::new(name).await;
    let map = || config_map("a").in_namespace(&world.namespace).data("shared", "1");
    write(&world, &by, &marked(map().data("theirs", "1")).build()).await;
    let ours = world.owned([map().data("ours", "1").build()]);

    let engine = world.engine();
    let outcome = world.apply(&engine, &ours).await;
    assert!(outcome.result.is_ok(), "{name}: {:?}", outcome.result);
    assert_eq!(outcome.changes.action(&ours[0].id()), Some(Action::Configured), "{name}");
    let live = world.live(&ours[0]).await.unwrap();
    assert_eq!(live.get("data"), Some(&json!({"shared": "1", "ours": "1"})), "{name}: their field has to go");
    assert_eq!(managers(&live), [("flux-operator".to_owned(), "Apply".to_owned())], "{name}");
    let foreign = [annotations::REMOVED_AT_TAKE_OVER, labels::REMOVED_AT_TAKE_OVER].concat();
    let mut keys = live.labels().chain(live.annotations()).map(|(key, _)| key);
    assert!(!keys.any(|key| foreign.contains(&key)), "{name}: {live:?}");

    let outcome = world.apply(&world.engine(), &ours).await;
    assert_eq!(outcome.changes.action(&ours[0].id()), Some(Action::Unchanged), "{name}");
    world.clean_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_kubectl_with_client_side_apply() {
    let last_applied = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"theirs": "1"}}).to_string();
    let marked = |map: Builder| map.annotation(annotations::KUBECTL_LAST_APPLIED, &last_applied);
    check("adopt-kubectl", By::Update("kubectl-client-side-apply"), marked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_kubectl_with_server_side_apply() {
    check("adopt-kubectl-server", By::Apply("kubectl"), |map| map).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_helm() {
    let marked = |map: Builder| {
        map.annotation(annotations::HELM_RELEASE_NAME, "flux").annotation(annotations::HELM_RELEASE_NAMESPACE, "flux")
    };
    check("adopt-helm", By::Update("helm"), marked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_flux_bootstrap() {
    let marked =
        |map: Builder| map.label(labels::KUSTOMIZATION_NAME, "flux").label(labels::KUSTOMIZATION_NAMESPACE, "flux");
    check("adopt-kustomize", By::Apply("kustomize-controller"), marked).await;
    check("adopt-flux", By::Apply("flux"), |map| map).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_is_undone_and_a_controller_keeps_its_fields() {
    let world = World::new("edit").await;
    let objects = world.owned([deployment("a").in_namespace(&world.namespace).replicas(1).build()]);
    let engine = world.engine();
    assert!(world.apply(&engine, &objects).await.result.is_ok());
    world
        .patch("kubectl-edit", &objects[0], json!({"spec": {"paused": true}, "metadata": {"labels": {"x": "1"}}}))
        .await;
    world.patch("some-controller", &objects[0], json!({"metadata": {"annotations": {"theirs": "1"}}})).await;

    let outcome = world.apply(&engine, &objects).await;
    assert_eq!(outcome.changes.action(&objects[0].id()), Some(Action::Configured), "{:?}", outcome.result);
    let live = world.live(&objects[0]).await.unwrap();
    assert_eq!(live.pointer("/spec/paused"), None);
    assert!(!live.labels().any(|(key, _)| key == "x"));
    assert!(live.annotations().any(|annotation| annotation == ("theirs", "1")));
    world.clean_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_that_is_named_is_taken_over_too() {
    let world = World::new("adopt-named").await;
    let map = |key: &str| config_map("a").in_namespace(&world.namespace).data(key, "1").build();
    write(&world, &By::Apply("tofu"), &map("theirs")).await;
    let ours = world.owned([map("ours")]);
    let policy = Policy { predecessors: vec!["tofu".to_owned()], ..Policy::default() };
    assert!(world.apply_with(&world.engine(), &ours, &policy).await.result.is_ok());
    assert_eq!(world.live(&ours[0]).await.unwrap().get("data"), Some(&json!({"ours": "1"})));
    world.clean_up().await;
}
