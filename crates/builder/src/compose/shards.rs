//! The layer of one shard: further Deployments of the shardable controllers.

use flux_operator_api::{Component, annotations};
use serde_json::json;

use super::generated::{self, VOLUME_CLAIM};
use crate::build::BuildError;
use crate::controller;
use crate::plan::{InstancePlan, Shard, ShardingPlan};
use crate::release::Release;
use crate::resource::{Layer, Resource};
use crate::support;

/// Kinds that a shard shares with the main installation.
const SHARED_KINDS: &[&str] = &[
    "Namespace",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleBinding",
    "ServiceAccount",
    "NetworkPolicy",
    "ResourceQuota",
];

pub(super) fn compose(plan: &InstancePlan, index: usize, release: &Release) -> Result<Vec<Resource>, BuildError> {
    let Some((sharding, shard)) =
        plan.sharding.as_ref().and_then(|sharding| Some((sharding, sharding.shards.get(index)?)))
    else {
        return Ok(Vec::new());
    };
    let layer = Layer::Shard(index);
    let mut resources = Vec::new();
    for component in plan.components.iter().filter(|component| support::is_shardable(**component, release.version())) {
        for object in release.objects(&format!("{component}.yaml"))? {
            if SHARED_KINDS.contains(&object.kind()) {
                continue;
            }
            let mut resource = Resource::new(object.clone(), layer);
            adapt(&mut resource, *component, sharding, shard, plan)?;
            resources.push(resource);
        }
    }
    if let Some(storage) = plan.storage.as_ref().filter(|_| sharding.is_persistent) {
        resources.push(Resource::new(generated::volume_claim(storage)?, layer));
    }
    for resource in &mut resources {
        resource.rename(Some(&plan.namespace), None);
        let name = format!("{}-{}", resource.name(), shard.as_str());
        resource.rename(None, Some(&name));
        resource.set_metadata("annotations", annotations::SHARDING_ROLE, annotations::SHARDING_ROLE_SHARD);
    }
    Ok(resources)
}

fn adapt(
    resource: &mut Resource,
    component: Component,
    sharding: &ShardingPlan,
    shard: &Shard,
    plan: &InstancePlan,
) -> Result<(), BuildError> {
    if resource.name() != component.as_str() {
        return Ok(());
    }
    let shard = shard.as_str();
    let app = format!("{component}-{shard}");
    match resource.kind() {
        "Service" => controller::insert(resource, "spec.selector", "app", app.into()),
        "Deployment" => {
            controller::insert(resource, "spec.selector.matchLabels", "app", app.as_str().into())?;
            controller::insert(resource, "spec.template.metadata.labels", "app", app.as_str().into())?;
            let (role, value) = (annotations::SHARDING_ROLE, annotations::SHARDING_ROLE_SHARD);
            controller::set_template_metadata(resource, "annotations", role, value)?;
            if controller::serves_artifacts(component) {
                controller::push_arg(resource, &controller::storage_address(&app, &plan.cluster.domain))?;
            }
            if component == Component::SourceController && sharding.is_persistent && plan.storage.is_some() {
                let volume = format!("persistent-data-{shard}");
                let claim = json!({ "claimName": format!("{VOLUME_CLAIM}-{shard}") });
                let mount = json!({ "name": volume, "mountPath": "/data" });
                let volume = json!({ "name": volume, "persistentVolumeClaim": claim });
                controller::replace(resource, "spec.template.spec.volumes[0]", volume)?;
                controller::replace(resource, "spec.template.spec.containers[0].volumeMounts[0]", mount)?;
            }
            controller::push_arg(resource, &format!("--watch-label-selector={}={shard}", sharding.key))
        }
        _ => Ok(()),
    }
}
