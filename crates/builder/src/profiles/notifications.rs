//! What lets notification-controller handle the operator's own resources.

use flux_operator_api::{Component, identity};
use serde_json::{Value, json};

use crate::controller;
use crate::error::BuildError;
use crate::plan::InstancePlan;
use crate::resource::Resource;
use crate::support;
use crate::version::ReleaseVersion;

/// The kinds that alerts and receivers may name.
const KINDS: &[&str] = &["FluxInstance", "ResourceSet", "ResourceSetInputProvider"];

/// The CRDs and the list in them that names kinds.
const ENUMS: &[(&str, &str)] = &[
    ("alerts.notification.toolkit.fluxcd.io", "eventSources"),
    ("receivers.notification.toolkit.fluxcd.io", "resources"),
];

pub(super) fn apply(
    plan: &InstancePlan,
    version: &ReleaseVersion,
    resources: &mut [Resource],
) -> Result<(), BuildError> {
    if !plan.has(Component::NotificationController) {
        return Ok(());
    }
    for resource in resources {
        match resource.kind() {
            "CustomResourceDefinition" => {
                let found = ENUMS.iter().find(|(name, _)| *name == resource.name());
                if let Some((_, list)) = found {
                    admit_kinds(resource, list, support::notification_versions(version))?;
                }
            }
            "ClusterRole" if resource.original_name() == "crd-controller" => {
                let rule = json!({ "apiGroups": [identity::GROUP], "resources": ["*"], "verbs": ["*"] });
                controller::push(resource, "rules", rule)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn admit_kinds(crd: &mut Resource, list: &str, versions: usize) -> Result<(), BuildError> {
    for index in 0..versions {
        let path = format!(
            "spec.versions[{index}].schema.openAPIV3Schema.properties.spec.properties.{list}.items.properties.kind.enum"
        );
        controller::change(crd, &path, |kinds| {
            kinds.as_array_mut()?.extend(KINDS.iter().map(|kind| Value::from(*kind)));
            Some(())
        })?;
    }
    Ok(())
}
