//! What a thousand objects of Flux cost the operator, which counts them for its report, on a cluster
//! that is started for this: `cargo xtask bench` prints it in its table.
//!
//! ```sh
//! cargo build --release --package flux-operator-controller
//! cargo run --release --package flux-operator-controller --example report -- \
//!   target/release/flux-operator-controller testdata/distribution
//! ```

#![expect(clippy::print_stdout, reason = "a program that measures and prints")]
#![expect(clippy::indexing_slicing, reason = "what a JSON value does not have is null")]

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use flux_operator_api::{Object, crd};
use flux_operator_testkit::cluster::{Cluster, Options};
use flux_operator_testkit::objects::{api, custom, resource};
use flux_operator_testkit::proxy::{Proxy, Verb};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::sleep;

/// How many objects there are.
const OBJECTS: usize = 1000;

const KINDS: [(&str, &str); 4] = [
    ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
    ("source.toolkit.fluxcd.io/v1", "GitRepository"),
    ("source.toolkit.fluxcd.io/v1", "OCIRepository"),
    ("source.toolkit.fluxcd.io/v1", "HelmRepository"),
];

const PATIENCE: Duration = Duration::from_secs(180);
const NAMESPACE: &str = "flux-system";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [operator, distribution] = arguments.as_slice() else {
        anyhow::bail!("expected the operator and the folder of a distribution");
    };
    let cluster = tokio::task::spawn_blocking(|| Cluster::start(&Options::default())).await??;
    let kubeconfig = Kubeconfig::read_from(cluster.kubeconfig())?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    config.default_retry = false;
    let world = World { client: Client::try_from(config.clone())?, proxy: Proxy::start(config).await? };
    for definition in crd::all() {
        world.apply(&Object::try_from(definition)?).await?;
    }
    world.apply(&custom("v1", "Namespace", NAMESPACE).build()).await?;
    let spec = json!({"distribution": {"version": "2.x", "registry": "ghcr.io/fluxcd"}});
    let instance = custom("fluxcd.controlplane.io/v1", "FluxInstance", "flux").in_namespace(NAMESPACE).spec(spec);
    world.apply(&instance.build()).await?;

    // An installation makes a heap that is larger than what is kept, so both operators find one that is there.
    let first = Operator::start(operator, distribution, &world.proxy).await?;
    world.until_counted(0).await?;
    drop(first);
    let small = Operator::start(operator, distribution, &world.proxy).await?;
    let empty = world.settled(&small).await?;
    world.populate().await?;
    world.until_counted(OBJECTS).await?;
    let grown = world.settled(&small).await?;
    drop(small);
    let before = world.proxy.counts();
    let large = Operator::start(operator, distribution, &world.proxy).await?;
    let full = world.settled(&large).await?;
    let lists = world.proxy.counts().since(&before).of_verb(Verb::List);
    eprintln!("resident: {empty} without, {grown} when they came, {full} after a start with them, {lists} lists");
    let more = (grown.max(full) - empty).max(0.0);
    println!(
        "{}",
        json!({"what": "operator, 1000 objects of Flux, more memory", "measured": more, "unit": "bytes", "goal": 12e6})
    );
    Ok(())
}

struct World {
    client: Client,
    proxy: Proxy,
}

impl World {
    /// Applies an object, as soon as its kind is served.
    async fn apply(&self, object: &Object) -> anyhow::Result<()> {
        let began = Instant::now();
        let params = PatchParams::apply("report").force();
        while let Err(error) = api(&self.client, object).patch(object.name(), &params, &Patch::Apply(object)).await {
            ensure!(began.elapsed() < PATIENCE, "cannot apply {}: {error}", object.id());
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    fn of(&self, api_version: &str, kind: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), NAMESPACE, &resource(api_version, kind))
    }

    /// Makes the objects, each with a status as controllers write it.
    async fn populate(&self) -> anyhow::Result<()> {
        let make = async |nth: usize| -> anyhow::Result<()> {
            let (api_version, kind) = KINDS[nth % KINDS.len()];
            let (name, api) = (format!("object-{nth}"), self.of(api_version, kind));
            let source = json!({"kind": "GitRepository", "name": "fleet"});
            let spec = match kind {
                "Kustomization" => json!({"interval": "1h", "path": "./", "prune": true, "sourceRef": source}),
                "OCIRepository" => json!({"interval": "1h", "url": "oci://registry.example.com/manifests"}),
                _ => json!({"interval": "1h", "url": "https://example.com/fleet"}),
            };
            let object = custom(api_version, kind, &name).in_namespace(NAMESPACE).spec(spec).build();
            api.create(&PostParams::default(), &serde_json::from_value(object.into_value())?).await?;
            let entries: Vec<_> =
                (0..20).map(|n| json!({"id": format!("apps_config-{n}__ConfigMap"), "v": "v1"})).collect();
            let ready = json!({
                "type": "Ready", "status": "True", "reason": "Succeeded", "lastTransitionTime": "2026-01-01T00:00:00Z",
                "message": format!("Applied revision: main@sha1:{nth:040}"), "observedGeneration": 1,
            });
            let status = json!({
                "observedGeneration": 1, "conditions": [ready], "inventory": {"entries": entries},
                "artifact": {"revision": format!("main@sha1:{nth:040}"), "size": 4096, "path": "p", "url": "u",
                    "digest": "sha256:0", "lastUpdateTime": "2026-01-01T00:00:00Z"},
            });
            let patch = Patch::Merge(json!({"status": status}));
            api.patch_status(&name, &PatchParams::default(), &patch).await?;
            Ok(())
        };
        stream::iter((0..OBJECTS).map(make)).buffer_unordered(16).try_collect().await
    }

    /// Waits until the report has so many objects.
    async fn until_counted(&self, objects: usize) -> anyhow::Result<()> {
        let reports = self.of("fluxcd.controlplane.io/v1", "FluxReport");
        let began = Instant::now();
        loop {
            let report = reports.get_opt("flux").await?.map_or(Value::Null, |report| report.data);
            let kinds = report["spec"]["reconcilers"].as_array().into_iter().flatten();
            let of_flux = kinds.filter(|kind| kind["kind"] != "FluxInstance");
            let counts: Vec<_> = of_flux.filter_map(|kind| kind["stats"]["running"].as_u64()).collect();
            if !counts.is_empty() && usize::try_from(counts.iter().sum::<u64>())? == objects {
                return Ok(());
            }
            ensure!(began.elapsed() < PATIENCE, "the report does not get there: {}", report["spec"]["reconcilers"]);
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// Resident memory in bytes, once nothing is asked any more and metrics were scraped.
    async fn settled(&self, operator: &Operator) -> anyhow::Result<f64> {
        let mut total = 0;
        while total != self.proxy.counts().total() {
            total = self.proxy.counts().total();
            sleep(Duration::from_secs(3)).await;
        }
        for _ in 0..3 {
            operator.scrape().await?;
        }
        operator.resident()
    }
}

/// The operator. It ends when this is dropped.
struct Operator {
    child: Child,
    metrics: String,
    _folder: tempfile::TempDir,
}

impl Operator {
    async fn start(operator: &str, distribution: &str, proxy: &Proxy) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let config = folder.path().join("kubeconfig");
        std::fs::write(&config, proxy.kubeconfig())?;
        // Free at the moment; the operator does not say which port it took, except in its log.
        let metrics = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.to_string();
        let child = Command::new(operator)
            .args(["--enable-leader-election=false", "--health-addr=0", "--reporting-interval=10s"])
            .arg(format!("--metrics-addr={metrics}"))
            .arg(format!("--storage-path={distribution}"))
            .env("KUBECONFIG", &config)
            .env("RUNTIME_NAMESPACE", NAMESPACE)
            .env("NOTIFICATIONS_DISABLED", "true")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start `{operator}`"))?;
        Ok(Self { child, metrics, _folder: folder })
    }

    async fn scrape(&self) -> anyhow::Result<()> {
        let mut stream = TcpStream::connect(&self.metrics).await.context("cannot reach the metrics")?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        ensure!(text.contains("flux_operator_info"), "no metrics: {text}");
        Ok(())
    }

    fn resident(&self) -> anyhow::Result<f64> {
        let pid = self.child.id().context("the operator has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("cannot look at the operator")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse::<f64>()? * 1024.0)
    }
}
