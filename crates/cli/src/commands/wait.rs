//! `flux-operator wait`: until something is so.

use clap::{Args, Subcommand, ValueEnum};

use crate::cluster::{Cluster, Span, on_cluster};
use crate::error::Failure;
use crate::globals::Globals;
use crate::kinds::INSTANCE;
use crate::subject::Subject;

const INSTANCE_EXAMPLES: &str = "\
Examples:
  # In a pipeline, after the manifests were applied
  flux-operator wait instance flux -n flux-system --timeout 5m

  # Until the operator has removed everything
  flux-operator wait instance flux -n flux-system --for deleted";

const RESOURCE_EXAMPLES: &str = "\
Examples:
  # Until the applications are as in the last commit
  flux-operator wait resource ks/apps -n flux-system --timeout 10m";

/// A command of the group.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Wait for a FluxInstance.
    ///
    /// It may not exist yet. A run that failed and is tried again is waited for.
    #[command(after_help = INSTANCE_EXAMPLES)]
    Instance(Instance),
    /// Wait for an object of Flux.
    ///
    /// It may not exist yet. A run that failed and is tried again is waited for.
    #[command(after_help = RESOURCE_EXAMPLES)]
    Resource(Resource),
}

/// The instance to wait for.
#[derive(Debug, Args)]
pub struct Instance {
    /// The instance.
    name: String,
    #[command(flatten)]
    goal: Goal,
}

/// The object to wait for.
#[derive(Debug, Args)]
pub struct Resource {
    /// The object: kind, plural or short name, in any case, and its name.
    #[arg(value_name = "KIND/NAME", value_parser = Subject::parse)]
    resource: Subject,
    #[command(flatten)]
    goal: Goal,
}

#[derive(Clone, Copy, Debug, Args)]
struct Goal {
    /// What to wait for.
    #[arg(long = "for", value_enum, ignore_case = true, value_name = "STATE", default_value = "ready")]
    state: State,
}

/// What an object may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum State {
    /// Reconciled, and well.
    Ready,
    /// Suspended.
    Suspended,
    /// Gone.
    Deleted,
}

impl Command {
    /// Waits.
    ///
    /// # Errors
    /// The object fails, or takes longer than `--timeout`.
    pub(crate) fn run(self, globals: &Globals) -> Result<(), Failure> {
        let (subject, what, state) = match self {
            Self::Instance(Instance { name, goal }) => {
                (Subject { kind: INSTANCE, namespace: None, name }, "instance".to_owned(), goal.state)
            }
            Self::Resource(Resource { resource, goal }) => {
                let what = resource.to_string();
                (resource, what, goal.state)
            }
        };
        on_cluster(globals, Span::Limited, async |cluster: Cluster| {
            let kind = cluster.served(subject.kind).await?;
            let (namespace, name) = (subject.namespace(cluster.namespace()), subject.name.as_str());
            let goal = match state {
                State::Ready => "become ready",
                State::Suspended => "be suspended",
                State::Deleted => "be deleted",
            };
            cluster.story.waiting(format_args!("Waiting for {what} to {goal}..."));
            match state {
                State::Ready => cluster.story.done(cluster.ready(&kind, namespace, name, None).await?),
                State::Suspended => {
                    cluster.suspended(&kind, namespace, name).await?;
                    cluster.story.done("Reconciliation is suspended");
                }
                State::Deleted => {
                    cluster.gone(&kind, namespace, name).await?;
                    cluster.story.done("Deletion completed");
                }
            }
            Ok(())
        })
    }
}
