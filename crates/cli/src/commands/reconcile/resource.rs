//! `flux-operator reconcile resource`.

use clap::Args;

use crate::cluster::{Cluster, Span, on_cluster};
use crate::error::{Complaint, Failure};
use crate::flags::Wait;
use crate::globals::Globals;
use crate::kinds;
use crate::requests::Request;
use crate::subject::Subject;
use crate::usage::UsageError;

const EXAMPLES: &str = "\
Examples:
  # Apply the latest commit now
  flux-operator reconcile resource ks/apps -n flux-system --with-source

  # Upgrade a Helm release even though nothing changed
  flux-operator reconcile resource hr/web -n apps --force

  # Ask, and do not wait
  flux-operator reconcile resource ocirepo/apps -n flux-system --wait=false";

/// Reconcile an object of Flux.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The object: kind, plural or short name, in any case, and its name.
    #[arg(value_name = "KIND/NAME", value_parser = Subject::parse)]
    resource: Subject,

    /// Have its source fetched first.
    #[arg(long)]
    with_source: bool,

    /// Have a HelmRelease install or upgrade although nothing changed.
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    wait: Wait,
}

/// Asks the controller, and waits.
///
/// # Errors
/// The object does not exist, is suspended, fails, or takes too long.
pub(crate) fn run(arguments: &Arguments, globals: &Globals) -> Result<(), Failure> {
    let Arguments { resource, with_source, force, wait } = arguments;
    if !resource.kind.is_reconciled {
        let text = format!("`{}` is never reconciled", resource.kind.kind);
        let hint = format!("choose one of {}", kinds::listed(|kind| kind.is_reconciled));
        return Err(Complaint::new(UsageError::found(text, hint)).into());
    }
    on_cluster(globals, Span::Limited, async |cluster: Cluster| {
        let kind = cluster.served(resource.kind).await?;
        let request = Request { force: *force, wait: wait.wait, with_source: *with_source };
        cluster.reconcile(&kind, resource.namespace(cluster.namespace()), &resource.name, request).await
    })
}
