//! `flux-operator reconcile instance`.

use clap::Args;

use crate::cluster::{Cluster, ServedKind, Span, on_cluster};
use crate::error::Failure;
use crate::flags::Wait;
use crate::globals::Globals;
use crate::kinds::INSTANCE;
use crate::requests::Request;

const EXAMPLES: &str = "\
Examples:
  # Have the operator verify every object of Flux, and wait for it
  flux-operator reconcile instance flux -n flux-system

  # Also store the objects of Flux anew, in the latest versions of their APIs
  flux-operator reconcile instance flux -n flux-system --force";

/// Reconcile a FluxInstance: verify every object, and set right what differs.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The instance.
    name: String,

    /// Store the objects of Flux anew, in the latest versions of their APIs.
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    wait: Wait,
}

/// Asks the operator, and waits.
///
/// # Errors
/// The instance does not exist, is suspended, fails, or takes too long.
pub(crate) fn run(arguments: &Arguments, globals: &Globals) -> Result<(), Failure> {
    let Arguments { name, force, wait } = arguments;
    on_cluster(globals, Span::Limited, async |cluster: Cluster| {
        let kind = ServedKind::known(INSTANCE);
        let request = Request { force: *force, wait: wait.wait, with_source: false };
        cluster.reconcile(&kind, cluster.namespace(), name, request).await
    })
}
