//! A cluster, a proxy before it, and an inventory kept in a ConfigMap.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::time::Duration;

use flux_operator_api::{Distribution, FluxInstance, FluxInstanceSpec, Object, ObjectId, ResourceInventory, labels};
use flux_operator_builder::{InstancePlan, build};
use flux_operator_distro::Directory;
use flux_operator_inventory::{
    ApplyPlan, Engine, EngineOptions, Inventory, InventoryStore, Outcome, Owner, Policy, RequestLimits, StoreError,
    Verification,
};
use flux_operator_testkit::cluster::{Cluster, Options};
use flux_operator_testkit::objects::{api, resource};
use flux_operator_testkit::proxy::Proxy;
use flux_operator_testkit::workspace;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

/// The cluster of this run of tests. It ends with the process.
fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER
        .get_or_init(|| Cluster::start(&Options { name: "inventory".into(), ..Options::default() }).expect("a cluster"))
}

/// One test's view of the cluster.
pub(crate) struct World {
    /// Counts, and breaks what it is told to.
    pub(crate) proxy: Proxy,
    /// Past the proxy, for looking and for preparing.
    pub(crate) direct: kube::Client,
    /// A namespace of the test's own.
    pub(crate) namespace: String,
    pub(crate) config: Config,
}

impl World {
    pub(crate) async fn new(name: &str) -> Self {
        let kubeconfig = tokio::task::spawn_blocking(|| cluster().kubeconfig().to_owned()).await.unwrap();
        let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        config.default_retry = false;
        let direct = kube::Client::try_from(config.clone()).unwrap();
        let namespace = format!("{name}-test");
        let metadata = json!({"metadata": {"name": namespace}});
        let created = Api::<Namespace>::all(direct.clone())
            .create(&PostParams::default(), &serde_json::from_value(metadata).unwrap())
            .await;
        assert!(created.is_ok() || is_conflict(&created), "{created:?}");
        Self { proxy: Proxy::start(config.clone()).await.unwrap(), direct, namespace, config }
    }

    pub(crate) fn owner(&self) -> Owner {
        Owner::new("flux", self.namespace.as_str())
    }

    /// An engine that goes through the proxy.
    pub(crate) fn engine(&self) -> Engine {
        self.engine_of(self.proxy.client())
    }

    pub(crate) fn engine_of(&self, client: kube::Client) -> Engine {
        let requests = RequestLimits { timeout: REQUEST_TIMEOUT, ..RequestLimits::default() };
        Engine::with_options(client, self.owner(), EngineOptions { requests, ..EngineOptions::default() })
    }

    /// Where the inventory of this test is kept, written through the proxy.
    pub(crate) fn store(&self) -> MapStore {
        MapStore { client: self.proxy.client(), namespace: self.namespace.clone() }
    }

    /// The inventory as it is stored.
    pub(crate) async fn stored(&self) -> Inventory {
        MapStore { client: self.direct.clone(), namespace: self.namespace.clone() }.load().await
    }

    /// Applies objects over what is stored.
    pub(crate) async fn apply(&self, engine: &Engine, objects: &[Object]) -> Outcome {
        self.apply_with(engine, objects, &Policy::default()).await
    }

    pub(crate) async fn apply_with(&self, engine: &Engine, objects: &[Object], policy: &Policy) -> Outcome {
        let plan = ApplyPlan::new(objects.to_vec(), &self.stored().await);
        engine.apply(&plan, policy, Verification::Watched, &self.store()).await
    }

    /// Labels objects as this test's own.
    pub(crate) fn owned(&self, objects: impl IntoIterator<Item = Object>) -> Vec<Object> {
        let owner = self.owner();
        let own = |object: Object| {
            let mut value = object.into_value();
            let with = value["metadata"].as_object_mut().unwrap().entry("labels").or_insert_with(|| json!({}));
            with[labels::OWNER_NAME] = json!(owner.name);
            with[labels::OWNER_NAMESPACE] = json!(owner.namespace);
            Object::try_from(value).unwrap()
        };
        objects.into_iter().map(own).collect()
    }

    /// An object as it is in the cluster.
    pub(crate) async fn live(&self, object: &Object) -> Option<Object> {
        let live = self.api(object).get_opt(object.name()).await.unwrap()?;
        Some(Object::try_from(serde_json::to_value(live).unwrap()).unwrap())
    }

    pub(crate) fn api(&self, object: &Object) -> Api<DynamicObject> {
        api(&self.direct, object)
    }

    /// Changes an object as somebody else.
    pub(crate) async fn patch(&self, manager: &str, object: &Object, patch: Value) {
        let params = PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
        self.api(object).patch(object.name(), &params, &Patch::Merge(patch)).await.unwrap();
    }

    /// The resource versions of objects that are there.
    pub(crate) async fn versions(&self, objects: &[Object]) -> BTreeMap<ObjectId, String> {
        let mut versions = BTreeMap::new();
        for object in objects {
            if let Some(live) = self.live(object).await {
                let version = live.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default();
                versions.insert(object.id(), version.to_owned());
            }
        }
        versions
    }

    /// Everything of the kinds of `objects` that carries this test's owner labels and is not on its
    /// way out.
    pub(crate) async fn all_owned(&self, objects: &[Object]) -> BTreeSet<ObjectId> {
        let kinds: BTreeSet<(String, String)> =
            objects.iter().map(|object| (object.api_version().to_owned(), object.kind().to_owned())).collect();
        let params = ListParams::default().labels(&self.owner().selector());
        let mut owned = BTreeSet::new();
        for (api_version, kind) in kinds {
            let api: Api<DynamicObject> = Api::all_with(self.direct.clone(), &resource(&api_version, &kind));
            let Ok(list) = api.list(&params).await else {
                continue; // The CRD of the kind is not there.
            };
            let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
            let there =
                list.items.into_iter().map(|object| object.metadata).filter(|of| of.deletion_timestamp.is_none());
            owned.extend(there.map(|metadata| {
                let (namespace, name) = (metadata.namespace.unwrap_or_default(), metadata.name.unwrap_or_default());
                ObjectId::new(group, &*kind, namespace, name)
            }));
        }
        owned
    }

    /// Fails where an object with the owner's labels is not in the stored inventory. The namespace is
    /// marked to be kept: it may leave the inventory and stay.
    pub(crate) async fn assert_nothing_is_unrecorded(&self, objects: &[Object], context: &str) {
        let stored = self.stored().await;
        for id in self.all_owned(objects).await.into_iter().filter(|id| id.kind != "Namespace") {
            assert!(stored.contains(&id), "{context}: {id} is not in the inventory\n{}", self.proxy.story());
        }
    }

    /// Deletes what is stored, and empties the store. The namespace is marked to be kept; it only stops
    /// being owned.
    pub(crate) async fn clean_up(&self) {
        let engine = self.engine_of(self.direct.clone());
        let store = MapStore { client: self.direct.clone(), namespace: self.namespace.clone() };
        let stored = self.stored().await;
        let entries: Vec<_> = stored.iter().cloned().collect();
        let deletion = engine.delete(&entries).await;
        assert!(deletion.failures.is_empty(), "{:?}", deletion.failures);
        let mut left = deletion.terminating;
        for attempt in 0.. {
            left = engine.wait_gone(&left, Duration::from_secs(10)).await.unwrap();
            if left.is_empty() {
                break;
            }
            assert!(attempt < 12, "{left:?}");
            // An API server that deletes the instances of a kind which it has only just begun to serve
            // may fail to list them, and tries again only after minutes, unless the CRD changes.
            for entry in &left {
                let (api_version, kind) = (entry.api_version(), &entry.id.kind);
                let object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": entry.id.name}});
                let nudge = json!({"metadata": {"annotations": {"nudge": attempt.to_string()}}});
                let api = self.api(&Object::try_from(object).unwrap());
                drop(api.patch(&entry.id.name, &PatchParams::default(), &Patch::Merge(nudge)).await);
            }
        }
        let unowned = json!({"metadata": {"labels": {labels::OWNER_NAME: null, labels::OWNER_NAMESPACE: null}}});
        let namespaces: Api<Namespace> = Api::all(self.direct.clone());
        namespaces.patch(&self.namespace, &PatchParams::default(), &Patch::Merge(unowned)).await.unwrap();
        store.save(&Inventory::default()).await.unwrap();
    }

    /// Waits until nobody has asked for anything for a while: watches are set up, controllers done.
    pub(crate) async fn proxy_is_quiet(&self) {
        let mut total = self.proxy.counts().total();
        loop {
            tokio::time::sleep(Duration::from_millis(700)).await;
            let now = self.proxy.counts().total();
            if now == total {
                return;
            }
            total = now;
        }
    }
}

fn is_conflict<T>(result: &Result<T, kube::Error>) -> bool {
    matches!(result, Err(kube::Error::Api(status)) if status.is_already_exists() || status.is_conflict())
}

/// An inventory in the ConfigMap `inventory`.
/// Short, so that a request that hangs on purpose does not take long.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Clone)]
pub(crate) struct MapStore {
    pub(crate) client: kube::Client,
    pub(crate) namespace: String,
}

impl MapStore {
    pub(crate) async fn load(&self) -> Inventory {
        let maps: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.namespace);
        let data = maps.get_opt("inventory").await.unwrap().and_then(|map| map.data).unwrap_or_default();
        let stored = data.get("inventory").map(|text| serde_json::from_str::<ResourceInventory>(text).unwrap());
        stored.as_ref().map(Inventory::from).unwrap_or_default()
    }
}

impl InventoryStore for MapStore {
    async fn save(&self, inventory: &Inventory) -> Result<(), StoreError> {
        let maps: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.namespace);
        let text = serde_json::to_string(&ResourceInventory::from(inventory))?;
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "inventory"}, "data": {"inventory": text}});
        let (params, patch) = (PatchParams::apply("test").force(), Patch::Apply(map));
        // As the trait demands: a request that hangs has to end.
        tokio::time::timeout(REQUEST_TIMEOUT, maps.patch("inventory", &params, &patch)).await??;
        Ok(())
    }
}

/// Held by tests that install Flux: there is only one set of its CRDs.
pub(crate) async fn the_only_flux() -> MutexGuard<'static, ()> {
    static FLUX: Mutex<()> = Mutex::const_new(());
    FLUX.lock().await
}

/// The objects of a Flux installation in `namespace`, from a distribution.
pub(crate) fn flux(distribution: &std::path::Path, version: &str, namespace: &str) -> Vec<Object> {
    let spec = FluxInstanceSpec::new(Distribution::new(version, "ghcr.io/fluxcd"));
    let plan = InstancePlan::parse(&FluxInstance::new("flux", spec).in_namespace(namespace)).unwrap();
    let directory = Directory::open(distribution).unwrap();
    let release = directory.release(plan.select(&directory.versions().unwrap()).unwrap()).unwrap();
    build(&plan, &release).unwrap().objects().to_vec()
}

/// The distributions there are, each with an old and a new version: the repository's own, and real
/// ones where the machine has them.
pub(crate) fn distributions() -> Vec<(std::path::PathBuf, &'static str, &'static str)> {
    let mut distributions = vec![(workspace::distribution(), "2.6.90", "2.9.90")];
    match workspace::shared("flux") {
        Some(real) => distributions.push((real, "2.8.8", "2.9.4")),
        None => eprintln!("skipped: no real distribution beside the repository"),
    }
    distributions
}
