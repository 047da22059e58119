//! Instances that cannot be, and clusters that are not ready for one.

use flux_operator_api::annotations;
use flux_operator_testkit::proxy::{Fault, Match, Proxy, Rule, Verb};
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::process::Operator;
use crate::world::{World, condition, kubeconfig, spec, the_only_flux, until, with};

/// Stalled with this message, in conditions, history and an event; and what runs, runs on.
async fn assert_stalled(world: &World, message: &str) -> Value {
    let instance = world.until_stalled().await;
    for r#type in ["Ready", "Stalled"] {
        let (_, reason, said) = condition(&instance, r#type);
        assert_eq!(reason, "BuildFailed");
        assert!(said.starts_with("build failed: ") && said.contains(message), "{said}");
    }
    assert_eq!(condition(&instance, "Ready").0, "False");
    assert_eq!(condition(&instance, "Reconciling").0, "");
    assert_eq!(instance["status"]["history"][0]["lastReconciledStatus"], "BuildFailed");
    world.until_told(message).await;
    instance
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_specs_stall_and_the_running_flux_is_left_alone() {
    let _flux = the_only_flux().await;
    let world = World::new("wrong").await;
    let _operator = world.operator();
    world.apply(&spec("2.9.90")).await;
    world.until_ready().await;
    let (installed, versions) = (world.owned().await, world.versions().await);

    world.apply(&spec("2.6.x")).await;
    let downgrade = "downgrading from v2.9.90 to v2.6.90 is not supported, reinstall needed";
    assert_stalled(&world, downgrade).await;
    world.apply(&spec("9.x")).await;
    assert_stalled(&world, "no Flux release matches `spec.distribution.version`: `9.x`").await;
    world
        .apply(&with(spec("2.9.x"), &json!({"cluster": {"domain": "not a domain"}, "components": ["helm-controller"]})))
        .await;
    assert_stalled(&world, "`spec.cluster.domain`").await;
    let patches = json!([{"target": {"kind": "Deployment", "name": "source-controller"}, "patch": "- op: test\n  path: /kind\n  value: No\n"}]);
    world.apply(&with(spec("2.9.x"), &json!({"kustomize": {"patches": patches}}))).await;
    assert_stalled(&world, "spec.kustomize.patches[0]").await;

    assert_eq!(world.owned().await, installed);
    assert_eq!(world.versions().await, versions);

    // Stalled instances are looked at again at their interval.
    let entries = |instance: &Value| instance["status"]["history"][0]["totalReconciliations"].as_i64();
    let before = entries(&world.instance().await);
    world.patch(json!({"metadata": {"annotations": {annotations::RECONCILE_EVERY: "1s"}}})).await;
    world.until("it is looked at again", |instance| entries(instance) > before.map(|before| before + 1)).await;

    world.apply(&spec("2.9.x")).await;
    world.until_ready().await;
    assert_eq!(world.versions().await, versions);
    world.delete().await;
    assert_eq!(world.owned().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_storage_path_is_named_and_deletion_works() {
    let world = World::new("storage").await;
    let _operator = Operator::alone(&kubeconfig(), &world.namespace, "/nowhere/at/all".as_ref());
    world.apply(&spec("2.9.x")).await;
    assert_stalled(&world, "storage path /nowhere/at/all/flux does not exist").await;
    world.delete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_artifact_fails_as_transient() {
    let world = World::new("artifact").await;
    let _operator = world.operator();
    world.apply(&json!({"distribution": {"version": "2.x", "registry": "ghcr.io/fluxcd", "artifact": "oci://localhost:1/none"}})).await;
    let instance = world.until("it fails", |instance| condition(instance, "Ready").1 == "ArtifactFailed").await;
    assert!(
        condition(&instance, "Ready")
            .2
            .starts_with("fetch failed: cannot pull `oci://localhost:1/none`: registry `localhost:1` cannot")
    );
    assert_eq!(condition(&instance, "Reconciling"), ("True", "ProgressingWithRetry", "Reconciliation in progress"));
    assert_eq!(condition(&instance, "Stalled").0, "");
    assert_eq!(instance["status"]["history"], Value::Null);
    assert_eq!(instance["status"]["lastAttemptedRevision"], Value::Null);
    world.delete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_instance_counts() {
    let world = World::new("only").await;
    let operator = world.operator();
    let named = json!({
        "apiVersion": "fluxcd.controlplane.io/v1", "kind": "FluxInstance", "metadata": {"name": "other"}, "spec": spec("2.x"),
    });
    let instance: DynamicObject = serde_json::from_value(named).unwrap();
    let refused = world.instances().create(&PostParams::default(), &instance).await.unwrap_err();
    assert!(refused.to_string().contains("has to be named `flux`"), "{refused}");

    // Somebody else's, in another namespace, is left alone, and the log says so.
    let other = World::new("elsewhere").await;
    other.apply(&spec("2.9.x")).await;
    let said = format!("FluxInstance/{}/flux is ignored", other.namespace);
    until("it is ignored", async || operator.log().contains(&said).then_some(())).await;
    assert_eq!(other.instance().await["metadata"]["finalizers"], Value::Null);
    other.delete().await;
}

/// An older schema let something in that this one does not know.
#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_spec_stalls_and_can_be_deleted() {
    let _flux = the_only_flux().await;
    let world = World::new("unreadable").await;
    let operator = world.operator();
    world.apply(&spec("2.9.90")).await;
    world.until_ready().await;
    let installed = world.owned().await;

    let definition = flux_operator_api::Object::try_from(flux_operator_api::crd::flux_instance()).unwrap();
    let anything = json!([{"op": "replace", "path": "/spec/versions/0/schema/openAPIV3Schema/properties/spec", "value": {
        "type": "object", "x-kubernetes-preserve-unknown-fields": true,
    }}]);
    let patch: Patch<Value> = Patch::Json(serde_json::from_value(anything).unwrap());
    let definitions: Api<DynamicObject> = world.api(&definition);
    definitions.patch(definition.name(), &PatchParams::default(), &patch).await.unwrap();
    until("the schema is forgotten", async || {
        let old = json!({"spec": {"distribution": {"version": 2}}});
        world.instances().patch("flux", &PatchParams::default(), &Patch::Merge(old)).await.ok()
    })
    .await;
    let instance = world.until_stalled().await;
    assert!(condition(&instance, "Ready").2.starts_with("build failed: `spec` cannot be read: "), "{instance:#}");
    assert_eq!(world.owned().await, installed);
    world.delete().await;
    assert_eq!(world.owned().await.len(), 0);
    drop(operator);
    world.install_crd().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_operator_may_not_watch_it_names() {
    let world = World::new("watchless").await;
    let proxy = Proxy::start(world.config.clone()).await.unwrap();
    let watching = |verb| Match::verb(verb).resource("fluxinstances");
    for verb in [Verb::List, Verb::Watch] {
        proxy.rule(Rule::new(watching(verb), Fault::Answer(http::StatusCode::FORBIDDEN)));
    }
    let operator = world.operator_behind(&proxy);
    let said = "needs `get`, `list` and `watch` on `fluxinstances.fluxcd.controlplane.io`";
    until("it says what it needs", async || operator.log().contains(said).then_some(())).await;
    assert_eq!(operator.ask("--health-addr", "/readyz").await, (503, "the caches are not synced".to_owned()));
    proxy.clear_rules();
    operator.is_ready().await;
}
