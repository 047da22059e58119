//! Labels and annotations that every object carries.

use flux_operator_api::{annotations, labels};

use crate::plan::InstancePlan;
use crate::resource::Resource;
use crate::version::ReleaseVersion;

/// What Flux is managed by and which version it has. These keys belong to the operator: whatever a
/// patch put there is replaced.
pub(crate) fn set_common(plan: &InstancePlan, version: &ReleaseVersion, resources: &mut [Resource]) {
    for resource in resources {
        for (key, value) in [
            (labels::MANAGED_BY, labels::MANAGED_BY_OPERATOR),
            (labels::INSTANCE, &plan.namespace),
            (labels::APP_VERSION, version.as_str()),
            (labels::PART_OF, labels::PART_OF_FLUX),
        ] {
            resource.set_metadata("labels", key, value);
        }
        // A Kustomization of Flux must neither take over nor delete Flux itself.
        for (key, value) in [
            (annotations::SSA, annotations::SSA_IGNORE),
            (annotations::KUSTOMIZE_PRUNE, annotations::KUSTOMIZE_PRUNE_DISABLED),
        ] {
            resource.set_metadata("annotations", key, value);
        }
    }
}

/// The instance's `commonMetadata`, and then the labels that say who owns the object: those come
/// last, for garbage collection finds what it may delete by them.
///
/// Neither is part of the revision.
pub(crate) fn set_owner(plan: &InstancePlan, resources: &mut [Resource]) {
    for resource in resources {
        for (key, value) in &plan.common_labels {
            resource.set_metadata("labels", key, value);
        }
        for (key, value) in &plan.common_annotations {
            resource.set_metadata("annotations", key, value);
        }
        resource.set_metadata("labels", labels::OWNER_NAME, &plan.name);
        resource.set_metadata("labels", labels::OWNER_NAMESPACE, &plan.namespace);
    }
}
