//! `flux-operator uninstall`.

use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

use clap::Args;
use flux_operator_api::{Object, labels};
use flux_operator_inventory::{Engine, Owner, RequestError};
use kube::api::{DeleteParams, ListParams};
use serde_json::Value;

use crate::cluster::{Cluster, ClusterError, Scope, ServedKind, Span, on_cluster};
use crate::confirm::confirm;
use crate::error::{Advise, Complaint, Failure};
use crate::globals::Globals;
use crate::installation::{OPERATOR, deployments};
use crate::kinds::belongs_to_flux;
use crate::output;

const EXAMPLES: &str = "\
Examples:
  # What would be gone?
  flux-operator uninstall -n flux-system --dry-run

  # Remove the operator and Flux; what they have applied stays
  flux-operator uninstall -n flux-system --yes";

/// Remove the operator and Flux from a cluster. What Flux has applied stays.
///
/// Where the operator still works, `delete instance` is the gentle way to remove Flux.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Leave the namespace, and what else is in it.
    #[arg(long)]
    keep_namespace: bool,

    /// Print what would be deleted, and delete nothing.
    #[arg(long)]
    dry_run: bool,

    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

/// Why nothing, or not everything, was deleted.
#[derive(Debug, thiserror::Error)]
enum UninstallError {
    #[error("the namespace `{0}` does not hold the operator")]
    NotHere(String),
    #[error("{crd}: the finalizers of its objects cannot be removed")]
    Finalizers { crd: String, source: RequestError },
}

/// An uninstallation takes at least so long.
const AT_LEAST: Duration = Duration::from_secs(120);

/// Deletes the operator and Flux.
///
/// # Errors
/// The namespace is another one, nobody confirmed, or something is still there.
pub(crate) fn run(arguments: &Arguments, globals: &Globals, stdout: &mut dyn Write) -> Result<(), Failure> {
    let globals = Globals { timeout: globals.timeout.max(AT_LEAST), ..globals.clone() };
    on_cluster(&globals, Span::Limited, async |cluster: Cluster| {
        let namespace = cluster.namespace().to_owned();
        let found = Found::look(&cluster).await?;
        if !arguments.dry_run {
            let what = "The operator, Flux and every object of their kinds are deleted. What Flux has applied stays.";
            confirm(what, &namespace, arguments.yes)?;
        }
        let mut remove = Remove { cluster: &cluster, stdout, dry_run: arguments.dry_run, complaints: Vec::new() };
        remove.all("Deleting permissions", &found.permissions).await?;
        remove.all("Deleting controllers", &found.controllers).await?;
        remove.definitions(&found.definitions).await?;
        if !arguments.keep_namespace {
            remove.all("Deleting the namespace", &[(ServedKind::namespaces(), found.namespace)]).await?;
        }
        Failure::check(remove.complaints)?;
        if !arguments.dry_run {
            cluster.story.done("Uninstallation completed");
        }
        Ok(())
    })
}

/// What there is to delete.
struct Found {
    permissions: Vec<(ServedKind, Object)>,
    controllers: Vec<(ServedKind, Object)>,
    definitions: Vec<(ServedKind, Object)>,
    namespace: Object,
}

impl Found {
    async fn look(cluster: &Cluster) -> Result<Self, Failure> {
        let scope = Scope::Namespace(cluster.namespace().to_owned());
        let flux = format!("{}={}", labels::PART_OF, labels::PART_OF_FLUX);
        let operator = list(cluster, &deployments(), &scope, OPERATOR).await?;
        if operator.is_empty() {
            return Err(Complaint::new(UninstallError::NotHere(cluster.namespace().to_owned())).into());
        }
        let mut controllers = operator;
        controllers.extend(list(cluster, &deployments(), &scope, &flux).await?);
        let mut permissions = Vec::new();
        for (kind, plural) in [("ClusterRole", "clusterroles"), ("ClusterRoleBinding", "clusterrolebindings")] {
            let kind = ServedKind::built_in("rbac.authorization.k8s.io", "v1", kind, plural, false);
            for selector in [OPERATOR, flux.as_str()] {
                permissions.extend(list(cluster, &kind, &Scope::All, selector).await?);
            }
        }
        let definitions = ServedKind::definitions();
        let all = cluster.list(&definitions, &Scope::All, &ListParams::default()).await?.objects;
        let group = |crd: &Object| crd.pointer("/spec/group").and_then(Value::as_str).unwrap_or_default().to_owned();
        let of_flux = all.into_iter().filter(|crd| belongs_to_flux(&group(crd)));
        let definitions = of_flux.map(|crd| (definitions.clone(), crd)).collect();
        let namespace = cluster.get(&ServedKind::namespaces(), "", cluster.namespace()).await?;
        Ok(Self { permissions, controllers, definitions, namespace })
    }
}

async fn list(
    cluster: &Cluster,
    kind: &ServedKind,
    scope: &Scope,
    selector: &str,
) -> Result<Vec<(ServedKind, Object)>, ClusterError> {
    let listed = cluster.list(kind, scope, &ListParams::default().labels(selector)).await?;
    Ok(listed.objects.into_iter().map(|object| (kind.clone(), object)).collect())
}

/// Deletes, and tells.
struct Remove<'r> {
    cluster: &'r Cluster,
    stdout: &'r mut dyn Write,
    dry_run: bool,
    complaints: Vec<Complaint>,
}

impl Remove<'_> {
    /// Deletes objects and waits until they are gone. What cannot be deleted is complained about in
    /// the end.
    async fn all(&mut self, doing: &str, objects: &[(ServedKind, Object)]) -> Result<(), Failure> {
        let (mut seen, mut asked) = (BTreeSet::new(), Vec::new());
        if !self.dry_run {
            self.cluster.story.waiting(format_args!("{doing}..."));
        }
        for (kind, object) in objects.iter().filter(|(_, object)| seen.insert(object.id())) {
            let id = object.id();
            if !self.dry_run {
                let deleted = self.cluster.delete(kind, &id.namespace, &id.name, &DeleteParams::foreground()).await;
                if let Err(error) = deleted {
                    self.cluster.story.failed(format_args!("Failed to delete {id}"));
                    self.complaints.push(Complaint::new(error));
                    continue;
                }
            }
            output::write(self.stdout, &format!("{id} deleted{}\n", if self.dry_run { " (dry run)" } else { "" }))?;
            asked.push((kind, object));
        }
        if self.dry_run {
            return Ok(());
        }
        for (kind, object) in asked {
            let id = object.id();
            let gone = self.cluster.gone(kind, &id.namespace, &id.name).await;
            self.complaints.extend(gone.err().into_iter().flat_map(Failure::into_complaints));
        }
        Ok(())
    }

    /// Takes finalizers off, which nobody acts on any more, and deletes the definitions.
    async fn definitions(&mut self, definitions: &[(ServedKind, Object)]) -> Result<(), Failure> {
        if !self.dry_run {
            let client = self.cluster.client().clone();
            let engine = Engine::new(client, Owner::new("flux-operator", self.cluster.namespace()));
            self.cluster.story.waiting("Removing finalizers...");
            for (_, definition) in definitions {
                if let Err(source) = engine.strip_finalizers(definition.name()).await {
                    let crd = definition.name().to_owned();
                    self.complaints.push(Complaint::new(UninstallError::Finalizers { crd, source }));
                }
            }
        }
        self.all("Deleting custom resource definitions", definitions).await
    }
}

impl Advise for UninstallError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotHere(_) => "name the namespace of the operator with `-n flux-system`".to_owned(),
            Self::Finalizers { .. } => "repeat the command: what is gone is passed over".to_owned(),
        })
    }
}
