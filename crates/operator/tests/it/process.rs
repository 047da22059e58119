//! The operator, as a process of its own.

use std::ops::Deref;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use flux_operator_testkit::operator::Operator as Process;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::world::until;

/// How often to look whether it has ended.
const LOOK: Duration = Duration::from_millis(10);

/// The operator. Dropping it kills it.
pub(crate) struct Operator(Process);

impl Deref for Operator {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.0
    }
}

impl Operator {
    /// Starts it against the cluster of a kubeconfig, given as text.
    pub(crate) fn start(kubeconfig: &str, namespace: &str, args: &[&str]) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_flux-operator-controller"));
        let args = [&["--metrics-addr=127.0.0.1:0", "--health-addr=127.0.0.1:0"], args].concat();
        Self(Process::start(program, kubeconfig, namespace, args).unwrap())
    }

    /// The same, on files of a distribution and without a lease.
    pub(crate) fn alone(kubeconfig: &str, namespace: &str, distribution: &Path) -> Self {
        let storage = format!("--storage-path={}", distribution.display());
        Self::start(kubeconfig, namespace, &["--enable-leader-election=false", &storage])
    }

    /// The same, a value for each line.
    fn lines(&self) -> Vec<Value> {
        let log = self.log();
        let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect()
    }

    /// Waits for a line of the log with this message.
    pub(crate) async fn says(&self, message: &str) -> Value {
        until(&format!("it says `{message}`"), async || self.lines().into_iter().find(|line| line["msg"] == message))
            .await
    }

    /// Asks the server that a flag is about: the status code and the body.
    pub(crate) async fn ask(&self, flag: &str, path: &str) -> (u16, String) {
        let is_serving = |line: &Value| line["msg"] == "serving" && line["flag"] == flag;
        let line = until("it serves", async || self.lines().into_iter().find(is_serving)).await;
        let mut stream = TcpStream::connect(line["address"].as_str().unwrap()).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// Waits until it is ready.
    pub(crate) async fn is_ready(&self) {
        until("it is ready", async || (self.ask("--health-addr", "/readyz").await.0 == 200).then_some(())).await;
    }

    /// Whether its metrics say that it holds the lease.
    pub(crate) async fn is_leading(&self) -> bool {
        let (_, metrics) = self.ask("--metrics-addr", "/metrics").await;
        metrics.contains("leader_election_master_status{name=\"flux-operator\"} 1\n")
    }

    /// Sends a signal, such as `TERM`.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([&format!("-{signal}"), &self.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits until it has ended: how, and how long that took.
    pub(crate) async fn ended(&mut self) -> (ExitStatus, Duration) {
        let began = Instant::now();
        loop {
            if let Some(status) = self.0.ended().unwrap() {
                return (status, began.elapsed());
            }
            assert!(began.elapsed() < Duration::from_secs(60), "it ends");
            sleep(LOOK).await;
        }
    }
}
