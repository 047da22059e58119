//! Access to cloud providers as service accounts that Flux resources name.

use flux_operator_api::Component;

use crate::controller;
use crate::error::BuildError;
use crate::plan::{InstancePlan, WorkloadIdentity};
use crate::resource::Resource;
use crate::version::ReleaseVersion;

/// The controllers with the feature gate since Flux 2.6.
const GATED: &[Component] = &[
    Component::SourceController,
    Component::KustomizeController,
    Component::NotificationController,
    Component::ImageReflectorController,
    Component::ImageAutomationController,
];

/// The controllers that access cloud providers in the name of a resource.
const DEFAULT_ACCOUNT: &[Component] = &[
    Component::SourceController,
    Component::NotificationController,
    Component::ImageReflectorController,
    Component::ImageAutomationController,
];

/// From 2.7 on the gate is always written, `false` included; before 2.6 there is none.
pub(super) fn apply(
    plan: &InstancePlan,
    version: &ReleaseVersion,
    resources: &mut [Resource],
) -> Result<(), BuildError> {
    let identity = &plan.cluster.workload_identity;
    let enabled = *identity != WorkloadIdentity::Controllers;
    let mut gated = GATED.to_vec();
    if version.at_least(2, 7) {
        gated.push(Component::HelmController);
    }
    if version.at_least(2, 7) || enabled && version.at_least(2, 6) {
        push(resources, &gated, &format!("--feature-gates=ObjectLevelWorkloadIdentity={enabled}"))?;
    }
    let WorkloadIdentity::Tenants { default, decryption, kube_config } = identity else {
        return Ok(());
    };
    let (kustomize, helm) = (Component::KustomizeController, Component::HelmController);
    push(resources, DEFAULT_ACCOUNT, &format!("--default-service-account={default}"))?;
    push(resources, &[kustomize], &format!("--default-decryption-service-account={decryption}"))?;
    push(resources, &[kustomize, helm], &format!("--default-kubeconfig-service-account={kube_config}"))
}

fn push(resources: &mut [Resource], components: &[Component], arg: &str) -> Result<(), BuildError> {
    for deployment in controller::deployments(resources, components) {
        controller::push_arg(deployment, arg)?;
    }
    Ok(())
}
