//! `flux-operator delete`.

use clap::{Args, Subcommand};
use kube::api::DeleteParams;

use crate::cluster::{Cluster, ClusterError, ServedKind, Span, on_cluster};
use crate::confirm::confirm;
use crate::error::{Complaint, Failure};
use crate::flags::Wait;
use crate::globals::Globals;
use crate::kinds::INSTANCE;
use crate::usage::UsageError;

const EXAMPLES: &str = "\
Examples:
  # Uninstall Flux; the operator stays
  flux-operator delete instance flux -n flux-system --yes

  # Let go of Flux, which stays as it is
  flux-operator delete instance flux -n flux-system --with-suspend --yes

  # Uninstall Flux, and then delete its namespace with everything in it
  flux-operator delete instance flux -n flux-system --with-namespace --yes";

/// A command of the group.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Delete a FluxInstance, and Flux with it.
    #[command(after_help = EXAMPLES)]
    Instance(Instance),
}

/// The instance to delete.
#[derive(Debug, Args)]
pub struct Instance {
    /// The instance.
    name: String,

    #[command(flatten)]
    wait: Wait,

    /// Suspend it first: Flux stays in the cluster, and nobody looks after it.
    #[arg(long)]
    with_suspend: bool,

    /// Delete its namespace afterwards, with the operator and everything else in it.
    #[arg(long, conflicts_with = "with_suspend")]
    with_namespace: bool,

    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

impl Command {
    /// Deletes.
    ///
    /// # Errors
    /// The instance does not exist, nobody confirmed, or it is not gone in time.
    pub(crate) fn run(self, globals: &Globals) -> Result<(), Failure> {
        let Self::Instance(arguments) = self;
        on_cluster(globals, Span::Limited, async |cluster: Cluster| delete(&arguments, &cluster).await)
    }
}

async fn delete(arguments: &Instance, cluster: &Cluster) -> Result<(), Failure> {
    let Instance { name, wait, with_suspend, with_namespace, yes } = arguments;
    let namespace = cluster.namespace();
    if *with_namespace && (namespace == "default" || namespace.starts_with("kube-")) {
        let text = format!("the namespace `{namespace}` belongs to Kubernetes");
        return Err(Complaint::new(UsageError::found(text, "leave `--with-namespace` out")).into());
    }
    let kind = ServedKind::known(INSTANCE);
    let instance = cluster.get(&kind, namespace, name).await?;
    let what = match (with_suspend, with_namespace) {
        (true, _) => "The instance is deleted; Flux stays, and nobody looks after it.",
        (false, false) => "Flux is uninstalled. What it has applied stays.",
        (false, true) => "Flux is uninstalled, and its namespace deleted with everything in it.",
    };
    confirm(what, name, *yes)?;
    if *with_suspend {
        cluster.suspend(INSTANCE, &kind, &instance).await?;
        cluster.story.done("Reconciliation suspended");
    }
    if !cluster.delete(&kind, namespace, name, &DeleteParams::default()).await? {
        return Err(ClusterError::NotFound(kind.id(namespace, name).to_string()).into());
    }
    if !wait.wait && !with_namespace {
        cluster.story.done("Deletion initiated");
        return Ok(());
    }
    cluster.story.waiting("Waiting for deletion...");
    cluster.gone(&kind, namespace, name).await?;
    if *with_namespace {
        let namespaces = ServedKind::namespaces();
        cluster.delete(&namespaces, "", namespace, &DeleteParams::default()).await?;
        if wait.wait {
            cluster.gone(&namespaces, "", namespace).await?;
        }
    }
    cluster.story.done("Deletion completed");
    Ok(())
}
