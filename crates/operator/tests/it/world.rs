//! A cluster with the CRD of the operator, and an instance to reconcile.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use flux_operator_api::{Object, ObjectId, annotations, crd, labels};
use flux_operator_inventory::Inventory;
use flux_operator_testkit::cluster::{Cluster, Options};
use flux_operator_testkit::objects::{api, resource};
use flux_operator_testkit::proxy::Proxy;
use flux_operator_testkit::workspace;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::{Event, Namespace};
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::sleep;

use crate::process::Operator;

/// The cluster of this run of tests. It ends with the process.
fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER
        .get_or_init(|| Cluster::start(&Options { name: "operator".into(), ..Options::default() }).expect("a cluster"))
}

/// Held by tests that install Flux: there is only one set of its CRDs.
pub(crate) async fn the_only_flux() -> MutexGuard<'static, ()> {
    static FLUX: Mutex<()> = Mutex::const_new(());
    FLUX.lock().await
}

/// How long anything may take that a test waits for.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often a test looks.
const LOOK: Duration = Duration::from_millis(50);

/// One test's view of the cluster.
pub(crate) struct World {
    pub(crate) client: kube::Client,
    pub(crate) config: Config,
    /// A namespace of the test's own, which is that of the instance.
    pub(crate) namespace: String,
}

impl World {
    /// The cluster, with a namespace for the test.
    pub(crate) async fn new(name: &str) -> Self {
        Self::in_namespace(&format!("{name}-test")).await
    }

    /// The cluster, with this namespace.
    pub(crate) async fn in_namespace(namespace: &str) -> Self {
        let kubeconfig = tokio::task::spawn_blocking(|| cluster().kubeconfig().to_owned()).await.unwrap();
        let world = Self::connected(&kubeconfig, namespace).await;
        world.install_crd().await;
        world
    }

    /// Another cluster, as it is but for a namespace.
    pub(crate) async fn connected(kubeconfig: &Path, namespace: &str) -> Self {
        let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        // The test asks again where the API server is busy; the operator sees what it answers.
        let client = kube::Client::try_from(config.clone()).unwrap();
        config.default_retry = false;
        let world = Self { client, config, namespace: namespace.to_owned() };
        let metadata = json!({"metadata": {"name": world.namespace}});
        let namespaces: Api<Namespace> = Api::all(world.client.clone());
        let created = namespaces.create(&PostParams::default(), &serde_json::from_value(metadata).unwrap()).await;
        assert!(created.is_ok() || created.as_ref().is_err_and(is_conflict), "{created:?}");
        world
    }

    pub(crate) async fn install_crd(&self) {
        for definition in crd::all() {
            self.define(&Object::try_from(definition).unwrap()).await;
        }
    }

    /// Applies a CRD, and waits until its kind is served.
    pub(crate) async fn define(&self, definition: &Object) {
        let api = self.api(definition);
        let params = PatchParams::apply("tests").force();
        api.patch(definition.name(), &params, &Patch::Apply(definition)).await.unwrap();
        let established = |live: &Value| {
            let conditions = live.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
            conditions.clone().any(|condition| condition["type"] == "Established" && condition["status"] == "True")
        };
        until("the CRD is established", async || {
            let live = api.get(definition.name()).await.unwrap();
            established(&serde_json::to_value(live).unwrap()).then_some(())
        })
        .await;
    }

    pub(crate) fn api(&self, object: &Object) -> Api<DynamicObject> {
        api(&self.client, object)
    }

    pub(crate) fn instances(&self) -> Api<DynamicObject> {
        let resource = resource("fluxcd.controlplane.io/v1", "FluxInstance");
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource)
    }

    /// Creates the instance, or gives it another spec.
    pub(crate) async fn apply(&self, spec: &Value) {
        self.apply_annotated(spec, json!({})).await;
    }

    pub(crate) async fn apply_annotated(&self, spec: &Value, annotations: Value) {
        let instance = json!({
            "apiVersion": "fluxcd.controlplane.io/v1", "kind": "FluxInstance",
            "metadata": {"name": "flux", "annotations": annotations}, "spec": spec,
        });
        let params = PatchParams::apply("kubectl").force();
        self.instances().patch("flux", &params, &Patch::Apply(instance)).await.unwrap();
    }

    /// Changes the instance with a merge patch.
    pub(crate) async fn patch(&self, patch: Value) {
        let patched = self.instances().patch("flux", &PatchParams::default(), &Patch::Merge(patch)).await;
        patched.unwrap();
    }

    /// Asks for a run, which verifies everything, and waits for it.
    pub(crate) async fn request(&self) -> Value {
        static TOKENS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let token = format!("token-{}", TOKENS.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        self.patch(json!({"metadata": {"annotations": {annotations::REQUESTED_AT: token}}})).await;
        self.until("the request is handled", |instance| instance["status"]["lastHandledReconcileAt"] == token.as_str())
            .await
    }

    /// The instance as it is; null where there is none.
    pub(crate) async fn instance(&self) -> Value {
        let instance = self.instances().get_opt("flux").await.unwrap();
        instance.map_or(Value::Null, |instance| serde_json::to_value(instance).unwrap())
    }

    /// The status, read as the operator reads it.
    pub(crate) async fn inventory(&self) -> Inventory {
        let stored = self.instance().await.pointer("/status/inventory").cloned().unwrap_or(json!({"entries": []}));
        Inventory::from(&serde_json::from_value(stored).unwrap())
    }

    /// Waits until the instance is so.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let instance = self.instance().await;
            if is_so(&instance) {
                return instance;
            }
            assert!(began.elapsed() < PATIENCE, "{what}: {:#}", told(&instance));
            sleep(LOOK).await;
        }
    }

    /// Waits until the instance is ready as it is described now.
    pub(crate) async fn until_ready(&self) -> Value {
        self.until("the instance is ready", is_ready).await
    }

    /// Waits until the instance is stalled as it is described now.
    pub(crate) async fn until_stalled(&self) -> Value {
        self.until("the instance is stalled", |instance| {
            is_current(instance, "Stalled") && condition(instance, "Stalled").0 == "True"
        })
        .await
    }

    /// Deletes the instance and waits until it is gone.
    pub(crate) async fn delete(&self) {
        self.instances().delete("flux", &DeleteParams::default()).await.unwrap();
        self.until("the instance is gone", Value::is_null).await;
    }

    /// Events about the instance as `Type Reason Message`, oldest first.
    pub(crate) async fn events(&self) -> Vec<String> {
        let events: Api<Event> = Api::namespaced(self.client.clone(), &self.namespace);
        let mut events = events.list(&ListParams::default().fields("involvedObject.name=flux")).await.unwrap().items;
        events.sort_by_key(|event| {
            let version = event.metadata.resource_version.as_ref().and_then(|version| version.parse::<u64>().ok());
            (event.first_timestamp.clone().map(|time| time.0), version)
        });
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        events
            .iter()
            .map(|event| format!("{} {} {}", text(&event.type_), text(&event.reason), text(&event.message)))
            .collect()
    }

    /// Waits for an event that contains a text.
    pub(crate) async fn until_told(&self, text: &str) -> String {
        let began = Instant::now();
        loop {
            let events = self.events().await;
            if let Some(event) = events.iter().find(|event| event.contains(text)) {
                return event.clone();
            }
            assert!(began.elapsed() < PATIENCE, "no event with `{text}`: {events:#?}");
            sleep(LOOK).await;
        }
    }

    /// An object of the cluster; none where it is not there.
    pub(crate) async fn live(&self, id: &ObjectId, version: &str) -> Option<Value> {
        let api_version = if id.group.is_empty() { version.to_owned() } else { format!("{}/{version}", id.group) };
        let resource = resource(&api_version, &id.kind);
        let api: Api<DynamicObject> = if id.namespace.is_empty() {
            Api::all_with(self.client.clone(), &resource)
        } else {
            Api::namespaced_with(self.client.clone(), &id.namespace, &resource)
        };
        match api.get_opt(&id.name).await {
            Ok(live) => live.map(|live| serde_json::to_value(live).unwrap()),
            // Its CRD is not there.
            Err(kube::Error::Api(status)) if status.code == 404 => None,
            Err(error) => panic!("{id}: {error}"),
        }
    }

    /// A controller of Flux, as it is.
    pub(crate) async fn deployment(&self, name: &str) -> Option<Value> {
        self.live(&ObjectId::new("apps", "Deployment", self.namespace.as_str(), name), "v1").await
    }

    /// Everything with the owner labels of the instance that is not on its way out, of all kinds that
    /// an installation has. The namespace aside, which is kept.
    pub(crate) async fn owned(&self) -> BTreeSet<ObjectId> {
        let params = ListParams::default().labels(&format!(
            "{}=flux,{}={}",
            labels::OWNER_NAME,
            labels::OWNER_NAMESPACE,
            self.namespace
        ));
        let mut owned = BTreeSet::new();
        for (api_version, kind) in KINDS {
            let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource(api_version, kind));
            let list = match api.list(&params).await {
                Ok(list) => list,
                Err(kube::Error::Api(status)) if status.code == 404 => continue,
                Err(error) => panic!("{kind}: {error}"),
            };
            let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
            owned.extend(list.items.into_iter().map(|object| object.metadata).filter_map(|metadata| {
                let namespace = metadata.namespace.unwrap_or_default();
                let id = ObjectId::new(group, *kind, namespace, metadata.name.unwrap_or_default());
                metadata.deletion_timestamp.is_none().then_some(id)
            }));
        }
        owned
    }

    /// Fails unless exactly what the inventory says is in the cluster. What is on its way out is waited
    /// for: it stays recorded until it is gone.
    pub(crate) async fn assert_as_recorded(&self, context: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let recorded: BTreeSet<_> = self.inventory().await.iter().map(|entry| entry.id.clone()).collect();
            let recorded: BTreeSet<_> = recorded.into_iter().filter(|id| id.kind != "Namespace").collect();
            let owned = self.owned().await;
            if owned == recorded {
                return;
            }
            assert!(owned.is_subset(&recorded) && Instant::now() < deadline, "{context}: {owned:?} and {recorded:?}");
            sleep(LOOK).await;
        }
    }

    /// The resource version of every object of the inventory, but for a `ResourceQuota`: the cluster counts
    /// in its status, whenever it likes.
    pub(crate) async fn versions(&self) -> Vec<(String, Value)> {
        let mut versions = Vec::new();
        for entry in self.inventory().await.iter().filter(|entry| entry.id.kind != "ResourceQuota") {
            let live = self.live(&entry.id, &entry.version).await;
            let version = live.as_ref().and_then(|live| live.pointer("/metadata/resourceVersion").cloned());
            versions.push((entry.id.to_string(), version.unwrap_or_default()));
        }
        versions
    }

    /// Starts the operator on the cluster itself, with the distribution of the repository.
    pub(crate) fn operator(&self) -> Operator {
        Operator::alone(&kubeconfig(), &self.namespace, &workspace::distribution())
    }

    /// Starts the operator behind a proxy.
    pub(crate) fn operator_behind(&self, proxy: &Proxy) -> Operator {
        Operator::alone(&proxy.kubeconfig(), &self.namespace, &workspace::distribution())
    }

    pub(crate) fn leases(&self) -> Api<Lease> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The record of the operator's lease.
    pub(crate) async fn record(&self) -> LeaseSpec {
        let lease = self.leases().get_opt("flux-operator").await.unwrap();
        lease.and_then(|lease| lease.spec).unwrap_or_default()
    }

    /// Who holds the lease; empty where nobody does.
    pub(crate) async fn holder(&self) -> String {
        self.record().await.holder_identity.unwrap_or_default()
    }
}

/// What a program needs to reach the cluster, as the text of a file.
pub(crate) fn kubeconfig() -> String {
    std::fs::read_to_string(cluster().kubeconfig()).unwrap()
}

/// Kinds that an installation of Flux has.
const KINDS: &[(&str, &str)] = &[
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("v1", "ResourceQuota"),
    ("v1", "ServiceAccount"),
    ("v1", "Service"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "Secret"),
    ("apps/v1", "Deployment"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("source.toolkit.fluxcd.io/v1", "GitRepository"),
    ("source.toolkit.fluxcd.io/v1", "OCIRepository"),
    ("source.toolkit.fluxcd.io/v1", "Bucket"),
    ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
];

/// Waits until there is something.
pub(crate) async fn until<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what}");
        sleep(LOOK).await;
    }
}

/// A minimal spec of a version of the distribution.
pub(crate) fn spec(version: &str) -> Value {
    json!({"distribution": {"version": version, "registry": "ghcr.io/fluxcd"}})
}

/// A spec with more fields, or with others.
pub(crate) fn with(mut spec: Value, more: &Value) -> Value {
    for (key, value) in more.as_object().unwrap() {
        spec[key] = value.clone();
    }
    spec
}

/// Status, reason and message of a condition; empty where it is not there.
pub(crate) fn condition<'i>(instance: &'i Value, r#type: &str) -> (&'i str, &'i str, &'i str) {
    let found = find(instance, r#type);
    let text = |field: &str| found.and_then(|found| found.get(field)).and_then(Value::as_str).unwrap_or_default();
    (text("status"), text("reason"), text("message"))
}

fn find<'i>(instance: &'i Value, r#type: &str) -> Option<&'i Value> {
    let conditions = instance.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    conditions.into_iter().find(|condition| condition["type"] == r#type)
}

/// Whether a condition is about the instance as it is described now.
fn is_current(instance: &Value, r#type: &str) -> bool {
    find(instance, r#type).is_some_and(|found| found["observedGeneration"] == instance["metadata"]["generation"])
}

/// Whether the instance is ready as it is described now.
pub(crate) fn is_ready(instance: &Value) -> bool {
    is_current(instance, "Ready") && condition(instance, "Ready").1 == "ReconciliationSucceeded"
}

/// What a failure should show of an instance.
fn told(instance: &Value) -> Value {
    json!({"generation": instance["metadata"]["generation"], "conditions": instance["status"]["conditions"]})
}

fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_already_exists() || status.is_conflict())
}
