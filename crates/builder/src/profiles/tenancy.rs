//! What keeps tenants apart.

use flux_operator_api::Component;

use crate::controller;
use crate::error::BuildError;
use crate::plan::{InstancePlan, Tenancy};
use crate::resource::Resource;

/// The controllers that follow references between namespaces.
const FOLLOW_REFERENCES: &[Component] = &[
    Component::KustomizeController,
    Component::HelmController,
    Component::NotificationController,
    Component::ImageReflectorController,
    Component::ImageAutomationController,
    Component::SourceWatcher,
];

/// The controllers that apply what tenants ask for.
const APPLY: &[Component] = &[Component::KustomizeController, Component::HelmController];

pub(super) fn apply(plan: &InstancePlan, resources: &mut [Resource]) -> Result<(), BuildError> {
    let Tenancy::Multi { default_service_account } = &plan.cluster.tenancy else {
        return Ok(());
    };
    for deployment in controller::deployments(resources, FOLLOW_REFERENCES) {
        controller::push_arg(deployment, "--no-cross-namespace-refs=true")?;
    }
    for deployment in controller::deployments(resources, &[Component::KustomizeController]) {
        controller::push_arg(deployment, "--no-remote-bases=true")?;
    }
    for deployment in controller::deployments(resources, APPLY) {
        controller::push_arg(deployment, &format!("--default-service-account={default_service_account}"))?;
    }
    // The sync is the platform team's own and keeps its rights.
    for kustomization in resources.iter_mut().filter(|resource| resource.kind() == "Kustomization") {
        let account = Component::KustomizeController.as_str();
        controller::insert(kustomization, "spec", "serviceAccountName", account.into())?;
    }
    Ok(())
}
