//! The objects of an installation before anything is tuned: which files, in which layers.
//!
//! Policies, roles, components, shards, storage and sync, in this order. It decides the revision,
//! and nothing else: the result is sorted in the end. One shard stands for all of them until
//! [`unfold()`].

mod generated;
mod roles;
mod shards;
mod unfold;

pub(crate) use generated::VOLUME_CLAIM;
pub(crate) use unfold::{is_name_taken, unfold};

use crate::error::BuildError;
use crate::plan::InstancePlan;
use crate::release::Release;
use crate::resource::{Layer, Resource};

pub(crate) fn compose(plan: &InstancePlan, release: &Release) -> Result<Vec<Resource>, BuildError> {
    let mut resources = vec![Resource::new(generated::namespace(plan)?, Layer::Main)];
    if plan.cluster.network_policy {
        take_file("policies.yaml", release, &mut resources)?;
    }
    resources.extend(roles::compose(plan, release)?);
    for component in &plan.components {
        take_file(&format!("{component}.yaml"), release, &mut resources)?;
    }
    if let Some(sharding) = &plan.sharding {
        resources.extend(shards::compose(plan, sharding, release)?);
    }
    if let Some(storage) = &plan.storage {
        resources.push(Resource::new(generated::volume_claim(storage)?, Layer::Main));
    }
    if let Some(sync) = &plan.sync {
        for object in generated::sync(sync, plan, release.version())? {
            resources.push(Resource::new(object, Layer::Main));
        }
    }
    Ok(resources)
}

fn take_file(file: &str, release: &Release, resources: &mut Vec<Resource>) -> Result<(), BuildError> {
    resources.extend(release.objects(file)?.iter().cloned().map(|object| Resource::new(object, Layer::Main)));
    Ok(())
}
