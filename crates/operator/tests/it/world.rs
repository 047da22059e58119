//! A cluster, and the program beside it.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use flux_operator_testkit::cluster::{Cluster, Options};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, PostParams};
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The cluster of this run of tests. It ends with the process.
fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let options = Options { name: "operator".into(), controllers: false, ..Options::default() };
        Cluster::start(&options).expect("a cluster")
    })
}

/// One test's view of the cluster.
pub(crate) struct World {
    pub(crate) client: kube::Client,
    pub(crate) config: Config,
    /// A namespace of the test's own.
    pub(crate) namespace: String,
    kubeconfig: PathBuf,
}

impl World {
    pub(crate) async fn new(name: &str) -> Self {
        let kubeconfig = tokio::task::spawn_blocking(|| cluster().kubeconfig().to_owned()).await.unwrap();
        let read = Kubeconfig::read_from(&kubeconfig).unwrap();
        let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await.unwrap();
        let client = kube::Client::try_from(config.clone()).unwrap();
        let namespace = format!("{name}-test");
        let object = serde_json::from_value(json!({"metadata": {"name": namespace}})).unwrap();
        Api::<Namespace>::all(client.clone()).create(&PostParams::default(), &object).await.unwrap();
        Self { client, config, namespace, kubeconfig }
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

    /// Starts the program.
    pub(crate) fn program(&self, args: &[&str]) -> Program {
        Program::start(&self.kubeconfig, &self.namespace, args)
    }
}

/// The program as a process.
pub(crate) struct Program {
    child: Child,
    folder: TempDir,
}

impl Program {
    pub(crate) fn start(kubeconfig: &Path, namespace: &str, args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_flux-operator-controller"))
            .args(["--metrics-addr=127.0.0.1:0", "--health-addr=127.0.0.1:0"])
            .args(args)
            .env("KUBECONFIG", kubeconfig)
            .env("RUNTIME_NAMESPACE", namespace)
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, folder }
    }

    /// What it has logged so far, a value for each line.
    pub(crate) fn log(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.path().join("log")).unwrap();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect()
    }

    /// Waits for a line of the log with this message.
    pub(crate) async fn says(&mut self, message: &str) -> Value {
        let start = Instant::now();
        loop {
            let log = self.log();
            if let Some(line) = log.iter().find(|line| line["msg"] == message) {
                return line.clone();
            }
            assert!(start.elapsed() < Duration::from_secs(30), "never said `{message}`: {log:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Asks the server that a flag is about: the status code and the body.
    pub(crate) fn ask(&self, flag: &str, path: &str) -> (u16, String) {
        let log = self.log();
        let line = log.iter().find(|line| line["msg"] == "serving" && line["flag"] == flag).unwrap();
        let mut stream = TcpStream::connect(line["address"].as_str().unwrap()).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// Sends a signal, such as `TERM`.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([&format!("-{signal}"), &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits until it has ended: how, and how long that took.
    pub(crate) async fn ended(&mut self) -> (ExitStatus, Duration) {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, start.elapsed());
            }
            assert!(start.elapsed() < Duration::from_secs(30), "does not end: {:#?}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Where it has ended already, there is nothing to kill.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
