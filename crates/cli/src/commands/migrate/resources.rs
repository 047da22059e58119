//! `flux-operator migrate resources`.

use clap::Args;
use flux_operator_api::Object;
use flux_operator_inventory::plan::managed_fields::{behind, restamp};
use flux_operator_inventory::{Engine, Migration, Owner, describe};
use futures::StreamExt as _;
use kube::api::ListParams;
use serde_json::Value;

use crate::cluster::{Cluster, ClusterError, Scope, ServedKind, Span, WINDOW, json_patch, on_cluster};
use crate::error::{Advise, Complaint, Failure};
use crate::flags::AllNamespaces;
use crate::globals::Globals;
use crate::inputs::counted;
use crate::usage::UsageError;

const EXAMPLES: &str = "\
Examples:
  # Before a version of an API is removed: what still names another one?
  flux-operator migrate resources --api-version helm.toolkit.fluxcd.io/v2 --kind HelmRelease -A --dry-run

  # Write the new version
  flux-operator migrate resources --api-version helm.toolkit.fluxcd.io/v2 --kind HelmRelease -A";

/// Write a version of an API into the field ownership of all objects of a kind.
///
/// Whoever applies such an object next would otherwise ask for the version that is gone. With `-A`,
/// also have every object stored in the version that the CRD stores, and note in the CRD that no
/// other is in use: only then can it drop one.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The version, as `<group>/<version>`.
    #[arg(long, value_name = "GROUP/VERSION")]
    api_version: Option<String>,

    /// The kind.
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,

    #[command(flatten)]
    all_namespaces: AllNamespaces,

    /// Tell what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Objects that cannot be migrated.
#[derive(Debug, thiserror::Error)]
enum MigrateError {
    #[error("the CRD `{crd}` does not store `{version}`, but {}", listed(stored))]
    NotStored { crd: String, version: String, stored: Vec<String> },
    #[error("no {0} found {1}")]
    None(String, String),
    #[error("{0} of {1} resources failed")]
    Failed(usize, usize),
}

fn listed(versions: &[String]) -> String {
    format!("`{}`", versions.join("`, `"))
}

/// Migrates the objects.
///
/// # Errors
/// The version is not stored, there are no objects, or one of them could not be migrated.
pub(crate) fn run(arguments: &Arguments, globals: &Globals) -> Result<(), Failure> {
    let (api_version, group, version, kind) = required(arguments)?;
    on_cluster(globals, Span::Limited, async |cluster: Cluster| {
        let discovery = cluster.discover().await?;
        let not_installed = || ClusterError::NotInstalled { kind: kind.to_owned(), group: group.to_owned() };
        let served = discovery.of_group(group, kind).ok_or_else(not_installed)?.at(version);
        check_stored(&cluster, &served).await?;
        let scope = arguments.all_namespaces.scope(&cluster, false);
        let objects = cluster.list_metadata(&served, &scope, &ListParams::default()).await?.objects;
        let is_whole = scope == Scope::All && !arguments.dry_run;
        if objects.is_empty() {
            if is_whole && store_anew(&cluster, &served).await? {
                return Ok(());
            }
            return Err(Complaint::new(MigrateError::None(served.plural.clone(), scope.words())).into());
        }
        let total = objects.len();
        let migrated = objects.iter().map(|object| migrate(&cluster, &served, object, api_version, arguments.dry_run));
        let mut migrated = futures::stream::iter(migrated).buffered(WINDOW);
        let (mut changed, mut failed, mut targets) = (0, 0, objects.iter().map(Object::id));
        while let (Some(result), Some(id)) = (migrated.next().await, targets.next()) {
            match result {
                Ok(None) => cluster.story.item(format_args!("{id} already at {api_version}")),
                Ok(Some(managers)) => {
                    changed += 1;
                    if arguments.dry_run {
                        let managers = managers.join(", ");
                        cluster.story.waiting(format_args!("{id} needs migration (managers: {managers})"));
                    } else {
                        cluster.story.done(format_args!("{id} migrated to {api_version}"));
                    }
                }
                Err(error) => {
                    failed += 1;
                    cluster.story.failed(format_args!("{id}: {}", describe(&error)));
                }
            }
        }
        if failed == 0 && is_whole {
            store_anew(&cluster, &served).await?;
        }
        if arguments.dry_run {
            cluster.story.done(format_args!("{changed}/{total} resources need migration to {api_version}"));
        } else {
            cluster.story.done(format_args!("migrated {changed}/{total} resources to {api_version}"));
        }
        if failed > 0 { Err(Complaint::new(MigrateError::Failed(failed, total)).into()) } else { Ok(()) }
    })
}

/// The flags: API version, its group and version, and the kind.
fn required(arguments: &Arguments) -> Result<(&str, &str, &str, &str), Failure> {
    let missing = |flag: &str, example: &str| {
        Complaint::new(UsageError::found(format!("{flag} is required"), format!("for example `{flag} {example}`")))
    };
    let example = "helm.toolkit.fluxcd.io/v2";
    let api_version = arguments.api_version.as_deref().ok_or_else(|| missing("--api-version", example))?;
    let kind = arguments.kind.as_deref().ok_or_else(|| missing("--kind", "HelmRelease"))?;
    let Some((group, version)) = api_version.split_once('/').filter(|(group, _)| group.contains('.')) else {
        let text = format!("`{api_version}` is no version of a custom resource");
        return Err(Complaint::new(UsageError::found(text, format!("expected one like `{example}`"))).into());
    };
    Ok((api_version, group, version, kind))
}

async fn check_stored(cluster: &Cluster, kind: &ServedKind) -> Result<(), Failure> {
    let crd = format!("{}.{}", kind.plural, kind.group);
    let definition = cluster.get(&ServedKind::definitions(), "", &crd).await?;
    let stored = definition.pointer("/status/storedVersions").and_then(Value::as_array).cloned().unwrap_or_default();
    let stored: Vec<String> = stored.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    if stored.contains(&kind.version) {
        return Ok(());
    }
    Err(Complaint::new(MigrateError::NotStored { crd, version: kind.version.clone(), stored }).into())
}

/// Has every object stored in the version, where that is the one the CRD stores, so that the CRD can
/// drop all others. Whether it could not before.
async fn store_anew(cluster: &Cluster, kind: &ServedKind) -> Result<bool, Failure> {
    let crd = format!("{}.{}", kind.plural, kind.group);
    let engine = Engine::new(cluster.client().clone(), Owner::new("flux", cluster.namespace()));
    let migrated = engine.migrate(&crd, false).await;
    let migrated =
        migrated.map_err(|error| ClusterError::request(format!("store the objects of {crd} anew"), error))?;
    match migrated {
        Migration::UpToDate => Ok(false),
        Migration::Migrated(objects) => {
            cluster.story.done(format_args!("{crd}: {} stored anew", counted(objects, "object")));
            Ok(true)
        }
    }
}

/// Migrates one object. Returns the managers that were behind; `None` where none was.
async fn migrate(
    cluster: &Cluster,
    kind: &ServedKind,
    object: &Object,
    api_version: &str,
    dry_run: bool,
) -> Result<Option<Vec<String>>, ClusterError> {
    let item = object.clone().into_value();
    let Some(patch) = restamp(&item, api_version) else {
        return Ok(None);
    };
    if !dry_run {
        let namespace = object.namespace().unwrap_or_default();
        cluster.patch(kind, namespace, object.name(), &json_patch(patch)).await?;
    }
    Ok(Some(behind(&item, api_version).into_iter().map(str::to_owned).collect()))
}

impl Advise for MigrateError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotStored { .. } => "choose one of the stored versions".to_owned(),
            Self::None(..) => "look in every namespace with `-A`".to_owned(),
            Self::Failed(..) => "repeat the command: what is migrated is passed over".to_owned(),
        })
    }
}
