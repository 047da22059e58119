//! What a thousand objects of Flux cost the operator, which counts them for its report, on a cluster
//! that is started for this: `cargo xtask bench` prints it in its table.
//!
//! ```sh
//! cargo build --release --package flux-operator-controller
//! cargo run --release --package flux-operator-controller --example report -- \
//!   target/release/flux-operator-controller testdata/distribution
//! ```

#![expect(clippy::indexing_slicing, reason = "what a JSON value does not have is null")]

mod shared;

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use flux_operator_testkit::objects::{custom, resource};
use flux_operator_testkit::operator::Operator;
use flux_operator_testkit::proxy::{Proxy, Verb};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use shared::{NAMESPACE, PATIENCE, print};

/// How many objects there are.
const OBJECTS: usize = 1000;

const KINDS: [(&str, &str); 4] = [
    ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
    ("source.toolkit.fluxcd.io/v1", "GitRepository"),
    ("source.toolkit.fluxcd.io/v1", "OCIRepository"),
    ("source.toolkit.fluxcd.io/v1", "HelmRepository"),
];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (operator, distribution) = shared::arguments()?;
    let (operator, distribution) = (operator.as_str(), distribution.as_str());
    let (_cluster, config) = shared::cluster().await?;
    let world = World { client: Client::try_from(config.clone())?, proxy: Proxy::start(config).await? };
    shared::apply(&world.client, &shared::instance()).await?;

    // An installation makes a heap that is larger than what is kept, so both operators find one that is there.
    let first = Scraped::start(operator, distribution, &world.proxy).await?;
    world.until_counted(0).await?;
    drop(first);
    let small = Scraped::start(operator, distribution, &world.proxy).await?;
    let empty = world.settled(&small).await?;
    world.populate().await?;
    world.until_counted(OBJECTS).await?;
    let grown = world.settled(&small).await?;
    drop(small);
    let before = world.proxy.counts();
    let large = Scraped::start(operator, distribution, &world.proxy).await?;
    let full = world.settled(&large).await?;
    let lists = world.proxy.counts().since(&before).of_verb(Verb::List);
    eprintln!("resident: {empty} without, {grown} when they came, {full} after a start with them, {lists} lists");
    let more = (grown.max(full) - empty).max(0.0);
    print("operator, 1000 objects of Flux, more memory", more, "bytes", 12e6);
    Ok(())
}

struct World {
    client: Client,
    proxy: Proxy,
}

impl World {
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
    async fn settled(&self, operator: &Scraped) -> anyhow::Result<f64> {
        let mut total = 0;
        while total != self.proxy.counts().total() {
            total = self.proxy.counts().total();
            sleep(Duration::from_secs(3)).await;
        }
        for _ in 0..3 {
            operator.scrape().await?;
        }
        shared::resident(&operator.process)
    }
}

/// The operator, with its metrics at a port that is known.
struct Scraped {
    process: Operator,
    metrics: String,
}

impl Scraped {
    async fn start(program: &str, distribution: &str, proxy: &Proxy) -> anyhow::Result<Self> {
        // A port that is free now: the operator does not tell which port it took, except in its log.
        let metrics = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.to_string();
        let flags = ["--health-addr=0", "--reporting-interval=10s", &format!("--metrics-addr={metrics}")];
        let process = shared::start(program, distribution, &proxy.kubeconfig(), &flags)?;
        Ok(Self { process, metrics })
    }

    async fn scrape(&self) -> anyhow::Result<()> {
        let mut stream = TcpStream::connect(&self.metrics).await.context("cannot reach the metrics")?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        ensure!(text.contains("flux_operator_info"), "no metrics: {text}");
        Ok(())
    }
}
