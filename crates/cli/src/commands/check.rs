//! `flux-operator check`.

mod access;
mod crds;
mod registry;

use std::io::Write;

use clap::Args;
use flux_operator_api::{Object, labels};
use flux_operator_builder::VersionRange;
use flux_operator_inventory::health::{self, Status};
use http::Request;
use jiff::Timestamp;
use kube::api::ListParams;
use serde_json::Value;

use crate::cluster::{Cluster, Scope, Span, on_cluster};
use crate::error::{Advise, Complaint, Failure};
use crate::globals::Globals;
use crate::installation::{OPERATOR, deployments, flux_version, operator_version};
use crate::output;
use crate::readiness::{condition, text};
use crate::registry::HostArgs;
use crate::ui::Mark;

const EXAMPLES: &str = "\
Examples:
  # Can the operator be installed here?
  flux-operator check --pre

  # Is everything as it should be?
  flux-operator check";

/// Check the cluster, the operator and Flux. Where a check fails, the exit code is 1.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Only what an installation needs: the version of the cluster, and permissions.
    #[arg(long)]
    pre: bool,

    #[command(flatten)]
    hosts: HostArgs,
}

/// The Kubernetes that Flux works with.
pub const SUPPORTED: &str = ">=1.33.0-0";

/// Something is not as it should be.
#[derive(Debug, thiserror::Error)]
#[error("{}", match .0 { 1 => "1 check failed".to_owned(), count => format!("{count} checks failed") })]
struct ChecksFailed(usize);

/// The lines of the report.
#[derive(Default)]
struct Report {
    text: String,
    failed: usize,
}

impl Report {
    fn about(&mut self, what: &str) {
        self.text.push_str(&Mark::Sent.line(what));
    }

    fn good(&mut self, what: &str) {
        self.text.push_str(&Mark::Done.line(what));
    }

    fn bad(&mut self, what: &str) {
        self.failed += 1;
        self.text.push_str(&Mark::Failed.line(what));
    }

    /// Good, or bad for this reason.
    fn judge(&mut self, is_good: bool, good: &str, bad: &str) {
        if is_good { self.good(good) } else { self.bad(bad) }
    }

    /// Prints what has come together.
    fn flush(&mut self, stdout: &mut dyn Write) -> Result<bool, Failure> {
        output::write_colored(stdout, &std::mem::take(&mut self.text))
    }
}

/// Prints the report.
///
/// # Errors
/// The cluster cannot be asked, or a check fails.
pub(crate) fn run(arguments: &Arguments, globals: &Globals, stdout: &mut dyn Write) -> Result<(), Failure> {
    let mut report = Report::default();
    let artifact = on_cluster(globals, Span::Limited, async |cluster: Cluster| {
        report.about("checking prerequisites");
        version(&cluster, &mut report).await?;
        access::check(&cluster, &mut report).await?;
        // What is known is shown while the rest is asked for.
        report.flush(stdout)?;
        if arguments.pre {
            return Ok(None);
        }
        report.about("checking version in cluster");
        let artifact = installed(&cluster, &mut report).await?;
        report.about("checking controllers");
        controllers(&cluster, &mut report).await?;
        report.about("checking crds");
        crds::check(&cluster, &mut report).await?;
        report.flush(stdout)?;
        Ok(artifact)
    })?;
    if let Some(artifact) = artifact {
        registry::check(&artifact, &arguments.hosts, globals.timeout, &mut report)?;
    }
    if report.failed == 0 {
        report.good(if arguments.pre { "prerequisites checks passed" } else { "all checks passed" });
    }
    report.flush(stdout)?;
    match report.failed {
        0 => Ok(()),
        failed => Err(Complaint::new(ChecksFailed(failed)).into()),
    }
}

async fn version(cluster: &Cluster, report: &mut Report) -> Result<(), Failure> {
    let request = Request::get("/version").body(Vec::new()).unwrap_or_default();
    let version: Value = cluster.ask("read the version of the cluster", request).await?;
    let version = version.get("gitVersion").and_then(Value::as_str).unwrap_or_default().trim_start_matches('v');
    let range: Option<VersionRange> = SUPPORTED.parse().ok();
    let is_supported = range.zip(version.parse().ok()).is_some_and(|(range, version)| range.contains(&version));
    let good = format!("Kubernetes {version} {SUPPORTED}");
    report.judge(is_supported, &good, &format!("Kubernetes version {version} does not match {SUPPORTED}"));
    Ok(())
}

/// What is installed. Returns the artifact that the instance gets Flux from, where it names one.
async fn installed(cluster: &Cluster, report: &mut Report) -> Result<Option<String>, Failure> {
    match cluster.operator().await? {
        Some(operator) => {
            let version = operator_version(&operator).unwrap_or_else(|| "of an unknown version".to_owned());
            report.good(&format!("operator: {version}"));
        }
        None => report.bad("operator: no Deployment has the label `app.kubernetes.io/name=flux-operator`"),
    }
    let Some(instance) = cluster.instance().await? else {
        report.bad("distribution: there is no FluxInstance");
        return Ok(None);
    };
    let version = flux_version(&instance).unwrap_or_else(|| "nothing applied yet".to_owned());
    report.good(&format!("distribution: {version}"));
    ready(&instance, report);
    // Not every installation has reports.
    if let Some(found) = cluster.report().await? {
        ready(&found, report);
    }
    Ok(text(&instance, "/spec/distribution/artifact").map(str::to_owned))
}

fn ready(object: &Object, report: &mut Report) {
    match condition(object, "Ready") {
        Some(ready) if ready.status == "True" => report.good(&format!("{}: ready", object.id())),
        Some(ready) => report.bad(&format!("{}: {}", object.id(), ready.message)),
        None => report.bad(&format!("{}: not initialized", object.id())),
    }
}

async fn controllers(cluster: &Cluster, report: &mut Report) -> Result<(), Failure> {
    let flux = format!("{}={}", labels::PART_OF, labels::PART_OF_FLUX);
    let now = Timestamp::now();
    let mut found = Vec::new();
    for selector in [OPERATOR, flux.as_str()] {
        let params = ListParams::default().labels(selector);
        found.extend(cluster.list(&deployments(), &Scope::All, &params).await?.objects);
    }
    if found.is_empty() {
        report.bad("there are no Deployments of Flux");
    }
    for deployment in found {
        let health = health::of(&deployment, now);
        let name = deployment.name();
        let good = format!("{name}: deployment ready");
        report.judge(health.status == Status::Current, &good, &format!("{name}: {}", health.message));
        let containers = deployment.pointer("/spec/template/spec/containers").and_then(Value::as_array);
        for container in containers.into_iter().flatten() {
            report.about(container.get("image").and_then(Value::as_str).unwrap_or_default());
        }
    }
    Ok(())
}

impl Advise for ChecksFailed {
    fn hint(&self) -> Option<String> {
        Some("`flux-operator get all -A --ready-status False` and `flux-operator events -A` tell more".to_owned())
    }
}
