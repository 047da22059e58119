//! The manifests of `deploy`, on a real API server, with the operator running as their service account.

use flux_operator_api::Object;
use flux_operator_builder::yaml::{self, Dialect, Limits};
use flux_operator_testkit::cluster::{Cluster, Options};
use flux_operator_testkit::objects::custom;
use flux_operator_testkit::workspace;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::permissions;
use crate::process::Operator;
use crate::world::{World, condition, spec, until, with};

fn documents(file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(workspace::path("deploy").join(file)).unwrap();
    yaml::read_documents(&text, Dialect::Manifest, &Limits::DISTRIBUTION).unwrap()
}

/// The objects of the kustomization, in its order.
fn objects() -> Vec<Object> {
    let [kustomization] = documents("kustomization.yaml").try_into().unwrap();
    let files = kustomization["resources"].as_array().unwrap();
    let documents = files.iter().flat_map(|file| documents(file.as_str().unwrap()));
    documents.map(|document| Object::try_from(document).unwrap()).collect()
}

/// The kubeconfig of the administrator with the token of a service account in place of his certificate.
pub(crate) async fn kubeconfig_of(world: &World, administrator: &str, account: &str) -> String {
    let accounts: Api<ServiceAccount> = Api::namespaced(world.client.clone(), &world.namespace);
    let request = TokenRequest {
        spec: TokenRequestSpec {
            audiences: Vec::new(),
            expiration_seconds: Some(3_600),
            ..TokenRequestSpec::default()
        },
        ..TokenRequest::default()
    };
    let answer = accounts.create_token_request(account, &PostParams::default(), &request).await.unwrap();
    let [mut config] =
        yaml::read_documents(administrator, Dialect::Manifest, &Limits::INPUT).unwrap().try_into().unwrap();
    config["users"][0]["user"] = json!({"token": answer.status.unwrap().token});
    config.to_string()
}

/// Objects of Flux that nobody takes the finalizers off.
fn left_behind(namespace: &str) -> Vec<Object> {
    let kinds = [
        ("helm.toolkit.fluxcd.io/v2", "HelmRelease"),
        ("image.toolkit.fluxcd.io/v1", "ImageRepository"),
        ("notification.toolkit.fluxcd.io/v1beta3", "Provider"),
        ("source.extensions.fluxcd.io/v1beta1", "ArtifactGenerator"),
    ];
    let object = |(api_version, kind): (&str, &str)| {
        let spec =
            json!({"interval": "1h", "image": "example.com/a", "type": "generic", "sources": [], "artifacts": []});
        custom(api_version, kind, "left")
            .in_namespace(namespace)
            .spec(spec)
            .set("/metadata/finalizers", json!(["finalizers.fluxcd.io"]))
            .build()
    };
    kinds.into_iter().map(object).collect()
}

/// Whatever permission is missing, one of these steps needs it.
#[tokio::test(flavor = "multi_thread")]
async fn the_operator_can_do_everything_as_its_service_account() {
    // A cluster of its own, which writes down every request.
    let start = || Cluster::start(&Options { name: "deploy".into(), audit: true, ..Options::default() });
    let cluster = tokio::task::spawn_blocking(start).await.unwrap().expect("a cluster");
    // The manifests are for this namespace.
    let world = World::connected(cluster.kubeconfig(), "flux-system").await;
    world.install_crd().await;
    let strict = PatchParams {
        field_validation: Some(kube::api::ValidationDirective::Strict),
        ..PatchParams::apply("tests").force()
    };
    for object in objects() {
        let applied = async || world.api(&object).patch(object.name(), &strict, &Patch::Apply(&object)).await.ok();
        until(&format!("{} is applied", object.id()), applied).await;
    }
    let administrator = std::fs::read_to_string(cluster.kubeconfig()).unwrap();
    let account = kubeconfig_of(&world, &administrator, "flux-operator").await;
    let storage = format!("--storage-path={}", workspace::distribution().display());
    let operator = Operator::start(&account, &world.namespace, &[&storage]);
    let sync =
        json!({"kind": "GitRepository", "url": "https://example.com/fleet", "ref": "refs/heads/main", "path": "./"});
    let whole = json!({
        "components": [
            "source-controller", "kustomize-controller", "helm-controller", "notification-controller",
            "image-reflector-controller", "image-automation-controller", "source-watcher",
        ],
        "storage": {"class": "standard", "size": "1Gi"}, "sharding": {"shards": ["a"]}, "sync": sync,
        "cluster": {"multitenant": true}, "wait": false,
    });
    let artifact = json!({"artifact": "oci://127.0.0.1:1/flux:v1", "artifactPullSecret": "pull"});
    let distribution = with(spec("2.6.90")["distribution"].clone(), &artifact);
    world.apply(&json!({"distribution": distribution})).await;
    world.until_told("ArtifactFailed").await;
    world.apply(&spec("2.6.90")).await;
    world.until_ready().await;
    world.apply(&with(spec("2.9.90"), &whole)).await;
    world.until_ready().await;
    world.assert_as_recorded("as the service account").await;
    world.until_told("Flux v2.9.90 updated").await;
    world.request().await;
    world
        .until_reported("everything is looked at for the report", |report| {
            let cluster = &report["spec"]["cluster"];
            let kinds = report["spec"]["reconcilers"].as_array().map_or(0, Vec::len);
            condition(report, "Ready").1 == "Succeeded" && cluster["serverVersion"].is_string() && kinds > 10
        })
        .await;
    for object in left_behind(&world.namespace) {
        world
            .api(&object)
            .create(&PostParams::default(), &serde_json::from_value(json!(object)).unwrap())
            .await
            .unwrap();
    }
    world.delete().await;
    assert_eq!(world.owned().await.len(), 0);
    let log = operator.log();
    assert!(!log.contains("is forbidden"), "a permission is missing:\n{log}");
    drop(operator);
    let audit = cluster.audit_log().expect("an audit log");
    permissions::check(&documents("rbac.yaml"), audit, "system:serviceaccount:flux-system:flux-operator");
}
