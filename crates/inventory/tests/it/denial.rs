//! The API server says no.

use std::time::Duration;

use flux_operator_api::Object;
use flux_operator_inventory::{Action, Engine, EngineOptions, RequestLimits};
use flux_operator_testkit::objects::{api, config_map, deployment, service_account};
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

use crate::world::World;

async fn put(client: &kube::Client, object: Value) {
    let object = Object::try_from(object).unwrap();
    let data: DynamicObject = serde_json::from_value(object.clone().into_value()).unwrap();
    let params = PatchParams::apply("test").force();
    api(client, &object).patch(object.name(), &params, &Patch::Apply(&data)).await.unwrap();
}

/// A policy that denies one ConfigMap of the namespace, by a name that can be changed. It lets dry
/// runs pass where `only_writes` says so, as a webhook may that cannot do them.
async fn policy(world: &World, name: &str, only_writes: bool) {
    let group = "admissionregistration.k8s.io/v1";
    let dry_run = if only_writes { "(has(request.dryRun) && request.dryRun) || " } else { "" };
    put(&world.direct, json!({
        "apiVersion": group, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": world.namespace}},
                "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["configmaps"]}],
            },
            "validations": [{"expression": format!("{dry_run}object.metadata.name != params.data.name"), "message": "not this one"}],
        },
    }))
    .await;
    put(
        &world.direct,
        json!({
            "apiVersion": group, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
            "spec": {
                "policyName": name, "validationActions": ["Deny"],
                "paramRef": {"name": name, "namespace": "default", "parameterNotFoundAction": "Allow"},
            },
        }),
    )
    .await;
}

/// Denies the ConfigMap `denied` from now on, and returns once the API server does so.
async fn deny(world: &World, policy: &str, denied: &str) {
    put(&world.direct, json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": policy, "namespace": "default"}, "data": {"name": denied},
    }))
    .await;
    let probe: Api<DynamicObject> = Api::namespaced_with(
        world.direct.clone(),
        &world.namespace,
        &ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "ConfigMap")),
    );
    for _ in 0..600 {
        let map =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": denied}, "data": {"probe": "1"}});
        let written = probe.patch(denied, &PatchParams::apply("probe"), &Patch::Apply(map)).await;
        let gone = kube::api::DeleteParams::default();
        match written {
            Err(_) => return,
            Ok(_) => drop(probe.delete(denied, &gone).await),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the policy does not deny `{denied}`");
}

async fn every_object_may_be_denied(name: &str, only_writes: bool) {
    const COUNT: usize = 6;
    let world = World::new(name).await;
    let objects = world.owned((0..COUNT).map(|n| config_map(&format!("m{n}")).in_namespace(&world.namespace).build()));
    policy(&world, name, only_writes).await;
    for denied in &objects {
        deny(&world, name, denied.name()).await;
        let outcome = world.apply(&world.engine(), &objects).await;
        let error = outcome.result.unwrap_err().to_string();
        assert!(error.contains(&denied.id().to_string()) && error.contains("not this one"), "{error}");
        assert_eq!(world.live(denied).await, None);
        world.assert_nothing_is_unrecorded(&objects, denied.name()).await;
        if only_writes {
            assert_eq!(outcome.changes.count(Action::Created), COUNT - 1, "{}", outcome.changes);
        } else {
            assert!(world.versions(&objects).await.is_empty(), "nothing of a stage is written that is refused in part");
            assert!(world.stored().await.is_empty());
        }
        deny(&world, name, "nobody").await;
        let outcome = world.apply(&world.engine(), &objects).await;
        assert!(outcome.result.is_ok(), "{:?}", outcome.result);
        assert_eq!(world.versions(&objects).await.len(), COUNT);
        world.clean_up().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_denies_dry_runs_keeps_the_whole_stage_out() {
    every_object_may_be_denied("denied-early", false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_denies_only_writes_leaves_nothing_unrecorded() {
    every_object_may_be_denied("denied-late", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_may_not_be_written_is_named() {
    let world = World::new("forbidden").await;
    let name = "inventory-test-forbidden";
    let group = "rbac.authorization.k8s.io";
    put(
        &world.direct,
        json!({
            "apiVersion": format!("{group}/v1"), "kind": "ClusterRole", "metadata": {"name": name},
            "rules": [{"apiGroups": [""], "resources": ["configmaps", "serviceaccounts"], "verbs": ["*"]}],
        }),
    )
    .await;
    put(
        &world.direct,
        json!({
            "apiVersion": format!("{group}/v1"), "kind": "ClusterRoleBinding", "metadata": {"name": name},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
            "subjects": [{"apiGroup": group, "kind": "User", "name": "limited"}],
        }),
    )
    .await;
    let mut config = world.config.clone();
    config.auth_info.impersonate = Some("limited".to_owned());
    let limited = kube::Client::try_from(config).unwrap();
    let requests = RequestLimits { attempts: 1, ..RequestLimits::default() };
    let engine = Engine::with_options(limited, world.owner(), EngineOptions { requests, ..EngineOptions::default() });

    let allowed = world.owned([
        config_map("a").in_namespace(&world.namespace).build(),
        service_account("a").in_namespace(&world.namespace).build(),
    ]);
    // Permissions arrive at the API server's authorizer a moment later.
    let mut outcome = world.apply(&engine, &allowed).await;
    for _ in 0..100 {
        if outcome.result.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        outcome = world.apply(&engine, &allowed).await;
    }
    assert!(outcome.result.is_ok(), "{:?}", outcome.result);

    let more = world.owned([deployment("a").in_namespace(&world.namespace).build()]);
    let outcome = world.apply(&engine, &[allowed, more].concat()).await;
    let error = outcome.result.unwrap_err().to_string();
    assert!(error.contains("Deployment/forbidden-test/a dry-run failed (Forbidden)"), "{error}");
    assert!(error.contains("cannot patch resource \"deployments\""), "{error}");
    world.clean_up().await;
}
