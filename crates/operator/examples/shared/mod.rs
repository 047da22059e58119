//! What the examples share that measure: a cluster to measure on, and the operator beside it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use flux_operator_api::{Object, crd};
use flux_operator_testkit::cluster::{Cluster, Options};
use flux_operator_testkit::objects::{api, custom};
use flux_operator_testkit::operator::Operator;
use kube::Client;
use kube::api::{Patch, PatchParams};
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use serde_json::json;
use tokio::time::sleep;

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// How often to look.
pub(crate) const LOOK: Duration = Duration::from_millis(20);

/// Where the operator is, and its instance.
pub(crate) const NAMESPACE: &str = "flux-system";

/// The program and the distribution to measure, from the command line.
pub(crate) fn arguments() -> anyhow::Result<(String, String)> {
    let mut arguments = std::env::args().skip(1);
    let both = arguments.next().zip(arguments.next());
    both.filter(|_| arguments.next().is_none()).context("expected the operator and the folder of a distribution")
}

/// Starts a cluster with the CRDs and the namespace of the operator. Its clients never try twice, so that requests can
/// be counted.
pub(crate) async fn cluster() -> anyhow::Result<(Cluster, Config)> {
    let cluster = tokio::task::spawn_blocking(|| Cluster::start(&Options::default())).await??;
    let kubeconfig = Kubeconfig::read_from(cluster.kubeconfig())?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    config.default_retry = false;
    let client = Client::try_from(config.clone())?;
    for definition in crd::all() {
        apply(&client, &Object::try_from(definition)?).await?;
    }
    apply(&client, &custom("v1", "Namespace", NAMESPACE).build()).await?;
    Ok((cluster, config))
}

/// Applies an object, as soon as its kind is served.
pub(crate) async fn apply(client: &Client, object: &Object) -> anyhow::Result<()> {
    let began = Instant::now();
    let params = PatchParams::apply("measuring").force();
    while let Err(error) = api(client, object).patch(object.name(), &params, &Patch::Apply(object)).await {
        ensure!(began.elapsed() < PATIENCE, "cannot apply {}: {error}", object.id());
        sleep(LOOK).await;
    }
    Ok(())
}

/// An instance that leaves everything to the operator.
pub(crate) fn instance() -> Object {
    let spec = json!({"distribution": {"version": "2.x", "registry": "ghcr.io/fluxcd"}});
    custom("fluxcd.controlplane.io/v1", "FluxInstance", "flux").in_namespace(NAMESPACE).spec(spec).build()
}

/// Starts the operator against the cluster of a kubeconfig, given as text.
pub(crate) fn start(program: &str, distribution: &str, kubeconfig: &str, flags: &[&str]) -> anyhow::Result<Operator> {
    let storage = format!("--storage-path={distribution}");
    let args = [&["--enable-leader-election=false", &storage], flags].concat();
    Operator::start(Path::new(program), kubeconfig, NAMESPACE, args)
        .with_context(|| format!("cannot start `{program}`"))
}

/// The resident memory of the operator, in bytes.
#[expect(clippy::cast_precision_loss, reason = "far less than 2^53 bytes")]
pub(crate) fn resident(operator: &Operator) -> anyhow::Result<f64> {
    Ok(operator.usage().context("cannot look at the operator")?.resident as f64)
}

/// Tells `cargo xtask bench` a figure.
#[expect(clippy::print_stdout, reason = "a program that measures and prints")]
pub(crate) fn print(what: &str, measured: f64, unit: &str, goal: f64) {
    println!("{}", json!({"what": what, "measured": measured, "unit": unit, "goal": goal}));
}
