//! `cargo xtask dist rehearse`: a release, installed as users install it, before anybody does.

mod container;
mod hands;
mod log;
mod node;
mod pod;
mod specification;
mod way;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, thread};

use anyhow::{Context as _, bail, ensure};
use flux_operator_testkit::cluster::{Cluster, Options, ProgramError};
use flux_operator_testkit::tools::Tool;
use flux_operator_testkit::workspace;
use k8s_openapi::api::core::v1::Pod;

use super::image::{self, Image};
use super::layout::{Contents, Layout};
use super::platform::Platform;
use hands::Hands;
use pod::Server;
use way::Way;

/// Install a release as users do, by each way there is, and see it work and go again.
///
/// Takes the image that `dist image` wrote. Starts a Kubernetes on this machine, installs by helm and by kubectl, and
/// does for the pod of the operator what a kubelet would: unpacks the image, runs it in a container as the pod says,
/// asks its probes. Then there has to be a Flux that is ready, no error in the log, and in the end nothing left.
///
/// The controllers of Flux are not run: a stand-in for kubelets calls their pods ready. The container has the network
/// of this machine, so the ports of the operator have to be free. Needs root and runc, which is installed from Debian
/// where it is missing, and Go the first time. Prints the digest of the image, and nothing else, to stdout.
#[derive(Debug, clap::Args)]
pub(super) struct Rehearsal {
    /// The image [default: flux-operator_VERSION_image.tar in target/dist]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["binaries", "distribution"])]
    image: Option<PathBuf>,
    /// Make an image for this machine from the programs that `dist binaries` wrote here
    #[arg(long, value_name = "DIR", requires = "distribution")]
    binaries: Option<PathBuf>,
    /// The distribution of that image, as `dist vendor` wrote it
    #[arg(long, value_name = "DIR", requires = "binaries")]
    distribution: Option<PathBuf>,
    /// Make one from this program, which may need libraries of this machine, and the distribution of the tests
    #[arg(long, value_name = "FILE", conflicts_with_all = ["image", "binaries", "distribution"])]
    program: Option<PathBuf>,
    /// Which way to install; may be given several times [default: all]
    #[arg(long = "way", value_name = "WAY")]
    ways: Vec<Way>,
}

/// What is rehearsed.
struct Piece {
    image: Contents,
    /// Whether the program needs libraries that are not in the image.
    libraries: bool,
}

const NAMESPACE: &str = "flux-system";
const DEPLOYMENT: &str = "flux-operator";

/// How long a step may take that Kubernetes does by itself.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(200);

impl Rehearsal {
    /// With a program that no release has.
    pub(super) const fn of(program: PathBuf) -> Self {
        Self { image: None, binaries: None, distribution: None, program: Some(program), ways: Vec::new() }
    }

    pub(super) fn run(self) -> anyhow::Result<()> {
        match turn()? {
            Turn::Granted(lock) => self.perform(&lock),
            Turn::Refused(reason) => bail!("{reason}"),
        }
    }

    /// What `turn` grants is held meanwhile.
    pub(super) fn perform(self, _turn: &File) -> anyhow::Result<()> {
        let folder = tempfile::tempdir().context("cannot make a folder")?;
        let layout = Layout::open(&self.image(folder.path())?)?;
        let platform = Platform::of_this_machine().context("no image is made for machines like this one")?;
        let piece = Piece { image: layout.image(platform.architecture())?, libraries: self.program.is_some() };
        let ways = if self.ways.is_empty() { Way::ALL.to_vec() } else { self.ways };
        for (number, way) in ways.into_iter().enumerate() {
            rehearse(way, &piece, &folder.path().join(number.to_string()))
                .with_context(|| format!("the release cannot be installed by {}", way.name()))?;
        }
        println!("{}", layout.digest());
        Ok(())
    }

    /// The file with the image, which may have to be made.
    fn image(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        let platform = Platform::of_this_machine().context("no image is made for machines like this one")?;
        let made = folder.join("image.tar");
        if let Some(program) = &self.program {
            let binaries = folder.join("binaries");
            let to = platform.folder(&binaries);
            fs::create_dir_all(&to)
                .and_then(|()| fs::copy(program, to.join(image::PROGRAM)))
                .with_context(|| format!("cannot copy `{}`", program.display()))?;
            Image::single(&binaries, &workspace::distribution(), platform, &made)?;
        } else if let (Some(binaries), Some(distribution)) = (&self.binaries, &self.distribution) {
            Image::single(binaries, distribution, platform, &made)?;
        } else {
            return Ok(self.image.clone().unwrap_or_else(|| image::file(Path::new("target/dist"))));
        }
        Ok(made)
    }
}

/// Whether there can be a rehearsal here and now.
pub(super) enum Turn {
    /// Nobody else rehearses on this machine as long as this is held.
    Granted(File),
    /// With the reason.
    Refused(String),
}

/// Waits until nobody else rehearses on this machine, because of the ports, and looks at what is needed.
///
/// # Errors
/// It cannot be found out.
pub(super) fn turn() -> anyhow::Result<Turn> {
    if let Err(error) = container::prepare() {
        return Ok(Turn::Refused(error.to_string()));
    }
    // Built before the clock runs, where that has to be.
    for tool in [Tool::Helm, Tool::Kubectl] {
        match tool.find() {
            Err(error @ ProgramError::NoGo { .. }) => return Ok(Turn::Refused(error.to_string())),
            found => drop(found?),
        }
    }
    let path = env::temp_dir().join("flux-operator-rehearsal.lock");
    let lock = File::create(&path).with_context(|| format!("cannot make `{}`", path.display()))?;
    lock.lock().context("cannot wait for another rehearsal")?;
    let taken = image::PORTS.into_iter().find(|port| TcpListener::bind(("0.0.0.0", *port)).is_err());
    Ok(match taken {
        None => Turn::Granted(lock),
        Some(port) => Turn::Refused(format!(
            "port {port} of this machine is in use, which the operator listens on: stop who has it"
        )),
    })
}

/// What is seen, with the seconds since the beginning.
struct Account(Instant);

impl Account {
    fn tell(&self, line: &str) {
        eprintln!("{:7.1} s  {line}", self.0.elapsed().as_secs_f64());
    }
}

/// One way, from a cluster without anything to one that has nothing again.
fn rehearse(way: Way, piece: &Piece, folder: &Path) -> anyhow::Result<()> {
    eprintln!("\n== {}", way.title());
    let account = Account(Instant::now());
    let cluster = Cluster::start(&Options { name: "rehearsal".to_owned(), ..Options::default() })?;
    let hands = Hands::new(cluster.kubeconfig())?;
    account.tell(&format!("a clean cluster, {}", hands.run("kubectl get --raw /version").map(|text| version(&text))?));
    let before = hands.inventory()?;
    let type_in = |line: &str| {
        hands.run(line)?;
        account.tell(&format!("$ {line}"));
        anyhow::Ok(())
    };

    way.install().iter().try_for_each(|line| type_in(line))?;
    let pod = pod_of_deployment(&hands)?;
    let wanted = pod::only_container(&pod)?.clone();
    let version = piece.image.config.labels.get("org.opencontainers.image.version").cloned().unwrap_or_default();
    let asked = wanted.image.clone().unwrap_or_default();
    ensure!(asked.ends_with(&format!(":{version}")), "the pod asks for `{asked}`, and this image is {version}");
    let server = server(cluster.url())?;
    let (request, mut container) = node::run(&pod, &piece.image, piece.libraries, &server, &hands, folder)?;
    account.tell(&format!("the pod {} asks for {asked}", pod::field(&pod, "metadata.name")?));
    account.tell(&format!("a container of the image runs: {}", described(&request)));
    for probe in [&wanted.liveness_probe, &wanted.readiness_probe] {
        let question = pod::question(&wanted, probe.as_ref())?;
        let took = node::answers(&mut container, &question)?.as_secs_f64();
        account.tell(&format!("{} at port {} is answered after {took:.1} s", question.path, question.port));
    }

    type_in(way.instance())?;
    type_in(&format!("kubectl -n {NAMESPACE} wait fluxinstance/flux --for=condition=Ready --timeout=5m"))?;
    container.runs()?;
    let status: serde_json::Value = hands.get(&format!("fluxinstance flux -n {NAMESPACE}"))?;
    let status = status.get("status").cloned().unwrap_or_default();
    let objects = status.pointer("/inventory/entries").and_then(serde_json::Value::as_array).map_or(0, Vec::len);
    let revision = status.get("lastAppliedRevision").and_then(serde_json::Value::as_str).unwrap_or_default();
    ensure!(objects > 0, "the instance is ready, and has no objects");
    account.tell(&format!("Flux {revision} is ready, {objects} objects"));

    type_in(way.remove_instance())?;
    type_in(&format!("kubectl -n {NAMESPACE} wait fluxinstance/flux --for=delete --timeout=2m"))?;
    let usage = container.usage()?;
    let log = log::read(&container.log())?;
    account.tell(&format!("the log: {log}"));
    account.tell(&format!("memory: {} resident, {} at most", mebibytes(usage.resident), mebibytes(usage.peak)));

    type_in(way.uninstall())?;
    let grace = pod.spec.as_ref().and_then(|spec| spec.termination_grace_period_seconds).unwrap_or(30);
    until("the pod is gone", || Ok(pods(&hands)?.is_empty().then_some(())))?;
    let (took, log) = container.stop(Duration::from_secs(grace.unsigned_abs()))?;
    log::whole(&log)?;
    account.tell(&format!("asked to stop, the program ends well after {:.1} s", took.as_secs_f64()));
    let left = left(&hands, way, &before)?;
    for object in &left {
        account.tell(&format!("left: {object}, {}", way.leaves(object).unwrap_or_default()));
    }
    account.tell(if left.is_empty() { "nothing is left" } else { "nothing else is left" });
    Ok(())
}

/// What is there that was not there before, once there is nothing that should not be.
fn left(hands: &Hands<'_>, way: Way, before: &BTreeSet<String>) -> anyhow::Result<Vec<String>> {
    let began = Instant::now();
    loop {
        let is_late = began.elapsed() > PATIENCE;
        match hands.inventory() {
            Ok(now) => {
                let left: Vec<_> = now.difference(before).cloned().collect();
                let faulty: Vec<_> = left.iter().filter(|object| way.leaves(object).is_none()).cloned().collect();
                if faulty.is_empty() {
                    return Ok(left);
                }
                ensure!(!is_late, "after {PATIENCE:?}, there still is {}", faulty.join(", "));
            }
            // A kind may go between being listed and being looked at.
            Err(error) if is_late => return Err(error),
            Err(_) => {}
        }
        thread::sleep(PAUSE);
    }
}

fn pods(hands: &Hands<'_>) -> anyhow::Result<Vec<Pod>> {
    #[derive(serde::Deserialize)]
    struct Found {
        items: Vec<Pod>,
    }
    let found: Found = hands.get(&format!("pods -n {NAMESPACE} --selector=app.kubernetes.io/name={DEPLOYMENT}"))?;
    Ok(found.items)
}

/// The pod that was made for the operator, once it has a node.
fn pod_of_deployment(hands: &Hands<'_>) -> anyhow::Result<Pod> {
    until("there is a pod of the operator", || {
        let has_node = |pod: &Pod| pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some());
        Ok(pods(hands)?.into_iter().find(has_node))
    })
}

fn until<T>(what: &str, mut look: impl FnMut() -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
    let began = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        ensure!(began.elapsed() < PATIENCE, "waited {PATIENCE:?} until {what}");
        thread::sleep(PAUSE);
    }
}

fn server(url: &str) -> anyhow::Result<Server> {
    let address = url.strip_prefix("https://").and_then(|address| address.rsplit_once(':'));
    let (host, port) = address.with_context(|| format!("`{url}` is no address"))?;
    Ok(Server { host: host.to_owned(), port: port.to_owned() })
}

fn version(answer: &str) -> String {
    let answer: serde_json::Value = serde_json::from_str(answer).unwrap_or_default();
    format!("Kubernetes {}", answer.get("gitVersion").and_then(serde_json::Value::as_str).unwrap_or("of some version"))
}

fn described(request: &pod::Request) -> String {
    let root = if request.read_only_root { "read-only" } else { "writable" };
    let memory = request.memory.map_or_else(|| "no limit".to_owned(), |limit| mebibytes(limit.unsigned_abs()));
    let cpu = request.cpu.map_or_else(|| "no limit".to_owned(), |limit| format!("{limit}m"));
    let user = format!("{}:{}", request.user, request.group);
    let args = request.args.join(" ");
    format!("`{args}`, user {user}, no capabilities, root {root}, memory {memory}, processor {cpu}")
}

#[expect(clippy::cast_precision_loss, reason = "the size of a process")]
fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
