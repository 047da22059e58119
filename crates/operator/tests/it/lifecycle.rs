//! The life of one instance, from the first look to the last.

use flux_operator_api::{Component, ObjectId, annotations};
use flux_operator_testkit::workspace;
use serde_json::{Value, json};

use crate::process::Operator;
use crate::world::{World, condition, is_ready, kubeconfig, spec, the_only_flux, with};

/// The Deployments of the instance that are there.
async fn deployments(world: &World) -> Vec<String> {
    let owned = world.owned().await;
    owned.iter().filter(|id| id.kind == "Deployment").map(|id| id.name.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn install_change_suspend_resume_uninstall() {
    let _flux = the_only_flux().await;
    let world = World::new("lifecycle").await;
    let operator = world.operator();

    // Suspended from the start: claimed, and nothing else.
    world.apply_annotated(&spec("2.9.90"), json!({annotations::RECONCILE: "Disabled"})).await;
    let instance =
        world.until("suspended", |instance| condition(instance, "Ready").1 == "ReconciliationDisabled").await;
    assert_eq!(condition(&instance, "Ready").2, "Initialized with reconciliation suspended");
    assert_eq!(instance["metadata"]["finalizers"], json!(["fluxcd.controlplane.io/finalizer"]));
    world.until_told("Warning ReconciliationDisabled").await;
    assert_eq!(world.owned().await.len(), 0);

    // Install.
    world.apply(&spec("2.6.90")).await;
    let instance = world.until_ready().await;
    world.assert_as_recorded("install").await;
    let revision = instance["status"]["lastAppliedRevision"].as_str().unwrap().to_owned();
    let (version, digest) = revision.split_once('@').unwrap();
    assert_eq!((version, digest.len()), ("v2.6.90", "sha256:".len() + 64));
    assert_eq!(instance["status"]["lastAttemptedRevision"], *revision);
    assert!(condition(&instance, "Ready").2.starts_with("Reconciliation finished in "));
    assert_eq!(condition(&instance, "Reconciling").0, "");
    let history = &instance["status"]["history"];
    assert_eq!(history.as_array().unwrap().len(), 1);
    assert_eq!((&history[0]["digest"], &history[0]["metadata"]["flux"]), (&json!(digest), &json!("v2.6.90")));
    let names: Vec<_> = instance["status"]["components"].as_array().unwrap().iter().map(|of| &of["name"]).collect();
    let core = ["source-controller", "kustomize-controller", "helm-controller", "notification-controller"];
    assert_eq!(names, core);
    let entries = instance["status"]["inventory"]["entries"].as_array().unwrap();
    let namespace = &world.namespace;
    for (id, version) in [
        (format!("{namespace}_source-controller_apps_Deployment"), "v1"),
        (format!("{namespace}_allow-egress_networking.k8s.io_NetworkPolicy"), "v1"),
        (format!("_cluster-reconciler-{namespace}_rbac.authorization.k8s.io_ClusterRoleBinding"), "v1"),
    ] {
        assert!(entries.contains(&json!({"id": id, "v": version})), "{id}: {entries:#?}");
    }
    let kept = world.live(&ObjectId::cluster("", "Namespace", namespace.as_str()), "v1").await.unwrap();
    assert_eq!(kept["metadata"]["annotations"]["fluxcd.controlplane.io/prune"], "disabled");
    let installed = world.until_told("installed\n").await;
    assert!(installed.starts_with("Normal ReconciliationSucceeded Flux v2.6.90 installed\n"), "{installed}");
    assert!(installed.contains(&format!("Deployment/{namespace}/source-controller created")), "{installed}");
    world.until_told(&format!("Normal Progressing Installing revision {revision}")).await;
    world.until_told("Normal OutdatedVersion Flux v2.6.90 is outdated, the latest stable version is v2.9.90").await;
    world.until_told("Normal ReconciliationSucceeded Reconciliation finished in ").await;

    let (_, metrics) = operator.ask("--metrics-addr", "/metrics").await;
    let uid = instance["metadata"]["uid"].as_str().unwrap();
    let series = format!(
        "flux_instance_info{{uid=\"{uid}\",kind=\"FluxInstance\",name=\"flux\",exported_namespace=\"{namespace}\",\
         ready=\"True\",reason=\"ReconciliationSucceeded\",suspended=\"False\",registry=\"ghcr.io/fluxcd\",\
         revision=\"{revision}\"}} 1\n"
    );
    assert!(metrics.contains(&series), "{series}{metrics}");
    assert!(
        metrics.contains("controller_runtime_reconcile_total{controller=\"fluxinstance\",result=\"requeue_after\"}")
    );

    // Nothing to do.
    let before = world.versions().await;
    let instance = world.request().await;
    assert!(is_ready(&instance));
    assert_eq!(world.versions().await, before, "a run over what is there writes nothing");
    assert_eq!(instance["status"]["history"][0]["totalReconciliations"], 2);

    // Another look is no other revision.
    world.patch(json!({"spec": {"commonMetadata": {"labels": {"team": "platform"}}}})).await;
    let instance = world.until_ready().await;
    assert_eq!(instance["status"]["lastAppliedRevision"], *revision);
    let controller = world.deployment("source-controller").await.unwrap();
    assert_eq!(controller["metadata"]["labels"]["team"], "platform");
    assert_eq!(controller["spec"]["template"]["metadata"]["labels"]["team"], Value::Null);

    // Upgrade, with fewer components and no network policies.
    let smaller = json!({
        "components": ["source-controller", "kustomize-controller"],
        "cluster": {"networkPolicy": false},
    });
    world.apply(&with(spec("2.9.x"), &smaller)).await;
    let instance = world.until_ready().await;
    world.assert_as_recorded("upgrade").await;
    assert_eq!(deployments(&world).await, ["kustomize-controller", "source-controller"]);
    assert!(!world.owned().await.iter().any(|id| id.kind == "NetworkPolicy"));
    assert_eq!(instance["status"]["history"].as_array().unwrap().len(), 2);
    world.until_told("Upgrading to revision v2.9.90@sha256:").await;
    let updated = world.until_told("Flux v2.9.90 updated\n").await;
    assert!(updated.contains(&format!("Deployment/{namespace}/helm-controller deleted")), "{updated}");

    // Shards, and another size.
    let sharded = json!({"sharding": {"shards": ["one", "two"]}, "cluster": {"size": "large"}});
    world.apply(&with(spec("2.9.x"), &sharded)).await;
    world.until_ready().await;
    world.assert_as_recorded("shards").await;
    assert!(world.deployment("source-controller-two").await.is_some());

    // Suspended: changes wait.
    world.patch(json!({"metadata": {"annotations": {annotations::RECONCILE: "disabled"}}})).await;
    world.patch(json!({"spec": {"sharding": null}})).await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert!(world.deployment("source-controller-two").await.is_some());
    assert_eq!(condition(&world.instance().await, "Ready").0, "True", "it keeps what it had");
    world.patch(json!({"metadata": {"annotations": {annotations::RECONCILE: null}}})).await;
    world.until_ready().await;
    assert!(world.deployment("source-controller-two").await.is_none());

    world.delete().await;
    assert_eq!(world.owned().await.len(), 0);
    let (_, metrics) = operator.ask("--metrics-addr", "/metrics").await;
    assert!(!metrics.contains("flux_instance_info{"), "{metrics}");
    let kept = world.live(&ObjectId::cluster("", "Namespace", namespace.as_str()), "v1").await.unwrap();
    assert_eq!(kept["metadata"]["deletionTimestamp"], Value::Null, "the namespace stays");
}

/// What Flux has deployed, and what waits for its controllers, survives them.
#[tokio::test(flavor = "multi_thread")]
async fn uninstall_leaves_workloads_and_lets_go_of_flux_objects() {
    let _flux = the_only_flux().await;
    let world = World::new("uninstall").await;
    let _operator = world.operator();
    world.apply(&with(spec("2.9.90"), &json!({"wait": true}))).await;
    world.until_ready().await;

    let source = json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
        "metadata": {"name": "apps", "namespace": "default", "finalizers": ["finalizers.fluxcd.io"]},
        "spec": {"url": "https://example.com/apps", "interval": "1h"},
    });
    let source = flux_operator_api::Object::try_from(source).unwrap();
    let apply = kube::api::PatchParams::apply("somebody");
    world.api(&source).patch("apps", &apply, &kube::api::Patch::Apply(&source)).await.unwrap();
    let workload = flux_operator_testkit::objects::config_map("deployed").in_namespace("default").build();
    world.api(&workload).patch("deployed", &apply, &kube::api::Patch::Apply(&workload)).await.unwrap();

    world.delete().await;
    assert_eq!(world.owned().await.len(), 0);
    assert!(world.live(&source.id(), "v1").await.is_none(), "its CRD is gone, and so is the object");
    assert!(world.live(&workload.id(), "v1").await.is_some(), "what was deployed stays");
    world.api(&workload).delete("deployed", &kube::api::DeleteParams::default()).await.unwrap();
}

/// Suspending before deleting is the way to keep Flux.
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_is_deleted_while_suspended_leaves_everything() {
    let _flux = the_only_flux().await;
    let world = World::new("keep").await;
    let _operator = world.operator();
    world.apply(&spec("2.9.90")).await;
    world.until_ready().await;
    let installed = world.owned().await;
    world.patch(json!({"metadata": {"annotations": {annotations::RECONCILE: "disabled"}}})).await;
    world.delete().await;
    assert_eq!(world.owned().await, installed);

    // A new instance takes it over without a restart.
    let generation = world.deployment("source-controller").await.unwrap()["metadata"]["generation"].clone();
    world.apply(&spec("2.9.90")).await;
    world.until_ready().await;
    assert_eq!(world.deployment("source-controller").await.unwrap()["metadata"]["generation"], generation);
    world.delete().await;
    assert_eq!(world.owned().await.len(), 0);
}

/// The same on the real thing, where the machine has it.
#[tokio::test(flavor = "multi_thread")]
async fn real_flux_from_2_8_to_2_9() {
    let Some(real) = workspace::shared("flux") else {
        eprintln!("skipped: no real distribution beside the repository");
        return;
    };
    let _flux = the_only_flux().await;
    let world = World::new("real").await;
    let _operator = Operator::alone(&kubeconfig(), &world.namespace, &real);
    let all = json!(Component::ALL);
    let steps: &[(&str, Value, usize)] = &[
        ("2.8.x", json!({}), 4),
        ("2.9.x", json!({}), 4),
        ("2.9.x", json!({"cluster": {"size": "medium"}}), 4),
        ("2.9.x", json!({"components": all}), 7),
        ("2.9.x", json!({"components": all, "sharding": {"shards": ["a", "b"]}}), 19),
        ("2.9.x", json!({"cluster": {"multitenant": true, "tenantDefaultServiceAccount": "flux"}}), 4),
        ("2.9.x", json!({"components": ["source-controller", "kustomize-controller"]}), 2),
    ];
    for (version, more, controllers) in steps {
        world.apply(&with(spec(version), more)).await;
        let instance = world.until_ready().await;
        world.assert_as_recorded(&more.to_string()).await;
        assert_eq!(deployments(&world).await.len(), *controllers, "{more}");
        let applied = instance["status"]["lastAppliedRevision"].as_str().unwrap();
        assert!(applied.starts_with(&format!("v{}", version.trim_end_matches('x'))), "{applied}");
    }
    world.delete().await;
    assert_eq!(world.owned().await.len(), 0);
}

/// CRDs lose versions in which objects are stored: those are migrated before.
#[tokio::test(flavor = "multi_thread")]
async fn real_flux_over_versions_that_drop_apis() {
    let Some(real) = workspace::shared("flux") else {
        eprintln!("skipped: no real distribution beside the repository");
        return;
    };
    let _flux = the_only_flux().await;
    let world = World::new("drop").await;
    let _operator = Operator::alone(&kubeconfig(), &world.namespace, &real);
    for version in ["2.2.x", "2.4.x", "2.6.x", "2.9.x"] {
        world.apply(&spec(version)).await;
        world.until_ready().await;
        world.assert_as_recorded(version).await;
    }
    for id in world.owned().await.into_iter().filter(|id| id.kind == "CustomResourceDefinition") {
        let definition = world.live(&id, "v1").await.unwrap();
        let versions = definition["spec"]["versions"].as_array().unwrap();
        let storage = versions.iter().find(|version| version["storage"] == true).unwrap();
        assert_eq!(definition["status"]["storedVersions"], json!([storage["name"]]), "{id}");
    }
    world.delete().await;
}

/// Where somebody else owns the definitions, an instance leaves them out.
#[tokio::test(flavor = "multi_thread")]
async fn an_installation_without_definitions_comes_and_goes() {
    let _flux = the_only_flux().await;
    let world = World::new("bare").await;
    let _operator = world.operator();
    let target = json!({"kind": "CustomResourceDefinition"});
    let patch =
        "$patch: delete\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: all\n";
    let patches = json!({"patches": [{"target": target, "patch": patch}]});
    world.apply(&with(spec("2.9.x"), &json!({"kustomize": patches}))).await;
    world.until_ready().await;
    world.assert_as_recorded("install").await;
    let owned = world.owned().await;
    assert!(owned.iter().all(|id| id.kind != "CustomResourceDefinition") && owned.len() > 10, "{owned:?}");
    world.delete().await;
    assert_eq!(world.owned().await.len(), 0);
}
