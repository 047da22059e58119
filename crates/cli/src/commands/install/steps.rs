//! The steps of an installation, in their order.

use std::io::Write;
use std::time::Duration;

use flux_operator_api::{Object, labels};
use flux_operator_inventory::health::{Summary, Verdict};
use flux_operator_inventory::{
    ApplyError, ApplyPlan, Engine, Entry, Inventory, InventoryStore, Owner, Policy, RequestError, StoreError,
    Verification,
};
use kube::api::Patch;
use serde_json::Value;
use tokio::time::Instant;

use super::NAMESPACE;
use super::instance::PULL_SECRET;
use super::manifests::APPLICATION;
use crate::cluster::{Cluster, ClusterError, ServedKind};
use crate::commands::create::secret::{Material, apply_named};
use crate::error::{Advise, Complaint, Failure};
use crate::installation::{flux_version, operator_version};
use crate::kinds::INSTANCE;
use crate::output;

/// Why an installation ended.
#[derive(Debug, thiserror::Error)]
enum InstallError {
    #[error("the operator was installed by Helm")]
    ByHelm,
    #[error("the operator cannot be applied")]
    Apply(#[source] ApplyError),
    #[error("the operator is not ready: {0}")]
    NotReady(String),
    #[error("the operator cannot be looked at")]
    Look(#[source] RequestError),
}

/// Nobody keeps the inventory of the operator: what it consists of is known.
struct Unkept;

impl InventoryStore for Unkept {
    async fn save(&self, _: &Inventory) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Installs the operator, and then Flux.
pub(super) async fn install(
    cluster: &Cluster,
    objects: Vec<Object>,
    instance: Option<Value>,
    secret: Option<Material>,
    stdout: &mut dyn Write,
) -> Result<(), Failure> {
    let began = Instant::now();
    let story = cluster.story;
    let definitions = ServedKind::definitions();
    let live = cluster.find(&definitions, "", &INSTANCE.definition()).await?;
    let is_helms = |live: &Object| live.labels().any(|(key, value)| key == labels::MANAGED_BY && value == "Helm");
    if live.as_ref().is_some_and(is_helms) {
        return Err(Complaint::new(InstallError::ByHelm).into());
    }
    let doing = if live.is_some() { "Upgrading" } else { "Installing" };
    story.waiting(format_args!("{doing} Flux Operator in {NAMESPACE} namespace..."));
    apply(cluster, objects, stdout).await?;
    story.done("Flux Operator has been installed successfully");
    let mut flux = None;
    if let Some(instance) = instance {
        if let Some(material) = secret {
            story.waiting("Configuring sync credentials...");
            let named = instance.pointer("/spec/sync/pullSecret").and_then(Value::as_str).unwrap_or(PULL_SECRET);
            apply_named(cluster, named, &material).await?;
        }
        flux = install_instance(cluster, instance).await?;
    }
    if let Some(version) = cluster.operator().await?.as_ref().and_then(operator_version) {
        story.done(format_args!("Flux Operator version: {version}"));
    }
    if let Some(version) = flux {
        story.done(format_args!("Flux Distribution version: {version}"));
    }
    story.done(format_args!("Installation completed in {}s", began.elapsed().as_secs()));
    Ok(())
}

/// Applies the operator and waits until it runs. Prints what became of each object.
async fn apply(cluster: &Cluster, objects: Vec<Object>, stdout: &mut dyn Write) -> Result<(), Failure> {
    // The operator has the namespace, too, in its own name: what it does not set there has to be
    // somebody else's, or it would take it away.
    let (namespaces, objects): (Vec<_>, Vec<_>) = objects.into_iter().partition(|object| object.kind() == "Namespace");
    for namespace in namespaces {
        let name = namespace.name().to_owned();
        cluster.patch(&ServedKind::namespaces(), "", &name, &Patch::Apply(namespace.into_value())).await?;
    }
    let engine = Engine::new(cluster.client().clone(), Owner::labelled(APPLICATION, "flux-operator", NAMESPACE));
    let entries: Vec<Entry> = objects.iter().map(Entry::from).collect();
    let plan = ApplyPlan::new(objects, &Inventory::default());
    let outcome = engine.apply(&plan, &Policy::default(), Verification::Full, &Unkept).await;
    for change in outcome.changes.iter() {
        output::write(stdout, &format!("{change}\n"))?;
    }
    outcome.result.map_err(|error| Complaint::new(InstallError::Apply(error)))?;
    cluster.story.waiting("Waiting for Flux Operator to be ready...");
    let waited = engine.wait(&entries, cluster.left().saturating_sub(Duration::from_secs(1))).await;
    let summary: Summary = waited.map_err(|error| Complaint::new(InstallError::Look(error)))?;
    match summary.verdict() {
        Verdict::Ready => Ok(()),
        Verdict::Failed => Err(Complaint::new(InstallError::NotReady(summary.failure_message())).into()),
        Verdict::InProgress => Err(Complaint::new(InstallError::NotReady(summary.timeout_message())).into()),
    }
}

/// Applies the instance, waits until Flux runs, and returns its version.
async fn install_instance(cluster: &Cluster, instance: Value) -> Result<Option<String>, Failure> {
    let kind = ServedKind::known(INSTANCE);
    let name = instance.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
    cluster.story.waiting("Installing the Flux instance...");
    cluster.patch(&kind, NAMESPACE, &name, &Patch::Apply(instance)).await?;
    cluster.story.waiting("Waiting for Flux instance to be ready...");
    cluster.ready(&kind, NAMESPACE, &name, None).await?;
    cluster.story.done("Flux has been installed successfully");
    let live: Result<Object, ClusterError> = cluster.get(&kind, NAMESPACE, &name).await;
    Ok(flux_version(&live?))
}

impl Advise for InstallError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::ByHelm => "upgrade it with Helm, or uninstall that release first".to_owned(),
            Self::Apply(_) => "`flux-operator check --pre` tells what is missing".to_owned(),
            Self::NotReady(_) => format!("`kubectl -n {NAMESPACE} describe pods` tells why"),
            Self::Look(_) => return None,
        })
    }
}
