//! What the operator costs, on a cluster that is started for this: `cargo xtask bench` prints it in
//! its table.
//!
//! ```sh
//! cargo build --release --package flux-operator-controller
//! cargo run --release --package flux-operator-controller --example cost -- \
//!   target/release/flux-operator-controller testdata/distribution
//! ```

#![expect(clippy::indexing_slicing, reason = "what a JSON value does not have is null")]

mod shared;

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use flux_operator_api::identity::{API_VERSION, KIND};
use flux_operator_api::{Distribution, FluxInstance, FluxInstanceSpec, GoDuration};
use flux_operator_builder::{InstancePlan, build};
use flux_operator_distro::Directory;
use flux_operator_testkit::objects::{api, resource};
use flux_operator_testkit::proxy::Proxy;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Client;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::time::sleep;

use shared::{LOOK, NAMESPACE, PATIENCE, print, resident};

/// How often an installation is made; the fastest counts, because everything else on the machine
/// only ever adds.
const RUNS: usize = 3;

/// How long the idle operator is looked at.
const IDLE: Duration = Duration::from_secs(30);

/// No port that somebody else could have.
const FLAGS: [&str; 2] = ["--metrics-addr=127.0.0.1:0", "--health-addr=127.0.0.1:0"];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (operator, distribution) = shared::arguments()?;
    let (operator, distribution) = (operator.as_str(), distribution.as_str());
    let (cluster, config) = shared::cluster().await?;
    let world = World { client: Client::try_from(config.clone())? };

    let start = |kubeconfig: &str| shared::start(operator, distribution, kubeconfig, &FLAGS);
    let (mut installs, mut plain) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        plain.push(world.plain_install(distribution).await?);
        let direct = start(&std::fs::read_to_string(cluster.kubeconfig())?)?;
        let began = Instant::now();
        world.install().await?;
        installs.push(began.elapsed().as_secs_f64());
        world.uninstall().await?;
        drop(direct);
    }
    let beyond = fastest(&installs) - fastest(&plain);
    print("operator, fresh install until ready, beyond a plain apply and wait", beyond.max(0.0), "seconds", 3.0);

    // Requests are counted at a proxy.
    let proxy = Proxy::start(config).await?;
    let counted = start(&proxy.kubeconfig())?;
    world.install().await?;
    quiet(&proxy).await;
    let (requests, cpu) = (proxy.counts().total(), counted.usage()?.processor);
    sleep(IDLE).await;
    print("operator, idle, requests", number(proxy.counts().total() - requests), "ratio", 0.0);
    let share = counted.usage()?.processor.saturating_sub(cpu).as_secs_f64() / IDLE.as_secs_f64();
    print("operator, idle, percent of a core", share * 100.0, "ratio", 0.1);
    print("operator, idle, memory", resident(&counted)?, "bytes", 20e6);

    let mut unchanged = Vec::new();
    for run in 0..RUNS {
        let before = proxy.counts().total();
        unchanged.push(world.touch(run).await?);
        quiet(&proxy).await;
        if run == 0 {
            print(
                "operator, a run that changes nothing, requests",
                number(proxy.counts().total() - before),
                "ratio",
                4.0,
            );
        }
    }
    print("operator, a run that changes nothing", fastest(&unchanged), "seconds", 0.1);
    // Each is changed once: what is changed again and again is corrected less often.
    let mut corrected = Vec::new();
    for controller in ["source-controller", "kustomize-controller", "helm-controller"] {
        corrected.push(world.drift(controller).await?);
    }
    print("operator, drift until it is corrected", fastest(&corrected), "seconds", 2.0);
    world.uninstall().await
}

struct World {
    client: Client,
}

impl World {
    fn instances(&self) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), NAMESPACE, &resource(API_VERSION, KIND))
    }

    /// Creates the instance and waits until it is ready.
    async fn install(&self) -> anyhow::Result<()> {
        shared::apply(&self.client, &shared::instance()).await?;
        self.until(|instance| ready(instance)["reason"] == "ReconciliationSucceeded").await.map(drop)
    }

    async fn uninstall(&self) -> anyhow::Result<()> {
        self.instances().delete("flux", &DeleteParams::default()).await?;
        self.until(Value::is_null).await.map(drop)
    }

    /// Changes a Deployment, and returns how long that lasted.
    async fn drift(&self, controller: &str) -> anyhow::Result<f64> {
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), NAMESPACE);
        let none = Patch::Merge(json!({"spec": {"replicas": 0}}));
        deployments.patch(controller, &PatchParams::default(), &none).await?;
        let began = Instant::now();
        while deployments.get(controller).await?.spec.and_then(|spec| spec.replicas) == Some(0) {
            ensure!(began.elapsed() < PATIENCE, "the drift of {controller} is not corrected");
            sleep(LOOK).await;
        }
        Ok(began.elapsed().as_secs_f64())
    }

    /// Gives the operator a reason for a run, and returns how long that took by its own account.
    async fn touch(&self, run: usize) -> anyhow::Result<f64> {
        let annotations = json!({"example.com/touched": run.to_string()});
        let total = |instance: &Value| instance["status"]["history"][0]["totalReconciliations"].as_i64();
        let before = self.until(|_| true).await.map(|instance| total(&instance))?;
        let patch = Patch::Merge(json!({"metadata": {"annotations": annotations}}));
        self.instances().patch("flux", &PatchParams::default(), &patch).await?;
        let instance = self.until(|instance| total(instance) > before).await?;
        let took = instance["status"]["history"][0]["lastReconciledDuration"].as_str().unwrap_or_default();
        let took: GoDuration = took.parse().with_context(|| format!("`{took}` is no duration"))?;
        Ok(took.to_std().unwrap_or_default().as_secs_f64())
    }

    async fn until(&self, is_so: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let began = Instant::now();
        loop {
            let instance = self.instances().get_opt("flux").await?;
            let instance = instance.map_or(Ok(Value::Null), serde_json::to_value)?;
            if is_so(&instance) {
                return Ok(instance);
            }
            ensure!(began.elapsed() < PATIENCE, "waited too long: {}", instance["status"]["conditions"]);
            sleep(LOOK).await;
        }
    }

    /// What the API server and its controllers need by themselves: every object applied once, one
    /// after the other, and a wait for the Deployments.
    async fn plain_install(&self, distribution: &str) -> anyhow::Result<f64> {
        let spec = FluxInstanceSpec::new(Distribution::new("2.x", "ghcr.io/fluxcd"));
        let plan = InstancePlan::parse(&FluxInstance::new("flux", spec).in_namespace(NAMESPACE))?;
        let directory = Directory::open(distribution)?;
        let objects = build(&plan, &directory.release(plan.select(&directory.versions()?)?)?)?.into_objects();
        let began = Instant::now();
        for object in &objects {
            shared::apply(&self.client, object).await?;
        }
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), NAMESPACE);
        let is_available = |deployment: &Deployment| {
            deployment.status.as_ref().is_some_and(|status| status.available_replicas == Some(1))
        };
        while !deployments.list(&ListParams::default()).await?.items.iter().all(is_available) {
            ensure!(began.elapsed() < PATIENCE, "the Deployments do not become available");
            sleep(LOOK).await;
        }
        let took = began.elapsed();
        for object in objects.iter().rev().filter(|object| object.kind() != "Namespace") {
            api(&self.client, object).delete(object.name(), &DeleteParams::foreground()).await?;
            while api(&self.client, object).get_opt(object.name()).await?.is_some() {
                ensure!(began.elapsed() < PATIENCE, "{} does not go", object.id());
                sleep(LOOK).await;
            }
        }
        Ok(took.as_secs_f64())
    }
}

fn ready(instance: &Value) -> Value {
    let conditions = instance["status"]["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().find(|condition| condition["type"] == "Ready").cloned().unwrap_or_default()
}

async fn quiet(proxy: &Proxy) {
    let mut total = 0;
    while total != proxy.counts().total() {
        total = proxy.counts().total();
        sleep(Duration::from_secs(2)).await;
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of requests")]
fn number(count: usize) -> f64 {
    count as f64
}

fn fastest(times: &[f64]) -> f64 {
    times.iter().copied().fold(f64::INFINITY, f64::min)
}
