//! The arguments that every installation sets, and the volume of source-controller.

use flux_operator_api::{Component, annotations};
use serde_json::json;

use crate::compose::VOLUME_CLAIM;
use crate::controller;
use crate::error::BuildError;
use crate::plan::InstancePlan;
use crate::resource::Resource;

/// The volume that takes the place of the distribution's `data`, which stays in the list unused.
const VOLUME: &str = "persistent-data";

pub(super) fn apply(plan: &InstancePlan, resources: &mut [Resource]) -> Result<(), BuildError> {
    let events = events_address(plan);
    for component in &plan.components {
        for deployment in controller::deployments(resources, &[*component]) {
            set_arguments(deployment, *component, &events, &plan.cluster.domain)?;
        }
        if *component == Component::SourceController && plan.storage.is_some() {
            for deployment in
                controller::deployments(resources, &[*component]).filter(|deployment| !is_shard(deployment))
            {
                mount_volume(deployment)?;
            }
        }
    }
    Ok(())
}

/// Where controllers send their events: empty without notification-controller. The dot behind the
/// domain keeps the resolver from trying the search domains.
fn events_address(plan: &InstancePlan) -> String {
    if !plan.has(Component::NotificationController) {
        return String::new();
    }
    format!("http://notification-controller.{}.svc.{}./", plan.namespace, plan.cluster.domain)
}

/// The distribution gives these arguments their positions.
fn set_arguments(
    deployment: &mut Resource,
    component: Component,
    events: &str,
    domain: &str,
) -> Result<(), BuildError> {
    let first = if component == Component::NotificationController {
        0
    } else {
        controller::replace_arg(deployment, 0, &format!("--events-addr={events}"))?;
        1
    };
    controller::replace_arg(deployment, first, "--watch-all-namespaces=true")?;
    controller::replace_arg(deployment, first + 1, "--log-level=info")?;
    if controller::serves_artifacts(component) {
        // On a shard this is the main address; the shard's own comes later in the list and wins.
        controller::replace_arg(deployment, 6, &controller::storage_address(component.as_str(), domain))?;
    }
    Ok(())
}

fn mount_volume(deployment: &mut Resource) -> Result<(), BuildError> {
    let volume = json!({ "name": VOLUME, "persistentVolumeClaim": { "claimName": VOLUME_CLAIM } });
    controller::push(deployment, "spec.template.spec.volumes", volume)?;
    let mount = json!({ "name": VOLUME, "mountPath": "/data" });
    controller::replace(deployment, "spec.template.spec.containers[0].volumeMounts[0]", mount)
}

pub(super) fn is_shard(deployment: &Resource) -> bool {
    deployment.metadata("annotations").is_some_and(|all| all.get(annotations::SHARDING_ROLE).is_some())
}
