//! From the instance to the objects that should exist. Reads the distribution; everything else is pure.

use std::collections::BTreeSet;

use flux_operator_api::{ComponentImage, FluxInstance, Object, Reason};
use flux_operator_builder::upgrade::{self, Choice};
use flux_operator_builder::{InstancePlan, build};
use flux_operator_distro::{Directory, Distribution, DistributionError, Location};

use super::Run;
use crate::artifact::Source;
use crate::context::Memory;
use crate::events::Event;
use crate::outcome::{BuildFailure, Failure};

/// What should exist.
pub(super) struct Built {
    pub(super) version: String,
    /// `<version>@<digest>`.
    pub(super) revision: String,
    pub(super) objects: Vec<Object>,
    pub(super) components: Vec<ComponentImage>,
    /// The digest of the artifact the manifests came in, if the instance names one.
    pub(super) artifact: Option<String>,
}

impl Run<'_> {
    pub(super) async fn build(&self, memory: &mut Memory) -> Result<Built, Failure> {
        let instance = self.instance.readable().map_err(|error| Failure::Build(error.into()))?;
        let plan = InstancePlan::parse(&instance).map_err(|error| Failure::Build(error.into()))?;
        let distribution = self.distribution(&plan).await?;
        memory.artifact = plan.artifact().and(distribution.digest());
        let storage = self.ctx.options.storage.clone();
        // Reading and parsing takes some ten milliseconds, which nobody else should wait for.
        let built = tokio::task::spawn_blocking(move || render(&instance, &plan, &distribution, &storage)).await;
        let (built, choice) = match built {
            Ok(built) => built.map_err(Failure::Build)?,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        if let Some(newer) = choice.newer {
            let message = format!("Flux {} is outdated, the latest stable version is {newer}", choice.version);
            self.tell(Event::normal(Reason::OutdatedVersion, message));
        }
        Ok(built)
    }

    /// The distribution that the instance names, or the one that came with the operator.
    async fn distribution(&self, plan: &InstancePlan) -> Result<Distribution, Failure> {
        if let Some(source) = Source::of(self.ctx, self.instance, plan) {
            return Ok(Distribution::Artifact(source.pull().await.map_err(Failure::Fetch)?));
        }
        if let Location::Path(path) = &self.ctx.options.storage
            && !path.is_file()
            && !path.join("flux").is_dir()
        {
            return Err(Failure::Build(BuildFailure::NoStorage(path.join("flux"))));
        }
        crate::artifact::from_storage(self.ctx).await.map_err(|error| match error {
            DistributionError::Pull(error) => Failure::Fetch(error.into()),
            error => Failure::Build(error.into()),
        })
    }
}

/// Renders an instance.
fn render(
    instance: &FluxInstance,
    plan: &InstancePlan,
    distribution: &Distribution,
    storage: &Location,
) -> Result<(Built, Choice), BuildFailure> {
    let mut versions = distribution.versions()?;
    if plan.artifact().is_some() {
        let known = minors(storage);
        versions.retain(|version| known.is_empty() || known.contains(&upgrade::minor(version)));
    }
    let applied = instance.status.as_ref().and_then(|status| status.last_applied_revision.as_deref());
    let choice = upgrade::choose(plan, &versions, applied)?;
    let bundle = build(plan, &distribution.release(&choice.version)?)?;
    let built = Built {
        version: bundle.version().to_string(),
        revision: bundle.revision(),
        components: bundle.components().to_vec(),
        objects: bundle.into_objects(),
        artifact: plan.artifact().and(distribution.digest()).map(|digest| digest.to_string()),
    };
    Ok((built, choice))
}

/// The minor versions that came with the operator. An artifact may bring patches of them and nothing
/// newer, which this operator might build wrong. An operator that came without manifests has no
/// opinion.
fn minors(storage: &Location) -> BTreeSet<(u64, u64)> {
    let Location::Path(path) = storage else { return BTreeSet::new() };
    let versions = Directory::open(path).and_then(|directory| directory.versions()).unwrap_or_default();
    versions.iter().map(upgrade::minor).collect()
}
