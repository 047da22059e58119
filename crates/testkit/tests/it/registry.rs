//! The real registry: that it keeps what it gets, knows its user, and leaves nothing behind.
//!
//! Where there is neither Go nor a program, these tests say so and pass.

use std::env;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use flux_operator_testkit::registry::{Client, ClientError, Registry, artifact, pack};
use http::StatusCode;

/// Set for a process that is to own a registry until it is killed.
const OWNER: &str = "TESTKIT_REGISTRY_OWNER";

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn keeps_an_artifact() {
    let Some(registry) = Registry::plain().start_or_skip() else { return };
    let artifact = artifact(&pack(&[("a.yaml", b"a: 1\n")]), "application/x");
    registry.push("apps/web", "v1", &artifact).await.unwrap();

    let client = Client::new(registry.host());
    let manifest = client.get("/v2/apps/web/manifests/v1").await.unwrap();
    assert_eq!(manifest.headers()["docker-content-digest"], artifact.digest().to_string());
    assert_eq!(manifest.body(), &artifact.manifest);
    let blob = client.get(&format!("/v2/apps/web/blobs/{}", artifact.layer_digest())).await.unwrap();
    assert_eq!(blob.body(), &artifact.blobs[1]);
    // Two blobs in two requests each, the manifest, and what was read.
    let began = Instant::now();
    while registry.requests() < 7 && began.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(registry.requests(), 7);
}

#[tokio::test]
async fn lets_in_its_user_over_https() {
    let Some(registry) = Registry::plain().with_tls().with_basic_auth("user", "password").start_or_skip() else {
        return;
    };
    registry.push("apps", "v1", &artifact(b"layer", "application/x")).await.unwrap();

    let stranger = Client::new(registry.host()).trusting(registry.ca_pem().unwrap());
    let answer = stranger.get("/v2/apps/manifests/v1").await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(answer.headers()["www-authenticate"], "Basic realm=\"testkit\"");
    let liar = stranger.clone().with_basic_auth("user", "passwort");
    assert_eq!(liar.get("/v2/").await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let user = stranger.with_basic_auth("user", "password");
    assert_eq!(user.get("/v2/apps/manifests/v1").await.unwrap().status(), StatusCode::OK);

    let other = Registry::plain().with_tls().start_or_skip().unwrap();
    let confused = Client::new(registry.host()).trusting(other.ca_pem().unwrap());
    assert!(matches!(confused.get("/v2/").await, Err(ClientError::Connection { .. })));
}

#[test]
fn nothing_outlives_an_owner_that_is_killed() {
    let mut owner = Command::new(env::current_exe().unwrap());
    owner.args(["--exact", "registry::owner", "--ignored", "--nocapture"]).env(OWNER, "yes").stdin(Stdio::null());
    let mut owner = owner.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines().map_while(Result::ok);
    let place = lines.find_map(|line| Some(line.split_once("registry: ")?.1.to_owned()));
    // None where the owner skipped.
    if let Some(place) = place {
        let (host, folder) = place.split_once(' ').unwrap();
        let folder = PathBuf::from(folder);
        assert!(std::net::TcpStream::connect(host).is_ok() && folder.exists());
        owner.kill().unwrap();
        let began = Instant::now();
        while std::net::TcpStream::connect(host).is_ok() || folder.exists() {
            assert!(began.elapsed() < PATIENCE, "{place} is still there");
            thread::sleep(Duration::from_millis(20));
        }
    }
    owner.wait().unwrap();
}

#[test]
#[ignore = "what `nothing_outlives_an_owner_that_is_killed` runs and kills"]
fn owner() {
    if env::var_os(OWNER).is_none() {
        return;
    }
    if let Some(registry) = Registry::plain().start_or_skip() {
        println!("registry: {} {}", registry.host(), registry.log().parent().unwrap().display());
        thread::sleep(PATIENCE);
    }
}
