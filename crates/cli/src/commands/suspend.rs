//! `flux-operator suspend` and `flux-operator resume`: pause, and go on.

use clap::{Args, Subcommand};

use crate::cluster::{Cluster, Span, on_cluster};
use crate::error::{Complaint, Failure};
use crate::flags::Wait;
use crate::globals::Globals;
use crate::kinds::{self, FluxKind, INSTANCE, Suspension};
use crate::subject::Subject;
use crate::usage::UsageError;

const SUSPEND_INSTANCE: &str = "\
Examples:
  # Have the operator leave Flux alone
  flux-operator suspend instance flux -n flux-system";

const SUSPEND_RESOURCE: &str = "\
Examples:
  # Pause a Kustomization and a HelmRelease
  flux-operator suspend resource ks/apps hr/web -n apps";

const RESUME_INSTANCE: &str = "\
Examples:
  # Go on, and wait for the first run
  flux-operator resume instance flux -n flux-system";

const RESUME_RESOURCE: &str = "\
Examples:
  # Go on, and do not wait
  flux-operator resume resource ks/apps -n apps --wait=false";

/// A command of the group `suspend`.
#[derive(Debug, Subcommand)]
pub enum Suspend {
    /// Suspend a FluxInstance: the operator leaves Flux alone until it is resumed.
    #[command(after_help = SUSPEND_INSTANCE)]
    Instance(Instance),
    /// Suspend objects of Flux.
    #[command(after_help = SUSPEND_RESOURCE)]
    Resource(Resources),
}

/// A command of the group `resume`.
#[derive(Debug, Subcommand)]
pub enum Resume {
    /// Resume a FluxInstance.
    #[command(after_help = RESUME_INSTANCE)]
    Instance(ResumedInstance),
    /// Resume objects of Flux.
    #[command(after_help = RESUME_RESOURCE)]
    Resource(ResumedResources),
}

/// The instance to suspend.
#[derive(Debug, Args)]
pub struct Instance {
    /// The instance.
    name: String,
}

/// The objects to suspend.
#[derive(Debug, Args)]
pub struct Resources {
    /// The objects: kind, plural or short name, in any case, and a name.
    #[arg(value_name = "KIND/NAME", value_parser = Subject::parse, required = true)]
    resource: Vec<Subject>,
}

/// The instance to resume.
#[derive(Debug, Args)]
pub struct ResumedInstance {
    /// The instance.
    name: String,
    #[command(flatten)]
    wait: Wait,
}

/// The objects to resume.
#[derive(Debug, Args)]
pub struct ResumedResources {
    #[command(flatten)]
    resources: Resources,
    #[command(flatten)]
    wait: Wait,
}

impl Suspend {
    /// Suspends.
    pub(crate) fn run(self, globals: &Globals) -> Result<(), Failure> {
        let subjects = match self {
            Self::Instance(Instance { name }) => vec![instance(name)],
            Self::Resource(Resources { resource }) => resource,
        };
        check(&subjects)?;
        on_cluster(globals, Span::Limited, async |cluster: Cluster| {
            for subject in &subjects {
                let kind = cluster.served(subject.kind).await?;
                let object = cluster.get(&kind, subject.namespace(cluster.namespace()), &subject.name).await?;
                cluster.suspend(subject.kind, &kind, &object).await?;
                cluster.story.done("Reconciliation suspended");
            }
            Ok(())
        })
    }
}

impl Resume {
    /// Resumes, and waits if that is wanted.
    pub(crate) fn run(self, globals: &Globals) -> Result<(), Failure> {
        let (subjects, wait) = match self {
            Self::Instance(ResumedInstance { name, wait }) => (vec![instance(name)], wait),
            Self::Resource(ResumedResources { resources, wait }) => (resources.resource, wait),
        };
        check(&subjects)?;
        on_cluster(globals, Span::Limited, async |cluster: Cluster| {
            let mut resumed = Vec::new();
            for subject in &subjects {
                let kind = cluster.served(subject.kind).await?;
                let namespace = subject.namespace(cluster.namespace());
                let object = cluster.get(&kind, namespace, &subject.name).await?;
                let token = cluster.resume(subject.kind, &kind, &object).await?;
                // Nobody answers for kinds that are never reconciled.
                if wait.wait && subject.kind.is_reconciled {
                    resumed.push((kind, namespace, &subject.name, token));
                } else {
                    cluster.story.done("Reconciliation resumed");
                }
            }
            if !resumed.is_empty() {
                cluster.story.waiting("Waiting for reconciliation...");
            }
            for (kind, namespace, name, token) in resumed {
                cluster.story.done(cluster.ready(&kind, namespace, name, Some(&token)).await?);
            }
            Ok(())
        })
    }
}

fn instance(name: String) -> Subject {
    Subject { kind: INSTANCE, namespace: None, name }
}

fn check(subjects: &[Subject]) -> Result<(), Failure> {
    match subjects.iter().find(|subject| subject.kind.suspension == Suspension::Never) {
        Some(Subject { kind: FluxKind { kind, .. }, .. }) => {
            let text = format!("`{kind}` cannot be suspended");
            let hint = format!("choose one of {}", kinds::listed(|kind| kind.suspension != Suspension::Never));
            Err(Complaint::new(UsageError::found(text, hint)).into())
        }
        None => Ok(()),
    }
}
