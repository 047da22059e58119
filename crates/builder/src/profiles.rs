//! What the operator changes in the controllers, before any patch of the user.
//!
//! The order of the steps is observable: it is the order of the arguments in the containers, and
//! each step sees what the earlier ones did.

mod arguments;
mod artifacts;
mod identity;
mod notifications;
mod placement;
mod platform;
mod sharding;
mod size;
mod tenancy;

use crate::error::BuildError;
use crate::plan::InstancePlan;
use crate::resource::Resource;
use crate::version::ReleaseVersion;

pub(crate) fn apply(
    plan: &InstancePlan,
    version: &ReleaseVersion,
    resources: &mut [Resource],
) -> Result<(), BuildError> {
    placement::apply(plan, resources)?;
    arguments::apply(plan, resources)?;
    sharding::apply(plan, version, resources)?;
    platform::apply(plan, resources)?;
    size::apply(plan, resources)?;
    tenancy::apply(plan, resources)?;
    artifacts::apply(plan, resources)?;
    notifications::apply(plan, version, resources)?;
    identity::apply(plan, version, resources)
}
