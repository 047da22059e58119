//! `flux-operator apply`.

use std::path::PathBuf;

use clap::Args;
use kube::api::Patch;
use serde_json::Value;

use crate::cluster::{Cluster, ServedKind, Span, on_cluster};
use crate::commands::plan::{Document, DocumentError, predict_instance};
use crate::distribution::DistributionArgs;
use crate::error::{Advise, Complaint, Failure};
use crate::files;
use crate::flags::Wait;
use crate::globals::Globals;
use crate::inputs;
use crate::kinds::INSTANCE;
use crate::readiness::text;
use crate::usage::UsageError;

const EXAMPLES: &str = "\
Examples:
  # Carry out exactly what was looked at
  flux-operator plan -f flux.yaml --distribution ./distribution -o json > plan.json
  flux-operator apply --plan plan.json";

/// Carry out a plan exactly as it was made, or refuse.
///
/// Make the plan anew, and compare: where the cluster, the distribution or the instance has moved
/// since, nothing is written. Otherwise apply the FluxInstance, and wait until the operator says
/// that the revision of the plan runs.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The plan, made by `flux-operator plan -o json`; `-` for stdin.
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,

    #[command(flatten)]
    distribution: DistributionArgs,

    #[command(flatten)]
    wait: Wait,
}

/// Why a plan is not carried out.
#[derive(Debug, thiserror::Error)]
enum ApplyPlanError {
    #[error("the plan is blocked")]
    Blocked,
    #[error("the plan is about another cluster")]
    OtherCluster,
    #[error("the distribution renders {now}, the plan is about {then}")]
    OtherRevision { then: String, now: String },
    #[error("the FluxInstance of the cluster has changed since the plan was made")]
    InstanceMoved,
    #[error("the cluster has moved since the plan was made: {0}")]
    Moved(String),
    #[error("the operator applied {applied}, the plan is about {planned}")]
    OtherResult { planned: String, applied: String },
}

/// How many objects a refusal names.
const NAMED: usize = 5;

/// Carries out a plan.
///
/// # Errors
/// The plan cannot be read, is blocked, or no longer holds; then whatever goes wrong in the cluster.
pub(crate) fn run(arguments: &Arguments, globals: &Globals) -> Result<(), Failure> {
    let Some(path) = &arguments.plan else {
        let hint = "name the file with the plan: `--plan plan.json`";
        return Err(Complaint::new(UsageError::found("--plan is required", hint)).into());
    };
    let label = path.display().to_string();
    let text = if path.as_os_str() == "-" { files::read_stdin() } else { files::read(path) };
    let text = text.map_err(|error| Complaint::about(label.clone(), error))?;
    let document = Document::read(&text).map_err(|error: DocumentError| Complaint::about(label.clone(), error))?;
    if document.is_blocked() {
        return Err(Complaint::about(label, ApplyPlanError::Blocked).into());
    }
    let distribution = arguments.distribution.clone().or(&document.distribution).open()?;
    let (instance, value) = inputs::from_value(&label, &document.instance)?;
    on_cluster(globals, Span::Limited, async |cluster: Cluster| {
        let prediction = predict_instance(&cluster, &instance, value, &distribution).await?;
        let now = Document::of(&prediction);
        check(&document, &now).map_err(|error| Complaint::about(label, error))?;
        carry_out(&cluster, &prediction.desired.namespace, &prediction.desired.name, &document, arguments.wait.wait)
            .await
    })
}

/// Whether a plan made now says the same.
fn check(then: &Document, now: &Document) -> Result<(), ApplyPlanError> {
    if then.cluster != now.cluster {
        return Err(ApplyPlanError::OtherCluster);
    }
    if then.to != now.to {
        return Err(ApplyPlanError::OtherRevision { then: then.to.clone(), now: now.to.clone() });
    }
    if then.replaces != now.replaces || then.from != now.from {
        return Err(ApplyPlanError::InstanceMoved);
    }
    match then.moved(now).as_slice() {
        [] => Ok(()),
        moved => {
            let named = moved.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
            let more = moved.len().saturating_sub(NAMED);
            Err(ApplyPlanError::Moved(if more > 0 { format!("{named} and {more} more") } else { named }))
        }
    }
}

async fn carry_out(cluster: &Cluster, namespace: &str, name: &str, plan: &Document, wait: bool) -> Result<(), Failure> {
    let kind = ServedKind::known(INSTANCE);
    let mut instance = plan.instance.clone();
    if let Some(metadata) = instance.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("namespace".to_owned(), namespace.into());
    }
    let applied = cluster.patch(&kind, namespace, name, &Patch::Apply(instance)).await?;
    cluster.story.sent(format_args!("FluxInstance/{namespace}/{name} applied"));
    let token = cluster.request(&kind, &applied, false).await?;
    if !wait {
        return Ok(());
    }
    cluster.story.waiting(format_args!("Waiting for {}...", plan.to));
    let message = cluster.ready(&kind, namespace, name, Some(&token)).await?;
    cluster.story.done(message);
    let live = cluster.get(&kind, namespace, name).await?;
    let applied = text(&live, "/status/lastAppliedRevision").unwrap_or("nothing").to_owned();
    if applied == plan.to {
        return Ok(());
    }
    Err(Complaint::new(ApplyPlanError::OtherResult { planned: plan.to.clone(), applied }).into())
}

impl Advise for ApplyPlanError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Blocked => "do first what the plan says must be done, then make it anew".to_owned(),
            Self::OtherCluster => "choose the cluster with `--kube-context`".to_owned(),
            Self::OtherRevision { .. } => "name the distribution that the plan was made from".to_owned(),
            Self::InstanceMoved | Self::Moved(_) => "make the plan anew, and look at it again".to_owned(),
            Self::OtherResult { .. } => {
                "the operator has another distribution: name the same artifact in `spec.distribution.artifact`"
                    .to_owned()
            }
        })
    }
}
