//! What an installation of Flux costs, on a cluster that is started for this: `cargo xtask bench`
//! prints it in its table.
//!
//! ```sh
//! cargo run --release --package flux-operator-inventory --example installation -- testdata/distribution
//! ```

#![allow(clippy::print_stdout, clippy::expect_used, reason = "a program that measures and prints")]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use flux_operator_api::{Distribution, FluxInstance, FluxInstanceSpec, Object, ResourceInventory};
use flux_operator_builder::{InstancePlan, build};
use flux_operator_distro::Directory;
use flux_operator_inventory::{
    ApplyPlan, Engine, Entry, Inventory, InventoryStore, Outcome, Owner, Policy, StoreError, Verification,
};
use flux_operator_testkit::cluster::{Cluster, Options};
use flux_operator_testkit::proxy::Proxy;
use flux_operator_testkit::usage::Usage;
use kube::api::{Api, Patch, PatchParams};
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use serde_json::json;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// How often the times are measured; the fastest counts, because everything else on the machine
/// only ever adds.
const RUNS: usize = 5;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["idle", kubeconfig] => idle(kubeconfig, None).await,
        ["watch", kubeconfig, inventory] => idle(kubeconfig, Some(inventory)).await,
        [distribution] => measure(distribution).await,
        _ => Err("expected the folder of a distribution".into()),
    }
}

async fn measure(distribution: &str) -> Result<()> {
    let cluster = tokio::task::spawn_blocking(|| Cluster::start(&Options::default())).await??;
    let config = config(cluster.kubeconfig()).await?;
    let proxy = Proxy::start(config.clone()).await?;
    let objects = flux(distribution)?;
    let count = objects.len();

    let mut installs = Vec::new();
    for run in 0..RUNS {
        // The requests are counted once, at the proxy; the times are taken without it.
        let client = if run == 0 { proxy.client() } else { kube::Client::try_from(config.clone())? };
        let engine = engine(client);
        let began = Instant::now();
        let outcome = apply(&engine, &objects, Inventory::default(), Verification::Full).await?;
        if run == 0 {
            let requests = ratio(proxy.counts().total(), count);
            print("engine, first install, requests an object", requests, "ratio", 3.0);
        } else {
            installs.push(began.elapsed());
        }
        if run + 1 < RUNS {
            remove(&engine, &outcome.inventory).await?;
        }
    }
    print("engine, first install until applied", fastest(&installs), "seconds", 1.5);

    let inventory: Inventory = objects.iter().map(Entry::from).collect();
    let counted = engine(proxy.client());
    proxy.reset();
    apply(&counted, &objects, inventory.clone(), Verification::Full).await?;
    let kinds: std::collections::BTreeSet<_> = objects.iter().map(Object::kind).collect();
    let excess = ratio(proxy.counts().total(), count + kinds.len());
    print("engine, verified and unchanged, requests to objects and kinds", excess, "ratio", 1.0);
    counted.watch(&inventory).await?;
    quiet(&proxy).await;
    apply(&counted, &objects, inventory.clone(), Verification::Watched).await?;
    proxy.reset();
    apply(&counted, &objects, inventory.clone(), Verification::Watched).await?;
    print("engine, watched and unchanged, requests", ratio(proxy.counts().total(), 1), "ratio", 0.0);

    let direct = engine(kube::Client::try_from(config)?);
    let mut verifications = Vec::new();
    for _ in 0..RUNS {
        let began = Instant::now();
        apply(&direct, &objects, inventory.clone(), Verification::Full).await?;
        verifications.push(began.elapsed());
    }
    print("engine, verified and unchanged", fastest(&verifications), "seconds", 0.15);

    let kubeconfig = cluster.kubeconfig().display().to_string();
    let idle = resident(&["idle", &kubeconfig])?;
    // As text, so that rendering does not count as memory of watching.
    let stored = cluster.folder().join("inventory.json");
    std::fs::write(&stored, serde_json::to_string(&ResourceInventory::from(&inventory))?)?;
    let watching = resident(&["watch", &kubeconfig, &stored.display().to_string()])?;
    print("engine, watching an installation, memory over an idle client", watching - idle, "bytes", 8e6);
    Ok(())
}

/// A process that does nothing, or watches an installation, until it has settled; prints what
/// memory it has then.
async fn idle(kubeconfig: &str, watching: Option<&str>) -> Result<()> {
    let client = kube::Client::try_from(config(Path::new(kubeconfig)).await?)?;
    client.apiserver_version().await?;
    let engine = engine(client);
    if let Some(stored) = watching {
        let stored: ResourceInventory = serde_json::from_str(&std::fs::read_to_string(stored)?)?;
        engine.watch(&Inventory::from(&stored)).await?;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    println!("{}", Usage::own()?.resident);
    drop(engine);
    Ok(())
}

/// Memory of another process of this program, in bytes.
fn resident(arguments: &[&str]) -> Result<f64> {
    let output = Command::new(std::env::current_exe()?).args(arguments).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

async fn config(kubeconfig: &Path) -> Result<Config> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    config.default_retry = false;
    Ok(config)
}

const NAMESPACE: &str = "flux-system";

fn engine(client: kube::Client) -> Engine {
    Engine::new(client, Owner::new("flux", NAMESPACE))
}

fn flux(distribution: &str) -> Result<Vec<Object>> {
    let spec = FluxInstanceSpec::new(Distribution::new("2.x", "ghcr.io/fluxcd"));
    let plan = InstancePlan::parse(&FluxInstance::new("flux", spec).in_namespace(NAMESPACE))?;
    let directory = Directory::open(distribution)?;
    let release = directory.release(plan.select(&directory.versions()?)?)?;
    Ok(build(&plan, &release)?.objects().to_vec())
}

/// Keeps the inventory where the operator does: in the cluster, in one object.
struct Store(kube::Client);

impl InventoryStore for Store {
    async fn save(&self, inventory: &Inventory) -> std::result::Result<(), StoreError> {
        let text = serde_json::to_string(&ResourceInventory::from(inventory))?;
        let maps: Api<k8s_openapi::api::core::v1::ConfigMap> = Api::namespaced(self.0.clone(), "default");
        let metadata = json!({"name": "inventory"});
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"inventory": text}});
        maps.patch("inventory", &PatchParams::apply("measuring").force(), &Patch::Apply(map)).await?;
        Ok(())
    }
}

async fn apply(
    engine: &Engine,
    objects: &[Object],
    previous: Inventory,
    verification: Verification,
) -> Result<Outcome> {
    let plan = ApplyPlan::new(objects.to_vec(), &previous);
    let store = Store(engine.client().clone());
    let mut outcome = engine.apply(&plan, &Policy::default(), verification, &store).await;
    std::mem::replace(&mut outcome.result, Ok(()))?;
    Ok(outcome)
}

async fn remove(engine: &Engine, inventory: &Inventory) -> Result<()> {
    let entries: Vec<Entry> = inventory.iter().cloned().collect();
    let deletion = engine.delete(&entries).await;
    engine.wait_gone(&deletion.terminating, Duration::from_secs(60)).await?;
    Ok(())
}

async fn quiet(proxy: &Proxy) {
    let mut total = 0;
    while total != proxy.counts().total() {
        total = proxy.counts().total();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of requests")]
fn ratio(one: usize, other: usize) -> f64 {
    one as f64 / other as f64
}

fn fastest(times: &[Duration]) -> f64 {
    times.iter().min().map_or(f64::NAN, Duration::as_secs_f64)
}

fn print(what: &str, measured: f64, unit: &str, goal: f64) {
    println!("{}", json!({"what": what, "measured": measured, "unit": unit, "goal": goal}));
}
