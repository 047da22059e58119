//! `flux-operator migrate owner`.

use clap::Args;
use flux_operator_api::{Object, ObjectId, ResourceInventory};
use flux_operator_inventory::describe;
use flux_operator_inventory::plan::managed_fields::{Stripped, strip};
use futures::StreamExt as _;

use crate::cluster::{Cluster, ClusterError, Discovery, Span, WINDOW, json_patch, on_cluster};
use crate::error::{Advise, Complaint, Failure};
use crate::globals::Globals;
use crate::subject::Subject;
use crate::usage::UsageError;

const EXAMPLES: &str = "\
Examples:
  # After objects moved from a HelmRelease to a Kustomization: what would be done?
  flux-operator migrate owner ks/apps -n flux-system --dry-run

  # Let fields go that the Kustomization no longer sets
  flux-operator migrate owner ks/apps -n flux-system";

/// Take the field ownership of earlier managers off what an object has applied.
///
/// Fields that the current manager does not set are then removed by its next run.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// A Kustomization, HelmRelease, ResourceSet or FluxInstance.
    #[arg(value_name = "KIND/NAME", value_parser = Subject::parse)]
    owner: Subject,

    /// Tell what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Objects that were not migrated.
#[derive(Debug, thiserror::Error)]
enum MigrateError {
    #[error("{0} has no inventory")]
    NoInventory(ObjectId),
    #[error("{0} of {1} resources failed")]
    Failed(usize, usize),
}

/// The managers of the objects of Flux, and how they write.
const MANAGERS: [(&str, &str); 4] = [
    ("kustomize-controller", "Apply"),
    ("helm-controller", "Apply"),
    ("helm-controller", "Update"),
    ("flux-operator", "Apply"),
];

/// Who applies for a kind.
fn manager(kind: &str) -> Option<&'static str> {
    match kind {
        "HelmRelease" => Some("helm-controller"),
        "Kustomization" => Some("kustomize-controller"),
        "ResourceSet" | "FluxInstance" => Some("flux-operator"),
        _ => None,
    }
}

/// Cleans the objects.
///
/// # Errors
/// The owner does not exist or has no inventory; an object could not be cleaned.
pub(crate) fn run(arguments: &Arguments, globals: &Globals) -> Result<(), Failure> {
    let Arguments { owner, dry_run } = arguments;
    let Some(current) = manager(owner.kind.kind) else {
        let text = format!("`{}` applies nothing", owner.kind.kind);
        let hint = "choose a `HelmRelease`, `Kustomization`, `ResourceSet` or `FluxInstance`";
        return Err(Complaint::new(UsageError::found(text, hint)).into());
    };
    on_cluster(globals, Span::Limited, async |cluster: Cluster| {
        let discovery = cluster.discover_all().await?;
        let kind = discovery.flux(owner.kind)?;
        let object = cluster.get(kind, owner.namespace(cluster.namespace()), &owner.name).await?;
        let targets = inventory(&object);
        if targets.is_empty() {
            return Err(Complaint::new(MigrateError::NoInventory(object.id())).into());
        }
        let total = targets.len();
        let cleaned = targets.iter().map(|id| clean(&cluster, discovery, id, current, *dry_run));
        let mut cleaned = futures::stream::iter(cleaned).buffered(WINDOW);
        let (mut changed, mut failed, mut targets) = (0, 0, targets.iter());
        while let (Some(result), Some(id)) = (cleaned.next().await, targets.next()) {
            match result {
                Ok(None) => cluster.story.item(format_args!("{id} already clean")),
                Ok(Some(managers)) => {
                    changed += 1;
                    let managers = managers.join(", ");
                    if *dry_run {
                        cluster.story.waiting(format_args!("{id} would strip managers [{managers}]"));
                    } else {
                        cluster.story.done(format_args!("{id} stripped managers [{managers}]"));
                    }
                }
                Err(error) => {
                    failed += 1;
                    cluster.story.failed(format_args!("{id}: {}", describe(&error)));
                }
            }
        }
        let owner = format!("(current owner: {current})");
        if *dry_run {
            cluster.story.done(format_args!("{changed}/{total} resources need cleanup {owner}"));
        } else {
            cluster.story.done(format_args!("cleaned {changed}/{total} resources {owner}"));
        }
        if failed > 0 { Err(Complaint::new(MigrateError::Failed(failed, total)).into()) } else { Ok(()) }
    })
}

fn inventory(object: &Object) -> Vec<ObjectId> {
    let stored = object.pointer("/status/inventory").cloned();
    let stored = stored.and_then(|stored| serde_json::from_value::<ResourceInventory>(stored).ok()).unwrap_or_default();
    stored.entries.iter().filter_map(|entry| entry.object_id().ok()).collect()
}

/// Cleans one object. Returns the managers that are gone; `None` where there were none.
async fn clean(
    cluster: &Cluster,
    discovery: &Discovery,
    id: &ObjectId,
    current: &str,
    dry_run: bool,
) -> Result<Option<Vec<String>>, ClusterError> {
    let missing = || ClusterError::NotInstalled { kind: id.kind.clone(), group: id.group.clone() };
    let kind = discovery.find(&id.group, &id.kind).ok_or_else(missing)?;
    let object = cluster.get(kind, &id.namespace, &id.name).await?;
    // Whoever updates a HelmRelease is its own controller.
    let is_kept =
        |name: &str, operation: &str| id.kind == "HelmRelease" && (name, operation) == ("helm-controller", "Update");
    let is_stale = |name: &str, operation: &str| {
        name != current && MANAGERS.contains(&(name, operation)) && !is_kept(name, operation)
    };
    let Some(Stripped { managers, patch }) = strip(&object.into_value(), is_stale) else {
        return Ok(None);
    };
    if !dry_run {
        cluster.patch(kind, &id.namespace, &id.name, &json_patch(patch)).await?;
    }
    Ok(Some(managers))
}

impl Advise for MigrateError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoInventory(_) => "wait until it has applied something".to_owned(),
            Self::Failed(..) => "repeat the command: what is clean is passed over".to_owned(),
        })
    }
}
