//! The artifact of an instance: as whom it is pulled, and whether it moved.
//!
//! Credentials come from the Secret that `spec.distribution.artifactPullSecret` names. Without one, or
//! where it has none for the registry, they come from the cloud that the operator runs in, and where
//! the registry then still wants some, from the pull secrets of the operator's own service account.

mod poll;
mod pull_secret;

use std::sync::Arc;

use flux_operator_builder::InstancePlan;
use flux_operator_distro::credentials::Credentials;
use flux_operator_distro::{
    Artifact, Artifacts, Digest, Distribution, DistributionError, Location, PullError, Reference,
};
use flux_operator_inventory::Connection;

use crate::context::Context;
use crate::instance::Instance;
use crate::outcome::FetchError;
pub(crate) use poll::{Poll, Polled, request_run};

/// The artifact of an instance, and who may know its credentials.
#[derive(Clone)]
pub(crate) struct Source {
    connection: Connection,
    artifacts: Arc<Artifacts>,
    reference: Reference,
    namespace: String,
    pull_secret: Option<String>,
}

impl Source {
    /// The artifact that an instance names, if it names one.
    pub(crate) fn of(ctx: &Context, instance: &Instance, plan: &InstancePlan) -> Option<Self> {
        let reference = Reference::from(plan.artifact()?.clone());
        let spec = instance.spec.as_ref().ok()?;
        Some(Self {
            connection: ctx.engine.connection().clone(),
            artifacts: Arc::clone(&ctx.artifacts),
            reference,
            namespace: instance.namespace().to_owned(),
            pull_secret: spec.distribution.artifact_pull_secret.clone().filter(|name| !name.is_empty()),
        })
    }

    /// Pulls the artifact, or takes it from the cache if its digest is known.
    pub(crate) async fn pull(&self) -> Result<Artifact, FetchError> {
        match self.artifacts.pull(&self.reference, &self.credentials().await?).await {
            Err(error) if error.wants_credentials() => {
                Ok(self.artifacts.pull(&self.reference, &self.inherited(error).await?).await?)
            }
            pulled => Ok(pulled?),
        }
    }

    /// The digest that the artifact has now.
    pub(crate) async fn resolve(&self) -> Result<Digest, FetchError> {
        match self.artifacts.resolve(&self.reference, &self.credentials().await?).await {
            Err(error) if error.wants_credentials() => {
                Ok(self.artifacts.resolve(&self.reference, &self.inherited(error).await?).await?)
            }
            resolved => Ok(resolved?),
        }
    }

    /// The credentials that the instance names, or those of the cloud.
    async fn credentials(&self) -> Result<Credentials, FetchError> {
        if let Some(name) = &self.pull_secret {
            let keychain = pull_secret::read(&self.connection, &self.namespace, name).await?;
            if let Some(found) = keychain.find(self.reference.host(), self.reference.repository()) {
                return Ok(found.clone());
            }
        }
        Ok(self.artifacts.identity(&self.reference).await?)
    }

    /// The credentials of the operator's own service account; where it has none, what the registry said
    /// stands. Only asked for when the registry wants some: looking costs requests.
    async fn inherited(&self, refused: PullError) -> Result<Credentials, FetchError> {
        let keychains = pull_secret::of_service_account(&self.connection).await;
        let found = keychains.find(self.reference.host(), self.reference.repository());
        Ok(found.cloned().ok_or(refused)?)
    }
}

/// The distribution that came with the operator.
pub(crate) async fn from_storage(ctx: &Context) -> Result<Distribution, DistributionError> {
    let credentials = match &ctx.options.storage {
        Location::Registry(reference) => ctx.artifacts.identity(reference).await?,
        Location::Path(_) => Credentials::Anonymous,
    };
    Distribution::find(&ctx.options.storage, &ctx.artifacts, &credentials).await
}
