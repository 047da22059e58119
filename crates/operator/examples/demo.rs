//! The operator at work: `cargo xtask demo` builds and runs this.
//!
//! A cluster that is thrown away, or one of your own; the CRD; the operator as a process beside it;
//! an instance. What happens is printed as it happens.

#![expect(clippy::print_stdout, reason = "a demonstration shows something")]
#![expect(clippy::indexing_slicing, reason = "what a JSON value does not have is null")]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Parser;
use flux_operator_api::identity::{API_VERSION, KIND};
use flux_operator_api::{Object, crd};
use flux_operator_builder::yaml::{self, Dialect, Limits};
use flux_operator_testkit::cluster::{Cluster, Options};
use flux_operator_testkit::objects::{api, resource};
use flux_operator_testkit::workspace;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Event;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::time::sleep;

/// Show the operator at work.
#[derive(Debug, Parser)]
struct Demo {
    /// The operator
    #[arg(long)]
    operator: PathBuf,
    /// A cluster of your own, instead of one that is thrown away
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The instance to apply; default: the sample of the repository
    #[arg(long, short = 'f', value_name = "FILE")]
    filename: Option<PathBuf>,
    /// The distribution to install from; default: that of the repository
    #[arg(long, value_name = "FOLDER")]
    distribution: Option<PathBuf>,
    /// End as soon as Flux is ready
    #[arg(long)]
    until_ready: bool,
}

/// How often to look.
const LOOK: Duration = Duration::from_millis(100);

/// How long everything may take.
const PATIENCE: Duration = Duration::from_secs(300);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let demo = Demo::parse();
    // Ended by Ctrl-C as well as by itself; whatever was started ends with this process.
    let interrupted = tokio::signal::ctrl_c();
    let cluster = if demo.kubeconfig.is_some() {
        None
    } else {
        println!("► starting a cluster; the first time, its programs are built, which takes some minutes");
        let began = Instant::now();
        let options = Options { name: "demo".into(), ..Options::default() };
        let cluster = tokio::task::spawn_blocking(move || Cluster::start(&options));
        let cluster = cluster.await.context("the cluster cannot be started")??;
        println!("✔ cluster is ready after {}", seconds(began));
        Some(cluster)
    };
    let kubeconfig = match (&demo.kubeconfig, &cluster) {
        (Some(file), _) => file.clone(),
        (None, Some(cluster)) => cluster.kubeconfig().to_owned(),
        (None, None) => bail!("there is no cluster"),
    };
    let stage = Stage::new(&demo, &kubeconfig).await?;
    tokio::select! {
        shown = stage.show(&demo, cluster.is_some()) => shown?,
        _ = interrupted => println!("\n► cleaning up"),
    }
    if cluster.is_none() {
        stage.uninstall().await?;
    }
    Ok(())
}

fn seconds(began: Instant) -> String {
    format!("{:.1}s", began.elapsed().as_secs_f64())
}

/// What a demonstration needs.
struct Stage {
    client: kube::Client,
    kubeconfig: PathBuf,
    instance: Value,
    namespace: String,
    // Killed when this is dropped.
    _operator: Child,
    log: PathBuf,
    _folder: tempfile::TempDir,
}

impl Stage {
    async fn new(demo: &Demo, kubeconfig: &Path) -> anyhow::Result<Self> {
        let read = Kubeconfig::read_from(kubeconfig)
            .with_context(|| format!("`{}` is no kubeconfig", kubeconfig.display()))?;
        let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await?;
        let client = kube::Client::try_from(config)?;
        let file = demo.filename.clone().unwrap_or_else(|| workspace::path("testdata/instances/sample.yaml"));
        let instance = instance(&file)?;
        let namespace = instance["metadata"]["namespace"].as_str().unwrap_or("flux-system").to_owned();
        let folder = tempfile::tempdir()?;
        let log = folder.path().join("operator.log");
        let distribution = demo.distribution.clone().unwrap_or_else(workspace::distribution);

        println!("► installing the CRDs and the namespace `{namespace}`");
        for definition in crd::all() {
            apply(&client, &Object::try_from(definition)?).await?;
        }
        let kept = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        apply(&client, &Object::try_from(kept)?).await?;

        println!("► starting the operator; its log is {}", log.display());
        let output = File::create(&log)?;
        let operator = Command::new(&demo.operator)
            .args(["--enable-leader-election=false", "--metrics-addr=127.0.0.1:0", "--health-addr=127.0.0.1:0"])
            .arg(format!("--storage-path={}", distribution.display()))
            .env("KUBECONFIG", kubeconfig)
            .env("RUNTIME_NAMESPACE", &namespace)
            .env("NOTIFICATIONS_DISABLED", "true")
            .stdout(Stdio::from(output.try_clone()?))
            .stderr(Stdio::from(output))
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start `{}`", demo.operator.display()))?;
        let kubeconfig = kubeconfig.to_owned();
        Ok(Self { client, kubeconfig, instance, namespace, _operator: operator, log, _folder: folder })
    }

    /// Applies the instance and tells what becomes of it.
    async fn show(&self, demo: &Demo, is_thrown_away: bool) -> anyhow::Result<()> {
        println!(
            "► applying {}",
            demo.filename.as_deref().map_or_else(|| "the sample instance".into(), |file| file.display().to_string())
        );
        let object = Object::try_from(self.instance.clone())?;
        let began = Instant::now();
        while let Err(error) = apply(&self.client, &object).await {
            // The API server serves a new kind a moment after its CRD was accepted.
            if began.elapsed() > Duration::from_secs(10) {
                return Err(error);
            }
            sleep(LOOK).await;
        }
        let mut view = View::default();
        let began = Instant::now();
        while !view.look(self).await? {
            if began.elapsed() > PATIENCE {
                bail!("Flux is not ready after {}; see {}", seconds(began), self.log.display());
            }
            sleep(LOOK).await;
        }
        println!("✔ Flux is ready after {}", seconds(began));
        if demo.until_ready {
            return Ok(());
        }
        self.invite(is_thrown_away);
        loop {
            view.look(self).await?;
            sleep(LOOK).await;
        }
    }

    fn invite(&self, is_thrown_away: bool) {
        let namespace = &self.namespace;
        println!("\nTry, in another shell:\n");
        println!("  export KUBECONFIG={}", self.kubeconfig.display());
        println!("  kubectl -n {namespace} get fluxinstance flux -o yaml");
        println!("  kubectl -n {namespace} scale deployment source-controller --replicas=0    # watch it come back");
        println!(
            "  kubectl -n {namespace} patch fluxinstance flux --type=merge -p '{{\"spec\":{{\"cluster\":{{\"size\":\"large\"}}}}}}'"
        );
        println!("  kubectl -n {namespace} delete fluxinstance flux");
        let end = if is_thrown_away { "throws everything away" } else { "uninstalls Flux and ends" };
        println!("\nCtrl-C {end}.\n");
    }

    /// Deletes the instance and waits until nothing of it is left.
    async fn uninstall(&self) -> anyhow::Result<()> {
        let instances = self.instances();
        if instances.get_opt("flux").await?.is_none() {
            return Ok(());
        }
        instances.delete("flux", &DeleteParams::default()).await?;
        let began = Instant::now();
        while instances.get_opt("flux").await?.is_some() {
            if began.elapsed() > PATIENCE {
                bail!("Flux is not uninstalled after {}; see {}", seconds(began), self.log.display());
            }
            sleep(LOOK).await;
        }
        println!("✔ Flux is uninstalled; the CRD of the operator stays");
        Ok(())
    }

    fn instances(&self) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource(API_VERSION, KIND))
    }
}

/// What was shown so far.
#[derive(Default)]
struct View {
    lines: BTreeMap<String, String>,
}

impl View {
    /// Shows what has changed; true while the instance is ready as it is described.
    async fn look(&mut self, stage: &Stage) -> anyhow::Result<bool> {
        let events: Api<Event> = Api::namespaced(stage.client.clone(), &stage.namespace);
        for event in events.list(&ListParams::default().fields("involvedObject.name=flux")).await? {
            let message = event.message.unwrap_or_default();
            let key = format!("{} {}", event.metadata.name.unwrap_or_default(), event.count.unwrap_or_default());
            self.tell(&key, &format!("◎ {}: {message}", event.reason.unwrap_or_default()));
        }
        let deployments: Api<Deployment> = Api::namespaced(stage.client.clone(), &stage.namespace);
        let part = ListParams::default().labels("app.kubernetes.io/part-of=flux");
        for deployment in deployments.list(&part).await? {
            let name = deployment.metadata.name.unwrap_or_default();
            let ready = deployment.status.and_then(|status| status.ready_replicas).unwrap_or_default();
            let wanted = deployment.spec.and_then(|spec| spec.replicas).unwrap_or(1);
            let mark = if ready == wanted { '✔' } else { '…' };
            self.tell(&name, &format!("{mark} {name} {ready}/{wanted}"));
        }
        let Some(instance) = stage.instances().get_opt("flux").await? else {
            return Ok(false);
        };
        let instance = serde_json::to_value(instance)?;
        let conditions = instance["status"]["conditions"].as_array().into_iter().flatten();
        let ready = conditions.into_iter().find(|condition| condition["type"] == "Ready").unwrap_or(&Value::Null);
        let text = |field: &str| ready[field].as_str().unwrap_or_default();
        self.tell(
            "instance",
            &format!("► FluxInstance/{}/flux Ready={} {}", stage.namespace, text("status"), text("message")),
        );
        Ok(text("status") == "True" && ready["observedGeneration"] == instance["metadata"]["generation"])
    }

    fn tell(&mut self, what: &str, line: &str) {
        if self.lines.get(what).is_none_or(|told| told != line) {
            println!("{line}");
            self.lines.insert(what.to_owned(), line.to_owned());
        }
    }
}

fn instance(file: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let documents = yaml::read_documents(&text, Dialect::Manifest, &Limits::INPUT)?;
    let found = documents.into_iter().find(|document| document["kind"] == "FluxInstance");
    found.with_context(|| format!("`{}` has no FluxInstance", file.display()))
}

async fn apply(client: &kube::Client, object: &Object) -> anyhow::Result<()> {
    let params = PatchParams::apply("flux-operator-demo").force();
    api(client, object)
        .patch(object.name(), &params, &Patch::Apply(object))
        .await
        .with_context(|| format!("cannot apply {}", object.id()))?;
    Ok(())
}
