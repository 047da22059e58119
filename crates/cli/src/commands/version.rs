//! `flux-operator version`.

use std::io::Write;

use clap::Args;
use flux_operator_api::Object;
use serde_json::json;

use crate::cluster::{Cluster, ClusterError, Span, on_cluster};
use crate::error::{Advise, Complaint, Failure};
use crate::globals::Globals;
use crate::installation::{flux_version, operator_version};
use crate::output::{self, DocumentFormat};
use crate::readiness::text;

const EXAMPLES: &str = "\
Examples:
  # The versions of this program, of the operator and of Flux
  flux-operator version

  # Without a cluster
  flux-operator version --client

  # For a script
  flux-operator version -o json";

/// Print the versions of this program, of the operator in the cluster, and of Flux.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Ask no cluster.
    #[arg(long)]
    client: bool,

    /// Print a document in this format, instead of lines.
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<DocumentFormat>,
}

/// Nothing to tell a version from.
#[derive(Debug, thiserror::Error)]
#[error("the cluster has no Flux operator")]
struct NoOperator;

/// Versions as far as they are known.
#[derive(Debug, Default)]
struct Versions {
    server: Option<String>,
    distribution: Option<String>,
}

const CLIENT: &str = env!("CARGO_PKG_VERSION");

/// Prints the versions. That of the client is there even where the cluster cannot be asked.
///
/// # Errors
/// The cluster cannot be asked, or has no operator.
#[expect(clippy::indexing_slicing, reason = "fields of an object of our own")]
pub(crate) fn run(arguments: &Arguments, globals: &Globals, stdout: &mut dyn Write) -> Result<(), Failure> {
    let Arguments { client, output } = arguments;
    if output.is_none() && !output::write(stdout, &format!("client: {CLIENT}\n"))? {
        return Ok(());
    }
    let versions = if *client {
        Ok(Versions::default())
    } else {
        on_cluster(globals, Span::Limited, async |cluster: Cluster| Ok(versions(&cluster).await?))
    };
    let Versions { server, distribution } = match (versions, output) {
        (Ok(versions), _) => versions,
        (Err(failure), None) => return Err(failure),
        (Err(failure), Some(format)) => {
            output::write(stdout, &output::document(&json!({"client": CLIENT}), *format))?;
            return Err(failure);
        }
    };
    let lines = [("server", &server), ("distribution", &distribution)];
    let known = lines.into_iter().filter_map(|(name, version)| Some((name, version.as_deref()?)));
    let text = match output {
        None => known.map(|(name, version)| format!("{name}: {version}\n")).collect(),
        Some(format) => {
            let mut document = json!({"client": CLIENT});
            for (name, version) in known {
                document[name] = version.into();
            }
            output::document(&document, *format)
        }
    };
    output::write(stdout, &text)?;
    if server.is_none() && !client { Err(Complaint::new(NoOperator).into()) } else { Ok(()) }
}

/// What the report says, and where it says nothing, what runs.
async fn versions(cluster: &Cluster) -> Result<Versions, ClusterError> {
    let report = cluster.report().await?;
    let told = |pointer: &str| report.as_ref().and_then(|report| text(report, pointer)).map(str::to_owned);
    let mut versions =
        Versions { server: told("/spec/operator/version"), distribution: told("/spec/distribution/version") };
    if versions.server.is_none() {
        versions.server = cluster.operator().await?.as_ref().and_then(operator_version);
    }
    if versions.distribution.is_none() {
        versions.distribution = cluster.instance().await?.as_ref().and_then(|found: &Object| flux_version(found));
    }
    Ok(versions)
}

impl Advise for NoOperator {
    fn hint(&self) -> Option<String> {
        Some("install it, or see `--kube-context` if this is the wrong cluster".to_owned())
    }
}
