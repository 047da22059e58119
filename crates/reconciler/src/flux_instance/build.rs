//! From the instance to the objects that should exist. Reads files; everything else is pure.

use std::path::Path;

use flux_operator_api::{ComponentImage, FluxInstance, Object, Reason};
use flux_operator_builder::{InstancePlan, build};
use flux_operator_distro::Directory;

use super::Run;
use crate::events::Event;
use crate::outcome::{BuildFailure, Failure, FetchError};
use crate::upgrade::{self, Choice};

/// What should exist.
pub(super) struct Built {
    pub(super) version: String,
    /// `<version>@<digest>`.
    pub(super) revision: String,
    pub(super) objects: Vec<Object>,
    pub(super) components: Vec<ComponentImage>,
    /// The digest of the artifact the manifests came in, if they did.
    pub(super) artifact: Option<String>,
}

impl Run<'_> {
    pub(super) async fn build(&self) -> Result<Built, Failure> {
        let instance = self.instance.readable().map_err(|error| Failure::Build(error.into()))?;
        if let Some(artifact) = &instance.spec.distribution.artifact {
            return Err(Failure::Fetch(FetchError::NoClient(artifact.clone())));
        }
        let storage = self.ctx.options.storage_path.clone();
        // Reading and parsing takes some ten milliseconds, which nobody else should wait for.
        let built = tokio::task::spawn_blocking(move || from_storage(&instance, &storage)).await;
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
}

/// Renders an instance from the manifests that came with the operator.
fn from_storage(instance: &FluxInstance, storage: &Path) -> Result<(Built, Choice), BuildFailure> {
    let plan = InstancePlan::parse(instance)?;
    let manifests = storage.join("flux");
    if !manifests.is_dir() {
        return Err(BuildFailure::NoStorage(manifests));
    }
    let directory = Directory::open(storage)?;
    let applied = instance.status.as_ref().and_then(|status| status.last_applied_revision.as_deref());
    let choice = upgrade::choose(&plan, &directory.versions()?, applied)?;
    let bundle = build(&plan, &directory.release(&choice.version)?)?;
    let built = Built {
        version: bundle.version().to_string(),
        revision: bundle.revision(),
        components: bundle.components().to_vec(),
        objects: bundle.into_objects(),
        artifact: None,
    };
    Ok((built, choice))
}
