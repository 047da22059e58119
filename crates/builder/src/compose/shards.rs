//! The layer of a shard: further Deployments of the shardable controllers.

use flux_operator_api::{Component, annotations};
use serde_json::json;

use super::generated::{self, VOLUME_CLAIM};
use super::unfold::NAME;
use crate::controller;
use crate::error::BuildError;
use crate::plan::{InstancePlan, ShardingPlan};
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

/// The layer of a shard whose name is [`NAME`]: [`unfold`](super::unfold) makes the real ones of it.
pub(super) fn compose(
    plan: &InstancePlan,
    sharding: &ShardingPlan,
    release: &Release,
) -> Result<Vec<Resource>, BuildError> {
    let mut resources = Vec::new();
    for component in plan.components.iter().filter(|component| support::is_shardable(**component, release.version())) {
        for object in release.objects(&format!("{component}.yaml"))? {
            if SHARED_KINDS.contains(&object.kind()) {
                continue;
            }
            let mut resource = Resource::new(object.clone(), Layer::EveryShard);
            adapt(&mut resource, *component, sharding, plan)?;
            resources.push(resource);
        }
    }
    if let Some(storage) = plan.storage.as_ref().filter(|_| sharding.is_persistent) {
        resources.push(Resource::new(generated::volume_claim(storage)?, Layer::EveryShard));
    }
    for resource in &mut resources {
        resource.rename(Some(&plan.namespace), None);
        let name = format!("{}-{NAME}", resource.name());
        resource.rename(None, Some(&name));
        resource.set_metadata("annotations", annotations::SHARDING_ROLE, annotations::SHARDING_ROLE_SHARD);
    }
    Ok(resources)
}

fn adapt(
    resource: &mut Resource,
    component: Component,
    sharding: &ShardingPlan,
    plan: &InstancePlan,
) -> Result<(), BuildError> {
    if resource.name() != component.as_str() {
        return Ok(());
    }
    let app = format!("{component}-{NAME}");
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
                let volume = format!("persistent-data-{NAME}");
                let claim = json!({ "claimName": format!("{VOLUME_CLAIM}-{NAME}") });
                let mount = json!({ "name": volume, "mountPath": "/data" });
                let volume = json!({ "name": volume, "persistentVolumeClaim": claim });
                controller::replace(resource, "spec.template.spec.volumes[0]", volume)?;
                controller::replace(resource, "spec.template.spec.containers[0].volumeMounts[0]", mount)?;
            }
            controller::push_arg(resource, &format!("--watch-label-selector={}={NAME}", sharding.key))
        }
        _ => Ok(()),
    }
}
