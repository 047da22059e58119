//! An API server with the kinds of Flux, and a namespace for each test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use flux_operator_api::{Object, crd};
use flux_operator_testkit::cluster::{Cluster, Options};
use flux_operator_testkit::objects::{api, resource};
use flux_operator_testkit::proxy::Proxy;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::world::{Outcome, World, finish};

/// The kinds of Flux that tests use: plural and group, kind, version.
const KINDS: [(&str, &str, &str); 11] = [
    ("fluxreports.fluxcd.controlplane.io", "FluxReport", "v1"),
    ("kustomizations.kustomize.toolkit.fluxcd.io", "Kustomization", "v1"),
    ("helmreleases.helm.toolkit.fluxcd.io", "HelmRelease", "v2"),
    ("gitrepositories.source.toolkit.fluxcd.io", "GitRepository", "v1"),
    ("ocirepositories.source.toolkit.fluxcd.io", "OCIRepository", "v1"),
    ("helmrepositories.source.toolkit.fluxcd.io", "HelmRepository", "v1"),
    ("externalartifacts.source.toolkit.fluxcd.io", "ExternalArtifact", "v1"),
    ("alerts.notification.toolkit.fluxcd.io", "Alert", "v1beta3"),
    ("providers.notification.toolkit.fluxcd.io", "Provider", "v1beta3"),
    ("imagerepositories.image.toolkit.fluxcd.io", "ImageRepository", "v1"),
    ("imagepolicies.image.toolkit.fluxcd.io", "ImagePolicy", "v1"),
];

/// How long a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// The cluster of this run of tests, with its kinds. It ends with the process.
fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let options = Options { name: "cli".into(), controllers: false, ..Options::default() };
        let cluster = Cluster::start(&options).unwrap();
        let kubernetes = Kubernetes::connect(cluster.kubeconfig(), "default");
        kubernetes.define(&Object::try_from(crd::flux_instance()).unwrap());
        for (name, kind, version) in KINDS {
            kubernetes.define(&definition(name, kind, version));
        }
        cluster
    })
}

/// A CRD whose objects may hold anything.
fn definition(name: &str, kind: &str, version: &str) -> Object {
    let (plural, group) = name.split_once('.').unwrap();
    let anything = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let schema = json!({"type": "object", "properties": {"spec": anything, "status": anything}});
    let version = json!({
        "name": version, "served": true, "storage": true, "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": schema},
    });
    let names = json!({
        "plural": plural, "singular": kind.to_lowercase(), "kind": kind, "listKind": format!("{kind}List"),
    });
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": name},
        "spec": {"group": group, "names": names, "scope": "Namespaced", "versions": [version]},
    });
    Object::try_from(definition).unwrap()
}

/// One test's view of the cluster, and a folder to run in.
pub(super) struct Kubernetes {
    kubeconfig: PathBuf,
    pub(super) world: World,
    pub(super) namespace: String,
    runtime: Runtime,
    client: kube::Client,
}

impl Kubernetes {
    /// The cluster, with a namespace of the test's own.
    pub(super) fn new(name: &str) -> Self {
        let kubernetes = Self::connect(cluster().kubeconfig(), &format!("{name}-test"));
        let metadata = json!({"name": kubernetes.namespace});
        kubernetes.apply(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}));
        kubernetes
    }

    /// Another cluster, in which only FluxInstances are defined, with the namespace of Flux.
    pub(super) fn of(cluster: &Cluster) -> Self {
        let kubernetes = Self::connect(cluster.kubeconfig(), "flux-system");
        let metadata = json!({"name": "flux-system", "labels": {"team": "platform"}});
        kubernetes.apply(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}));
        kubernetes.define(&Object::try_from(crd::flux_instance()).unwrap());
        kubernetes
    }

    /// Another cluster as it is, and the namespace of Flux, which is not there yet.
    pub(super) fn bare(cluster: &Cluster) -> Self {
        Self::connect(cluster.kubeconfig(), "flux-system")
    }

    fn connect(kubeconfig: &Path, namespace: &str) -> Self {
        let path = kubeconfig.to_owned();
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
        let client = runtime.block_on(async {
            let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
            kube::Client::try_from(config).unwrap()
        });
        Self { kubeconfig: path, world: World::new(), namespace: namespace.to_owned(), runtime, client }
    }

    pub(super) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    pub(super) fn client(&self) -> kube::Client {
        self.client.clone()
    }

    pub(super) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Applies a CRD and waits until its objects can be made.
    pub(super) fn define(&self, definition: &Object) {
        self.apply(definition.clone().into_value());
        let established = |live: &Value| {
            let conditions = live.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
            conditions.clone().any(|condition| condition["type"] == "Established" && condition["status"] == "True")
        };
        let began = Instant::now();
        while !established(&self.read(definition)) {
            assert!(began.elapsed() < PATIENCE, "{} is not established", definition.name());
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Applies an object, with its status where it has one. In the test's namespace, if it names none.
    pub(super) fn apply(&self, value: Value) {
        self.apply_as("tests", value);
    }

    /// Applies an object in somebody's name.
    pub(super) fn apply_as(&self, manager: &str, mut value: Value) {
        if value["metadata"]["namespace"].is_null() && value["kind"] != "Namespace" && !is_definition(&value) {
            value["metadata"]["namespace"] = self.namespace.as_str().into();
        }
        let status = value.as_object_mut().unwrap().remove("status");
        let object = Object::try_from(value).unwrap();
        let api = api(&self.client, &object);
        let params = PatchParams::apply(manager).force();
        self.runtime.block_on(async {
            api.patch(object.name(), &params, &Patch::Apply(&object)).await.unwrap();
            if let Some(status) = status {
                let patch = Patch::Merge(json!({"status": status}));
                api.patch_status(object.name(), &PatchParams::default(), &patch).await.unwrap();
            }
        });
    }

    fn read(&self, object: &Object) -> Value {
        let found = self.runtime.block_on(api(&self.client, object).get_opt(object.name())).unwrap();
        found.map_or(Value::Null, |found| serde_json::to_value(found).unwrap())
    }

    /// An object of the test's namespace as it is; null where it is not there.
    pub(super) fn live(&self, api_version: &str, kind: &str, name: &str) -> Value {
        let found = self.runtime.block_on(self.objects(api_version, kind).get_opt(name)).unwrap();
        found.map_or(Value::Null, |found| serde_json::to_value(found).unwrap())
    }

    fn objects(&self, api_version: &str, kind: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource(api_version, kind))
    }

    /// A FluxInstance that is ready, or so.
    pub(super) fn instance(&self, ready: &Value) {
        let entries = json!([{"id": "_flux-system__Namespace", "v": "v1"}]);
        self.apply(json!({
            "apiVersion": "fluxcd.controlplane.io/v1", "kind": "FluxInstance", "metadata": {"name": "flux"},
            "spec": {"distribution": {"version": "2.x", "registry": "ghcr.io/fluxcd"}},
            "status": {
                "conditions": [ready], "inventory": {"entries": entries},
                "lastAppliedRevision": "v2.9.90@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            },
        }));
    }

    /// Plays the controller of an object: handles the next request, with this condition.
    pub(super) fn answer(&self, api_version: &str, kind: &str, name: &str, ready: Value) -> JoinHandle<()> {
        let objects = self.objects(api_version, kind);
        let handle = self.runtime.handle().clone();
        let name = name.to_owned();
        thread::spawn(move || {
            handle.block_on(async {
                let began = Instant::now();
                loop {
                    let live = objects.get(&name).await.unwrap();
                    let asked =
                        live.metadata.annotations.as_ref().and_then(|all| all.get("reconcile.fluxcd.io/requestedAt"));
                    let handled = live.data.pointer("/status/lastHandledReconcileAt").and_then(Value::as_str);
                    if let Some(token) = asked.filter(|asked| handled != Some(asked.as_str())) {
                        let mut ready = ready.clone();
                        ready["observedGeneration"] = live.metadata.generation.unwrap_or(1).into();
                        let status = json!({"conditions": [ready], "lastHandledReconcileAt": token});
                        let patch = Patch::Merge(json!({"status": status}));
                        objects.patch_status(&name, &PatchParams::default(), &patch).await.unwrap();
                        return;
                    }
                    assert!(began.elapsed() < PATIENCE, "nobody asked {name}");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
        })
    }

    /// Waits for the Deployment of the operator, and says that it runs.
    pub(super) fn run_the_operator(&self) {
        let deployments: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), "flux-system", &resource("apps/v1", "Deployment"));
        self.runtime.block_on(async {
            let began = Instant::now();
            while deployments.get_opt("flux-operator").await.unwrap().is_none() {
                assert!(began.elapsed() < PATIENCE, "nothing was installed");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            let condition = |r#type: &str, reason: &str| json!({"type": r#type, "status": "True", "reason": reason});
            let conditions = [
                condition("Available", "MinimumReplicasAvailable"),
                condition("Progressing", "NewReplicaSetAvailable"),
            ];
            let status = json!({
                "observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1,
                "availableReplicas": 1, "conditions": conditions,
            });
            let patch = Patch::Merge(json!({"status": status}));
            deployments.patch_status("flux-operator", &PatchParams::default(), &patch).await.unwrap();
        });
    }

    /// A proxy that counts what the program asks for, and a file that leads to it.
    pub(super) fn proxy(&self) -> (Proxy, &'static str) {
        let kubeconfig = Kubeconfig::read_from(self.kubeconfig()).unwrap();
        let proxy = self.runtime.block_on(async {
            let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
            Proxy::start(config).await.unwrap()
        });
        self.world.write("proxy.json", proxy.kubeconfig());
        (proxy, "proxy.json")
    }

    /// The program with the kubeconfig of the cluster.
    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.world.command(args);
        command.env("KUBECONFIG", self.kubeconfig());
        command
    }

    /// Runs the program in the test's namespace.
    pub(super) fn run(&self, args: &[&str]) -> Outcome {
        finish(&mut self.command(&[args, &["-n", &self.namespace]].concat()), "")
    }

    /// Runs the program without naming a namespace.
    pub(super) fn run_anywhere(&self, args: &[&str]) -> Outcome {
        finish(&mut self.command(args), "")
    }
}

/// The next line that a program prints.
pub(super) fn next_line(output: &mut impl std::io::BufRead) -> String {
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    line
}

fn is_definition(value: &Value) -> bool {
    value["kind"] == "CustomResourceDefinition"
}

/// A condition `Ready` of the first generation.
pub(super) fn ready(status: &str, reason: &str, message: &str) -> Value {
    json!({
        "type": "Ready", "status": status, "reason": reason, "message": message, "observedGeneration": 1,
        "lastTransitionTime": "2026-08-01T09:12:44Z",
    })
}

/// An object of a toolkit kind.
pub(super) fn toolkit(api_version: &str, kind: &str, name: &str, spec: &Value, status: &Value) -> Value {
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec, "status": status})
}

pub(super) const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io/v1";
pub(super) const HELM: &str = "helm.toolkit.fluxcd.io/v2";
pub(super) const SOURCE: &str = "source.toolkit.fluxcd.io/v1";
pub(super) const OPERATOR: &str = "fluxcd.controlplane.io/v1";
