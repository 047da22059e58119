//! What the main controllers leave to the shards.

use flux_operator_api::Component;

use super::arguments::is_shard;
use crate::controller;
use crate::error::BuildError;
use crate::plan::InstancePlan;
use crate::resource::Resource;
use crate::support;
use crate::version::ReleaseVersion;

/// The main controllers watch what carries no shard's label.
pub(super) fn apply(
    plan: &InstancePlan,
    version: &ReleaseVersion,
    resources: &mut [Resource],
) -> Result<(), BuildError> {
    let Some(sharding) = &plan.sharding else {
        return Ok(());
    };
    let shardable: Vec<Component> =
        Component::ALL.iter().copied().filter(|component| support::is_shardable(*component, version)).collect();
    for deployment in controller::deployments(resources, &shardable).filter(|deployment| !is_shard(deployment)) {
        controller::push_arg(deployment, &format!("--watch-label-selector=!{}", sharding.key))?;
    }
    Ok(())
}
