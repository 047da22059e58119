//! The program as a process: leadership, probes, signals.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::world::{Program, World};

/// Quick, so that a test does not take long.
const QUICK: [&str; 3] = [
    "--leader-election-lease-duration=4s",
    "--leader-election-renew-deadline=3s",
    "--leader-election-retry-period=500ms",
];

const LEADING: &str = "leader_election_master_status{name=\"flux-operator\"}";

fn is_leading(program: &Program) -> bool {
    let (_, metrics) = program.ask("--metrics-addr", "/metrics");
    metrics.contains(&format!("{LEADING} 1\n"))
}

#[tokio::test]
async fn leads_and_gives_the_lease_back() {
    let world = World::new("leads").await;
    let mut program = world.program(&["--concurrent=10"]);
    let line = program.says("acquired the lease").await;
    assert_eq!(line["identity"], world.holder().await);
    assert_eq!(program.ask("--health-addr", "/healthz"), (200, "ok".to_owned()));
    assert_eq!(program.ask("--health-addr", "/readyz"), (200, "ok".to_owned()));
    assert!(is_leading(&program));
    let given = program.says("some flags and variables have no effect in this operator").await;
    assert_eq!((&given["level"], &given["given"]), (&Value::from("warn"), &Value::from("--concurrent")));

    program.signal("TERM");
    let (status, took) = program.ended().await;
    assert!(status.code() == Some(0) && took < Duration::from_secs(5), "{status} after {took:?}: {:#?}", program.log());
    assert_eq!(world.holder().await, "");
}

#[tokio::test]
async fn a_second_replica_stands_by_and_takes_over() {
    let world = World::new("standby").await;
    let mut first = world.program(&QUICK);
    first.says("acquired the lease").await;
    let holder = world.holder().await;
    let mut second = world.program(&QUICK);
    let waiting = format!("waiting for the lease, it is held by `{holder}`");
    second.says(&waiting).await;
    assert_eq!(second.ask("--health-addr", "/readyz"), (200, "ok".to_owned()));
    assert!(is_leading(&first) && !is_leading(&second));

    first.signal("KILL");
    first.ended().await;
    second.says("acquired the lease").await;
    assert_ne!(world.holder().await, holder);
    assert!(is_leading(&second));
    second.signal("INT");
    assert_eq!(second.ended().await.0.code(), Some(0));
}

#[tokio::test]
async fn a_replica_that_was_stopped_knows_that_it_is_too_late() {
    let world = World::new("stopped").await;
    let mut first = world.program(&QUICK);
    first.says("acquired the lease").await;
    let mut second = world.program(&QUICK);
    first.signal("STOP");
    second.says("acquired the lease").await;
    let holder = world.holder().await;
    first.signal("CONT");
    let (status, took) = first.ended().await;
    assert!(status.code() == Some(1) && took < Duration::from_secs(2), "{status} after {took:?}: {:#?}", first.log());
    let line = first.says("cannot go on").await;
    let expected = format!("lost the lease `{}/flux-operator`: it was not renewed within `3s`", world.namespace);
    assert_eq!((&line["level"], &line["error"]), (&Value::from("error"), &Value::from(expected)));
    assert_eq!(world.holder().await, holder);
}

#[tokio::test]
async fn without_election_there_is_no_lease() {
    let world = World::new("alone").await;
    let mut program = world.program(&["--enable-leader-election=false"]);
    program.says("the API server answers").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(program.ask("--health-addr", "/readyz"), (200, "ok".to_owned()));
    assert!(!program.ask("--metrics-addr", "/metrics").1.contains(LEADING));
    program.signal("TERM");
    assert_eq!(program.ended().await.0.code(), Some(0));
    assert!(world.leases().get_opt("flux-operator").await.unwrap().is_none());
}

/// A kubeconfig for a place where nobody listens.
fn nowhere(folder: &Path) -> (String, std::path::PathBuf) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = format!(
        "{{apiVersion: v1, kind: Config, current-context: c, contexts: [{{name: c, context: {{cluster: c, user: u}}}}], \
         clusters: [{{name: c, cluster: {{server: \"http://{free}\"}}}}], users: [{{name: u, user: {{}}}}]}}"
    );
    let path = folder.join("kubeconfig");
    std::fs::write(&path, text).unwrap();
    (format!("http://{free}/"), path)
}

#[tokio::test]
async fn without_an_api_server_it_is_alive_and_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let (url, kubeconfig) = nowhere(folder.path());
    let mut program = Program::start(&kubeconfig, "flux-system", &[]);
    let line = program.says("cannot use the API server, trying again").await;
    assert_eq!(line["url"], url);
    assert!(line["error"].as_str().unwrap().contains("refused"), "{line}");
    assert_eq!(program.ask("--health-addr", "/healthz"), (200, "ok".to_owned()));
    assert_eq!(program.ask("--health-addr", "/readyz"), (503, "the API server has not answered yet".to_owned()));
    program.signal("TERM");
    let (status, took) = program.ended().await;
    assert!(status.code() == Some(0) && took < Duration::from_secs(1), "{status} after {took:?}");
}

#[tokio::test]
async fn says_what_is_wrong_and_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (_, kubeconfig) = nowhere(folder.path());
    let mut program = Program::start(&kubeconfig, "flux-system", &["--min-retry-delay=0s"]);
    assert_eq!(program.ended().await.0.code(), Some(1));
    assert_eq!(program.log()[0]["error"], "expected more than zero in `--min-retry-delay`, found `0s`");

    let program = || Command::new(env!("CARGO_BIN_EXE_flux-operator-controller"));
    let output = program().arg("--version").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("flux-operator-controller version v") && text.contains(", rustc 1."), "{text}");
    let output = program().arg("--interval-jitter-percentage=100").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("--interval-jitter-percentage"));
}
