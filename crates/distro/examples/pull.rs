//! What polling, pulling and refusing cost, from a registry that is started for this on loopback:
//! `cargo xtask bench` prints it in its table.
//!
//! ```sh
//! cargo run --release --package flux-operator-distro --example pull -- testdata/distribution
//! ```
//!
//! The registry is CNCF Distribution where there is a Go to build it with, and otherwise lives in this
//! process. What pulls is this program again as a child, so that its time and memory are its own. It
//! needs `/proc`, which is to say Linux.

#![expect(clippy::print_stdout, reason = "a program that measures and prints")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use flux_operator_distro::credentials::Credentials;
use flux_operator_distro::{Artifacts, Cache, Client, ClientOptions, Reference};
use flux_operator_testkit::registry::{
    Artifact, FLUX_LAYER, Registry, RegistryError, Scripted, artifact, pack, pack_dir,
};
use flux_operator_testkit::usage::Usage;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// How often something is pulled. The fastest counts, because everything else on the machine only
/// ever adds, and the most memory.
const PULLS: usize = 7;
/// The kernel counts processor time in hundredths of a second.
const POLLS: u32 = 1_000;
/// A real registry writes down a request when its client has the answer already.
const LOG_DELAY: Duration = Duration::from_millis(500);

const BOMB_FILES: usize = 10;
const BOMB_FILE_BYTES: usize = 10 << 20;
const EMPTY_FILES: usize = 200_000;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["pull", reference] => as_the_operator(pull(reference)),
        ["poll", reference] => as_the_operator(poll(reference)),
        [distribution] => {
            let runtime = tokio::runtime::Runtime::new()?;
            runtime.block_on(compare(Path::new(distribution)))
        }
        _ => bail!("expected the folder of a distribution"),
    }
}

/// What a child tells about a pull.
#[derive(Debug, Deserialize, Serialize)]
struct Pulled {
    /// Why nothing was unpacked.
    refused: Option<String>,
    seconds: f64,
    /// Bytes before anything was asked for.
    idle: u64,
    /// The most bytes that there were.
    peak: u64,
}

/// What a child tells about polls.
#[derive(Debug, Deserialize, Serialize)]
struct Polled {
    /// Processor time of one.
    seconds: f64,
}

async fn compare(distribution: &Path) -> anyhow::Result<()> {
    let host = Host::start().await?;
    let real = artifact(&pack_dir(distribution).context("cannot pack the distribution")?, FLUX_LAYER);
    let zeros = vec![0; BOMB_FILE_BYTES];
    let bomb = refused_layer(BOMB_FILES, &zeros);
    let many = refused_layer(EMPTY_FILES, &[]);

    let reference = host.push("flux", &real).await?;
    let before = host.requests().await;
    let polled: Polled = child("poll", &reference).await?;
    let requests = number(u64::try_from(host.requests().await - before)?) / f64::from(POLLS + 1);
    print("registry, a poll without change, requests", requests, "ratio", 1.0);
    print("registry, a poll without change, processor time", polled.seconds, "seconds", 1e-3);

    let pulled = best(&reference).await?;
    if let Some(reason) = pulled.refused {
        bail!("the distribution is refused: {reason}");
    }
    print("registry, pull and unpack of the distribution", pulled.seconds, "seconds", 0.15);
    print(
        "registry, pull and unpack of the distribution, memory above idle",
        number(pulled.peak - pulled.idle),
        "bytes",
        40e6,
    );

    for (what, layer) in [("a bomb of 100 MiB", &bomb), ("200,000 empty files", &many)] {
        let reference = host.push("hostile", layer).await?;
        let pulled = best(&reference).await?;
        ensure!(pulled.refused.is_some(), "{what} is taken for a distribution");
        print(&format!("registry, {what} refused"), pulled.seconds, "seconds", 0.1);
        print(&format!("registry, {what} refused, peak memory"), number(pulled.peak), "bytes", 67_108_864.0);
    }
    Ok(())
}

/// An artifact whose layer has so many files with the same content.
fn refused_layer(files: usize, content: &[u8]) -> Artifact {
    let names: Vec<String> = (0..files).map(|at| format!("flux/v2.9.0/{at}.yaml")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), content)).collect();
    artifact(&pack(&files), FLUX_LAYER)
}

/// A registry on loopback.
enum Host {
    Real(Registry),
    Scripted(Scripted),
}

impl Host {
    async fn start() -> anyhow::Result<Self> {
        match tokio::task::spawn_blocking(|| Registry::plain().start()).await? {
            Ok(registry) => Ok(Self::Real(registry)),
            Err(RegistryError::NoGo) => {
                eprintln!("the registry is one of testkit, not a real one: {}", RegistryError::NoGo);
                Ok(Self::Scripted(Scripted::plain().start().await?))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Puts an artifact there, and returns its name.
    async fn push(&self, repository: &str, artifact: &Artifact) -> anyhow::Result<String> {
        let host = match self {
            Self::Real(registry) => {
                registry.push(repository, "latest", artifact).await?;
                registry.host()
            }
            Self::Scripted(registry) => {
                registry.put(repository, "latest", artifact);
                registry.host()
            }
        };
        Ok(format!("oci://{host}/{repository}:latest"))
    }

    /// How many requests there were.
    async fn requests(&self) -> usize {
        tokio::time::sleep(LOG_DELAY).await;
        match self {
            Self::Real(registry) => registry.requests(),
            Self::Scripted(registry) => registry.requests().len(),
        }
    }
}

/// Pulls again and again, each time in a process of its own.
async fn best(reference: &str) -> anyhow::Result<Pulled> {
    let mut best: Pulled = child("pull", reference).await?;
    for _ in 1..PULLS {
        let pulled: Pulled = child("pull", reference).await?;
        best.seconds = best.seconds.min(pulled.seconds);
        if pulled.peak - pulled.idle > best.peak - best.idle {
            (best.peak, best.idle) = (pulled.peak, pulled.idle);
        }
    }
    Ok(best)
}

/// Runs this program as one that pulls, and returns what it tells.
async fn child<T: for<'de> Deserialize<'de>>(action: &str, reference: &str) -> anyhow::Result<T> {
    let mut command = Command::new(std::env::current_exe().context("cannot find this program")?);
    command.args([action, reference]).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    ensure!(output.status.success(), "the child that should {action} failed");
    serde_json::from_slice(&output.stdout).context("cannot read what the child told")
}

/// Runs with the threads that the operator has, and prints the result.
fn as_the_operator<T: Serialize>(action: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(4).build()?;
    let told = runtime.block_on(action)?;
    println!("{}", serde_json::to_string(&told)?);
    Ok(())
}

/// Nothing is known: no connection, no certificates, no content.
async fn pull(reference: &str) -> anyhow::Result<Pulled> {
    let reference: Reference = reference.parse()?;
    let folder = tempfile::tempdir()?;
    let client = Arc::new(Client::new(ClientOptions::default())?);
    let artifacts = Artifacts::new(client, Some(Cache::new(folder.path().join("cache"))));
    let idle = Usage::own()?.resident;
    let began = Instant::now();
    let refused = match artifacts.pull(&reference, &Credentials::Anonymous).await {
        Ok(artifact) => {
            artifact.unpack(&folder.path().join("distribution"))?;
            None
        }
        Err(error) => Some(format!("{:#}", anyhow::Error::new(error))),
    };
    let seconds = began.elapsed().as_secs_f64();
    Ok(Pulled { refused, seconds, idle, peak: Usage::own()?.peak })
}

/// Looks at a tag again and again, as the operator does while nothing moves. The first look makes the
/// connection and does not count.
async fn poll(reference: &str) -> anyhow::Result<Polled> {
    let reference: Reference = reference.parse()?;
    let artifacts = Artifacts::new(Arc::new(Client::new(ClientOptions::default())?), None);
    let digest = artifacts.resolve(&reference, &Credentials::Anonymous).await?;
    let before = Usage::own()?.processor;
    for _ in 0..POLLS {
        ensure!(artifacts.resolve(&reference, &Credentials::Anonymous).await? == digest, "the tag moved");
    }
    Ok(Polled { seconds: Usage::own()?.processor.saturating_sub(before).as_secs_f64() / f64::from(POLLS) })
}

#[expect(clippy::cast_precision_loss, reason = "far less than 2^53")]
fn number(count: u64) -> f64 {
    count as f64
}

fn print(what: &str, measured: f64, unit: &str, goal: f64) {
    println!("{}", json!({"what": what, "measured": measured, "unit": unit, "goal": goal}));
}
