//! What a flavour of Kubernetes does not allow.

use crate::controller;
use crate::error::BuildError;
use crate::plan::InstancePlan;
use crate::resource::Resource;

/// OpenShift assigns users and seccomp profiles itself and refuses pods that ask for their own, and
/// it labels namespaces itself. Every other flavour is plain Kubernetes.
pub(super) fn apply(plan: &InstancePlan, resources: &mut [Resource]) -> Result<(), BuildError> {
    if !plan.cluster.is_openshift {
        return Ok(());
    }
    for deployment in controller::all_deployments(resources) {
        controller::remove(deployment, "spec.template.spec", "securityContext")?;
        for field in ["seccompProfile", "runAsNonRoot"] {
            controller::remove(deployment, "spec.template.spec.containers[0].securityContext", field)?;
        }
    }
    for namespace in resources.iter_mut().filter(|resource| resource.kind() == "Namespace") {
        for label in ["pod-security.kubernetes.io/warn", "pod-security.kubernetes.io/warn-version"] {
            controller::remove(namespace, "metadata.labels", label)?;
        }
    }
    Ok(())
}
