//! The layer of cluster-wide permissions, whose names end in the namespace.

use flux_operator_api::Object;
use serde_json::Value;

use crate::error::BuildError;
use crate::kustomize::scope::is_namespaced;
use crate::plan::{InstancePlan, WorkloadIdentity};
use crate::release::Release;
use crate::resource::{Layer, Resource, Step};

/// The namespace that a distribution's manifests name.
const DISTRIBUTION_NAMESPACE: &str = "flux-system";

/// The permission to issue tokens for service accounts, which only workload identity of objects
/// needs.
const TOKEN_RESOURCE: &str = "serviceaccounts/token";

pub(super) fn compose(plan: &InstancePlan, release: &Release) -> Result<Vec<Resource>, BuildError> {
    let keeps_token_rule =
        plan.cluster.workload_identity != WorkloadIdentity::Controllers || !release.version().at_least(2, 6);
    let mut resources = Vec::new();
    for object in release.objects("rbac.yaml")? {
        let mut resource = Resource::new(in_namespace(object, &plan.namespace)?, Layer::Roles);
        if !keeps_token_rule && (resource.kind(), resource.name()) == ("ClusterRole", "crd-controller") {
            remove_token_rule(&mut resource);
        }
        if is_namespaced(resource.group_version().0, resource.kind()) {
            resource.rename(Some(&plan.namespace), None);
        }
        let name = format!("{}-{}", resource.name(), plan.namespace);
        resource.rename(None, Some(&name));
        resources.push(resource);
    }
    Ok(resources)
}

/// The object with the plan's namespace wherever it names the distribution's.
fn in_namespace(object: &Object, namespace: &str) -> Result<Object, BuildError> {
    if namespace == DISTRIBUTION_NAMESPACE {
        return Ok(object.clone());
    }
    let mut value = object.clone().into_value();
    replace_text(&mut value, namespace);
    Ok(Object::try_from(value)?)
}

fn replace_text(value: &mut Value, namespace: &str) {
    match value {
        Value::String(text) if text.contains(DISTRIBUTION_NAMESPACE) => {
            *text = text.replace(DISTRIBUTION_NAMESPACE, namespace);
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace_text(item, namespace)),
        Value::Object(map) => map.values_mut().for_each(|value| replace_text(value, namespace)),
        _ => {}
    }
}

/// Removes the permission by what it says, wherever the release has it, and the rule if nothing is
/// left of it.
fn remove_token_rule(role: &mut Resource) {
    let Some(Value::Array(rules)) = role.at_mut(&[Step::Key("rules")]) else { return };
    rules.retain_mut(|rule| {
        let Some(Value::Array(resources)) = rule.get_mut("resources") else { return true };
        let before = resources.len();
        resources.retain(|resource| resource != TOKEN_RESOURCE);
        !resources.is_empty() || before == 0
    });
}
