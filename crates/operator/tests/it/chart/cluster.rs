//! The charts in a cluster: what users do with them, from the first install to the last uninstall.

use std::fs;
use std::time::Instant;

use flux_operator_api::Object;
use flux_operator_testkit::cluster::{Cluster, Options};
use flux_operator_testkit::objects::{crd, custom};
use flux_operator_testkit::tools::Tool;
use flux_operator_testkit::workspace;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::{Helm, INSTANCE, OPERATOR, documents, finish, full, schemas, tool};
use crate::deploy::kubeconfig_of;
use crate::process::Operator;
use crate::world::{World, until};

/// How long helm waits for pods.
pub(super) const WAIT: &[&str] = &["--wait", "--timeout", "2m"];

/// A cluster that no other test has put the CRD into, with a namespace for the operator.
pub(super) async fn empty_cluster(name: &'static str) -> (Cluster, World) {
    let start = || Cluster::start(&Options { name: name.into(), ..Options::default() }).expect("a cluster");
    let cluster = tokio::task::spawn_blocking(start).await.unwrap();
    let world = World::connected(cluster.kubeconfig(), "flux-system").await;
    restrict(&world, "flux-system").await;
    (cluster, world)
}

async fn apply(world: &World, object: &Object) {
    let params = PatchParams::apply("tests").force();
    world.api(object).patch(object.name(), &params, &Patch::Apply(object)).await.unwrap();
}

/// Has a namespace that takes only pods of the strictest standard.
async fn restrict(world: &World, name: &str) {
    let label = "pod-security.kubernetes.io/enforce";
    apply(world, &custom("v1", "Namespace", name).label(label, "restricted").build()).await;
}

/// The Deployment, live.
async fn deployment(world: &World) -> Option<Value> {
    world.deployment("flux-operator").await
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_first_install_to_the_last_uninstall() {
    let Some(helm) = Helm::find_or_skip("/nowhere").await else { return };
    let (cluster, world) = empty_cluster("chart").await;
    let helm = Helm { kubeconfig: cluster.kubeconfig().to_owned(), ..helm };
    let namespace = ["--namespace", "flux-system"];

    // Its pods are ready, so admission let them in.
    helm.run(&[&["install", "flux-operator", OPERATOR], &namespace[..], WAIT].concat());
    let live = deployment(&world).await.unwrap();
    let container = live.pointer("/spec/template/spec/containers/0").unwrap();
    assert!(container.get("args").is_none(), "{container}");

    // No container is run in this cluster: this is the program of the pod, with its account.
    let administrator = fs::read_to_string(cluster.kubeconfig()).unwrap();
    let account = kubeconfig_of(&world, &administrator, "flux-operator").await;
    let storage = format!("--storage-path={}", workspace::distribution().display());
    let operator = Operator::start(&account, "flux-system", &[&storage]);

    let version = |version: &str| format!("instance.distribution.version={version}");
    helm.run(&[&["install", "flux", INSTANCE, "--set", &version("2.6.90")], &namespace[..]].concat());
    world.until_ready().await;
    helm.run(&[&["upgrade", "flux", INSTANCE, "--set", &version("2.9.90")], &namespace[..]].concat());
    world.until_ready().await;
    assert_eq!(
        world.instance().await["status"]["lastAppliedRevision"].as_str().unwrap().split('@').next(),
        Some("v2.9.90")
    );

    let debug = ["upgrade", "flux-operator", OPERATOR, "--set", "logLevel=debug"];
    helm.run(&[&debug[..], &namespace[..], WAIT].concat());
    let live = deployment(&world).await.unwrap();
    assert_eq!(live.pointer("/spec/template/spec/containers/0/args"), Some(&json!(["--log-level=debug"])));

    helm.run(&[&["uninstall", "flux"], &namespace[..], WAIT].concat());
    world.until("the instance is gone", Value::is_null).await;
    assert_eq!(world.owned().await.len(), 0);
    assert!(!operator.log().contains("is forbidden"), "a permission is missing:\n{}", operator.log());
    drop(operator);
    helm.run(&[&["uninstall", "flux-operator"], &namespace[..], WAIT].concat());
    until("the Deployment is gone", async || deployment(&world).await.is_none().then_some(())).await;
    // The definition stays, and can be taken up by the next release.
    let definition = Object::try_from(flux_operator_api::crd::flux_instance()).unwrap();
    assert!(world.api(&definition).get_opt(definition.name()).await.unwrap().is_some());
    helm.run(&[&["install", "flux-operator", OPERATOR], &namespace[..], WAIT].concat());
    full_values(&helm, &world).await;
    conforms(&helm, &world).await;
}

/// A release with every value, in a namespace that takes only restricted pods, beside the first.
async fn full_values(helm: &Helm, world: &World) {
    restrict(world, "full").await;
    for kind in ["ServiceMonitor", "PodMonitor", "PrometheusRule"] {
        let plural = format!("{}s", kind.to_lowercase());
        let group = "monitoring.coreos.com";
        let open = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        let schema = "/spec/versions/0/schema/openAPIV3Schema/properties/spec";
        apply(world, &crd(&format!("{plural}.{group}"), kind).set(schema, open).build()).await;
    }
    let install = || {
        let values = full(OPERATOR);
        let install = ["install", "full", OPERATOR, "--namespace", "full", "--values", &values];
        // Where a pull secret or a toleration is needed, there is none here; pods are ready all the same.
        helm.attempt(&[&install[..], WAIT].concat()).err()
    };
    // Kinds that were just defined may not be known yet.
    let began = Instant::now();
    while let Some(error) = install() {
        assert!(error.contains("no matches for kind") && began.elapsed().as_secs() < 60, "{error}");
    }
    helm.run(&["uninstall", "full", "--namespace", "full"]);
}

/// Everything that can be rendered meets the schemas of this API server.
async fn conforms(helm: &Helm, world: &World) {
    let Some(mut kubeconform) = tool(Tool::Kubeconform).await else { return };
    let Some(mut kustomize) = tool(Tool::Kustomize).await else { return };
    let folder = tempfile::tempdir().unwrap();
    let outputs = [
        helm.run(&["template", "flux-operator", OPERATOR]),
        helm.run(&["template", "flux-operator", OPERATOR, "--values", &full(OPERATOR)]),
        helm.run(&["template", "flux", INSTANCE]),
        helm.run(&["template", "flux", INSTANCE, "--values", &full(INSTANCE)]),
        finish(kustomize.arg("build").arg(workspace::path("deploy"))).unwrap(),
        fs::read_to_string(workspace::path("deploy/samples/flux-instance.yaml")).unwrap(),
    ];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let objects = outputs.iter().flat_map(|output| documents(output));
    let kinds: Vec<_> = objects.map(|object| (text(&object["apiVersion"]), text(&object["kind"]))).collect();
    let request = http::Request::get("/openapi/v2").body(Vec::new()).unwrap();
    let openapi = serde_json::from_str(&world.client.request_text(request).await.unwrap()).unwrap();
    schemas::write(folder.path(), &openapi, &kinds);
    for (number, output) in outputs.iter().enumerate() {
        fs::write(folder.path().join(format!("{number}.yaml")), output).unwrap();
    }
    kubeconform.arg("-strict").arg("-schema-location").arg(folder.path().join(schemas::LOCATION));
    // Their CRDs are not ours.
    kubeconform.args(["-skip", "ServiceMonitor,PodMonitor,PrometheusRule"]);
    let files = (0..outputs.len()).map(|number| folder.path().join(format!("{number}.yaml")));
    if let Err(error) = finish(kubeconform.args(files)) {
        panic!("{error}");
    }
    // And it does see what is wrong.
    let wrong = folder.path().join("wrong.yaml");
    fs::write(&wrong, outputs[0].replace("serviceAccountName:", "serviceAccount_Name:")).unwrap();
    assert!(finish(kubeconform.arg(&wrong)).unwrap_err().contains("serviceAccount_Name"));
}
