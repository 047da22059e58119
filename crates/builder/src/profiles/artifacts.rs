//! What source-watcher needs from the controllers that use its artifacts.

use flux_operator_api::Component;

use crate::controller;
use crate::error::BuildError;
use crate::plan::InstancePlan;
use crate::resource::Resource;

/// A flag of its own beside the one for workload identity: controllers read each of them.
pub(super) fn apply(plan: &InstancePlan, resources: &mut [Resource]) -> Result<(), BuildError> {
    if !plan.has(Component::SourceWatcher) {
        return Ok(());
    }
    for deployment in controller::deployments(resources, &[Component::KustomizeController, Component::HelmController]) {
        controller::push_arg(deployment, "--feature-gates=ExternalArtifact=true")?;
    }
    Ok(())
}
