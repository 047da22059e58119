//! The program as a process: leadership, probes, signals.

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::process::Operator;
use crate::world::{World, kubeconfig};

/// Quick, so that a test does not take long.
const QUICK: [&str; 3] = [
    "--leader-election-lease-duration=4s",
    "--leader-election-renew-deadline=3s",
    "--leader-election-retry-period=500ms",
];

#[tokio::test]
async fn leads_and_gives_the_lease_back() {
    let world = World::new("leads").await;
    let mut program = Operator::start(&kubeconfig(), &world.namespace, &["--concurrent=10"]);
    let line = program.says("acquired the lease").await;
    assert_eq!(line["identity"], world.holder().await);
    assert_eq!(program.ask("--health-addr", "/healthz").await, (200, "ok".to_owned()));
    program.is_ready().await;
    assert!(program.is_leading().await);
    let given = program.says("some flags and variables have no effect in this operator").await;
    assert_eq!((&given["level"], &given["given"]), (&Value::from("warn"), &Value::from("--concurrent")));

    program.signal("TERM");
    let (status, took) = program.ended().await;
    assert!(status.code() == Some(0) && took < Duration::from_secs(5), "{status} after {took:?}: {}", program.log());
    assert_eq!(world.holder().await, "");
}

#[tokio::test]
async fn a_second_replica_stands_by_and_takes_over() {
    let world = World::new("standby").await;
    let mut first = Operator::start(&kubeconfig(), &world.namespace, &QUICK);
    first.says("acquired the lease").await;
    let holder = world.holder().await;
    let mut second = Operator::start(&kubeconfig(), &world.namespace, &QUICK);
    let waiting = format!("waiting for the lease, it is held by `{holder}`");
    second.says(&waiting).await;
    assert_eq!(second.ask("--health-addr", "/readyz").await, (200, "ok".to_owned()));
    assert!(first.is_leading().await && !second.is_leading().await);

    first.signal("KILL");
    first.ended().await;
    second.says("acquired the lease").await;
    assert_ne!(world.holder().await, holder);
    assert!(second.is_leading().await);
    second.signal("INT");
    assert_eq!(second.ended().await.0.code(), Some(0));
}

#[tokio::test]
async fn without_election_there_is_no_lease() {
    let world = World::new("alone").await;
    let mut program = Operator::start(&kubeconfig(), &world.namespace, &["--enable-leader-election=false"]);
    program.says("the API server answers").await;
    program.is_ready().await;
    assert!(!program.ask("--metrics-addr", "/metrics").await.1.contains("leader_election_master_status"));
    program.signal("TERM");
    assert_eq!(program.ended().await.0.code(), Some(0));
    assert!(world.leases().get_opt("flux-operator").await.unwrap().is_none());
}

/// A kubeconfig for a place where nobody listens, and its address.
fn nowhere() -> (String, String) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = format!(
        "{{apiVersion: v1, kind: Config, current-context: c, contexts: [{{name: c, context: {{cluster: c, user: u}}}}], \
         clusters: [{{name: c, cluster: {{server: \"http://{free}\"}}}}], users: [{{name: u, user: {{}}}}]}}"
    );
    (format!("http://{free}/"), text)
}

#[tokio::test]
async fn without_an_api_server_it_is_alive_and_not_ready() {
    let (url, kubeconfig) = nowhere();
    let mut program = Operator::start(&kubeconfig, "flux-system", &[]);
    let line = program.says("cannot use the API server, trying again").await;
    assert_eq!(line["url"], url);
    assert!(line["error"].as_str().unwrap().contains("refused"), "{line}");
    assert_eq!(program.ask("--health-addr", "/healthz").await, (200, "ok".to_owned()));
    assert_eq!(program.ask("--health-addr", "/readyz").await, (503, "the API server has not answered yet".to_owned()));
    program.signal("TERM");
    let (status, took) = program.ended().await;
    assert!(status.code() == Some(0) && took < Duration::from_secs(1), "{status} after {took:?}");
}

#[tokio::test]
async fn says_what_is_wrong_and_what_it_is() {
    let (_, kubeconfig) = nowhere();
    let mut program = Operator::start(&kubeconfig, "flux-system", &["--min-retry-delay=0s"]);
    assert_eq!(program.ended().await.0.code(), Some(1));
    assert_eq!(
        program.says("cannot go on").await["error"],
        "expected more than zero in `--min-retry-delay`, found `0s`"
    );

    let program = || Command::new(env!("CARGO_BIN_EXE_flux-operator-controller"));
    let output = program().arg("--version").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("flux-operator-controller version v") && text.contains(", rustc 1."), "{text}");
    let output = program().arg("--interval-jitter-percentage=100").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("--interval-jitter-percentage"));
}
