//! What commands cost, on a cluster that is started for this: `cargo xtask bench` prints it in its table.
//!
//! ```sh
//! cargo run --release --package flux-operator-cli --example commands -- target/release/flux-operator
//! ```

#![allow(clippy::print_stdout, clippy::indexing_slicing, reason = "a program that measures and prints")]

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use flux_operator_api::{Object, crd};
use flux_operator_testkit::cluster::{Cluster, Options};
use flux_operator_testkit::objects::{api, resource};
use flux_operator_testkit::proxy::Proxy;
use futures::StreamExt as _;
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams};
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// How often times are measured; the middle one counts.
const RUNS: usize = 15;

/// What is in the cluster: Kustomizations and HelmReleases, half and half, and what one has applied.
const RESOURCES: usize = 2_000;
const APPLIED: usize = 500;

const NAMESPACE: &str = "bench";
const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io/v1";
const HELM: &str = "helm.toolkit.fluxcd.io/v2";
const OPERATOR: &str = "fluxcd.controlplane.io/v1";

#[tokio::main]
async fn main() -> Result<()> {
    let program = std::env::args().nth(1).ok_or("expected the program `flux-operator`")?;
    let options = Options { name: "cli-cost".into(), controllers: false, ..Options::default() };
    let cluster = tokio::task::spawn_blocking(move || Cluster::start(&options)).await??;
    let config = config(cluster.kubeconfig()).await?;
    fill(&kube::Client::try_from(config.clone())?).await?;

    let relay = Relay::start(config.cluster_url.authority().ok_or("no address")?.as_str())?;
    let kubeconfig = cluster.kubeconfig().display().to_string();
    let run = |words: &[&str]| {
        let mut command = Command::new(&program);
        command.args(words).args(["--kubeconfig", &kubeconfig]).env("NO_COLOR", "1");
        command
    };

    let mut answers = Vec::new();
    for _ in 0..RUNS {
        let began = Instant::now();
        let client = kube::Client::try_from(config.clone())?;
        let instances: Api<DynamicObject> = Api::all_with(client, &resource(OPERATOR, "FluxInstance"));
        instances.list(&ListParams::default()).await?;
        answers.push(began.elapsed());
    }
    let get_instance = median(RUNS, || run(&["get", "instance"]))?;
    print("command line, get instance, beyond the answer", beyond(get_instance, median_of(answers)), "seconds", 0.03);
    let before = relay.connections();
    once(run(&["get", "instance", "--kube-server", &format!("https://{}", relay.address)]))?;
    print("command line, get instance, connections", count(relay.connections() - before), "ratio", 1.0);

    let tree = ["tree", "kustomization", "root", "-n", NAMESPACE, "--health"];
    print("command line, tree of 500 objects with health", median(RUNS, || run(&tree))?.as_secs_f64(), "seconds", 1.0);
    let proxy = Proxy::start(config).await?;
    let through = cluster.folder().join("proxy.json");
    std::fs::write(&through, proxy.kubeconfig())?;
    let mut counted = Command::new(&program);
    counted.args(tree).arg("--kubeconfig").arg(&through);
    tokio::task::spawn_blocking(move || once(counted).map_err(|error| error.to_string())).await??;
    print("command line, tree of 500 objects, requests", count(proxy.counts().total()), "ratio", 10.0);

    let all = median(RUNS, || run(&["get", "all", "-A"]))?;
    print("command line, get all of 2,000", all.as_secs_f64(), "seconds", 1.0);
    let words = ["__complete", "reconcile", "resource", "-n", NAMESPACE, "--kubeconfig", &kubeconfig, "ks/a"];
    let complete = median(RUNS, || {
        let mut command = Command::new(&program);
        command.args(words);
        command
    })?;
    print("command line, completion of names", complete.as_secs_f64(), "seconds", 0.1);
    Ok(())
}

async fn config(kubeconfig: &Path) -> Result<Config> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    config.default_retry = false;
    Ok(config)
}

/// Makes the kinds and the objects.
async fn fill(client: &kube::Client) -> Result<()> {
    let instance = crd::flux_instance();
    let kinds = [("kustomizations", "Kustomization", KUSTOMIZE), ("helmreleases", "HelmRelease", HELM)];
    for definition in
        kinds.into_iter().map(|(plural, kind, version)| definition(plural, kind, version)).chain([instance])
    {
        let definition = Object::try_from(definition)?;
        apply(client, &definition).await?;
        loop {
            let live = api(client, &definition).get(definition.name()).await?;
            let conditions = live.data.pointer("/status/conditions").and_then(Value::as_array);
            let is = |condition: &Value| condition["type"] == "Established" && condition["status"] == "True";
            if conditions.into_iter().flatten().any(is) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    apply(
        client,
        &Object::try_from(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}))?,
    )
    .await?;
    let object = |api_version: &str, kind: &str, name: &str, rest: Value| {
        let mut object =
            json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}});
        if let (Some(fields), Value::Object(rest)) = (object.as_object_mut(), rest) {
            fields.extend(rest);
        }
        object
    };
    let entries: Vec<_> = (0..APPLIED)
        .map(|number| json!({"id": format!("{NAMESPACE}_settings-{number}__ConfigMap"), "v": "v1"}))
        .collect();
    let spec = json!({"spec": {"distribution": {"version": "2.x", "registry": "ghcr.io/fluxcd"}}});
    let mut objects = vec![
        object(OPERATOR, "FluxInstance", "flux", spec),
        object(KUSTOMIZE, "Kustomization", "root", json!({"status": {"inventory": {"entries": entries}}})),
    ];
    for number in 0..APPLIED {
        let mut settings = object("v1", "ConfigMap", &format!("settings-{number}"), json!({"data": {"a": "b"}}));
        settings["metadata"]["labels"] =
            json!({"kustomize.toolkit.fluxcd.io/name": "root", "kustomize.toolkit.fluxcd.io/namespace": NAMESPACE});
        objects.push(settings);
    }
    let condition = json!({"type": "Ready", "status": "True", "reason": "Succeeded", "message": "Applied revision: main@sha1:0123456789abcdef0123456789abcdef01234567"});
    for number in 0..RESOURCES {
        let (kind, version) = if number % 2 == 0 { ("Kustomization", KUSTOMIZE) } else { ("HelmRelease", HELM) };
        let rest = json!({"spec": {"interval": "10m", "path": "./apps"}, "status": {"conditions": [condition]}});
        objects.push(object(version, kind, &format!("app-{number}"), rest));
    }
    let objects: Vec<Object> = objects.into_iter().map(Object::try_from).collect::<std::result::Result<_, _>>()?;
    let mut applied = futures::stream::iter(objects.iter().map(|object| apply(client, object))).buffer_unordered(32);
    while let Some(result) = applied.next().await {
        result?;
    }
    Ok(())
}

async fn apply(client: &kube::Client, object: &Object) -> Result<()> {
    let patch = Patch::Apply(object);
    api(client, object).patch(object.name(), &PatchParams::apply("measuring").force(), &patch).await?;
    Ok(())
}

/// A CRD whose objects may hold anything, status included, so that one request makes an object.
fn definition(plural: &str, kind: &str, api_version: &str) -> Value {
    let (group, version) = api_version.split_once('/').unwrap_or_default();
    let anything = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let schema = json!({"type": "object", "properties": {"spec": anything, "status": anything}});
    let version = json!({"name": version, "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}});
    let names =
        json!({"plural": plural, "kind": kind, "singular": kind.to_lowercase(), "listKind": format!("{kind}List")});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {"group": group, "names": names, "scope": "Namespaced", "versions": [version]},
    })
}

/// Runs a command to its end, which has to be a good one.
fn once(mut command: Command) -> Result<Duration> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let began = Instant::now();
    let output = command.output()?;
    let took = began.elapsed();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(took)
}

/// The time that half of the runs stay below. One more run before them does not count.
fn median(runs: usize, command: impl Fn() -> Command) -> Result<Duration> {
    once(command())?;
    let times: Result<Vec<_>> = (0..runs).map(|_| once(command())).collect();
    Ok(median_of(times?))
}

fn median_of(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn beyond(time: Duration, other: Duration) -> f64 {
    time.saturating_sub(other).as_secs_f64()
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

fn print(what: &str, measured: f64, unit: &str, goal: f64) {
    println!("{}", json!({"what": what, "measured": measured, "unit": unit, "goal": goal}));
}

/// Passes connections on, and counts them.
struct Relay {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Relay {
    fn start(to: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let relay = Self { address: listener.local_addr()?, connections: Arc::default() };
        let (to, connections) = (to.to_owned(), Arc::clone(&relay.connections));
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                connections.fetch_add(1, Ordering::Relaxed);
                if let Ok(far) = TcpStream::connect(&to) {
                    pass_on(&near, &far);
                    pass_on(&far, &near);
                }
            }
        });
        Ok(relay)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

/// Whoever hangs up ends both directions.
fn pass_on(from: &TcpStream, to: &TcpStream) {
    let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else { return };
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
}
