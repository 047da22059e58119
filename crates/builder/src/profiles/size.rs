//! How much each controller does at once, and what it may use for it.
//!
//! The figures are listed in `docs/rendering.md`, under *Sizes*. Quantities are written as here:
//! `1000m` and `1` are equal, but the text is part of the revision.

use flux_operator_api::{ClusterSize, Component, annotations, labels};
use serde_json::{Value, json};

use crate::controller;
use crate::error::BuildError;
use crate::plan::InstancePlan;
use crate::resource::Resource;

/// The controllers that do most of the work.
const RECONCILERS: &[Component] = &[Component::KustomizeController, Component::HelmController];
const SOURCE: &[Component] = &[Component::SourceController];

pub(super) fn apply(plan: &InstancePlan, resources: &mut [Resource]) -> Result<(), BuildError> {
    for deployment in controller::all_deployments(resources) {
        controller::set_template_metadata(deployment, "labels", labels::PART_OF, labels::PART_OF_FLUX)?;
        let evictable = "cluster-autoscaler.kubernetes.io/safe-to-evict";
        controller::set_template_metadata(deployment, "annotations", evictable, "true")?;
        if let Some(size) = plan.cluster.size {
            deployment.set_metadata("annotations", annotations::PROFILE, size.as_str());
        }
    }
    match plan.cluster.size {
        None => Ok(()),
        Some(ClusterSize::Small) => {
            for deployment in controller::all_deployments(resources) {
                set_resources(deployment, "64Mi", "1000m", "512Mi")?;
            }
            set_args(resources, RECONCILERS, &["--concurrent=5", "--requeue-dependency=10s"])?;
            set_args(resources, SOURCE, &cache("10"))
        }
        Some(ClusterSize::Medium) => {
            for deployment in controller::deployments(resources, &[RECONCILERS, SOURCE].concat()) {
                set_resources(deployment, "128Mi", "2000m", "1Gi")?;
            }
            set_args(resources, RECONCILERS, &["--concurrent=10", "--requeue-dependency=5s"])?;
            set_args(resources, SOURCE, &cache("50"))?;
            set_args(resources, SOURCE, &["--concurrent=5"])
        }
        Some(ClusterSize::Large) => {
            for deployment in controller::deployments(resources, RECONCILERS) {
                set_resources(deployment, "256Mi", "3000m", "3Gi")?;
            }
            for deployment in controller::deployments(resources, SOURCE) {
                set_resources(deployment, "256Mi", "2000m", "2Gi")?;
            }
            set_args(resources, RECONCILERS, &["--concurrent=20", "--requeue-dependency=5s"])?;
            set_args(resources, SOURCE, &cache("100"))?;
            set_args(resources, SOURCE, &["--concurrent=10"])
        }
    }
}

/// The flags for the cache of Helm indexes, by the number of repositories it holds.
fn cache(size: &str) -> [String; 3] {
    [
        format!("--helm-cache-max-size={size}"),
        "--helm-cache-ttl=720m".to_owned(),
        "--helm-cache-purge-interval=60m".to_owned(),
    ]
}

fn set_args(resources: &mut [Resource], components: &[Component], args: &[impl AsRef<str>]) -> Result<(), BuildError> {
    for deployment in controller::deployments(resources, components) {
        for arg in args {
            controller::push_arg(deployment, arg.as_ref())?;
        }
    }
    Ok(())
}

/// Every size requests a tenth of a core.
fn set_resources(
    deployment: &mut Resource,
    requested_memory: &str,
    cpu_limit: &str,
    memory_limit: &str,
) -> Result<(), BuildError> {
    let resources: Value = json!({
        "requests": { "cpu": "100m", "memory": requested_memory },
        "limits": { "cpu": cpu_limit, "memory": memory_limit },
    });
    controller::insert(deployment, "spec.template.spec.containers[0]", "resources", resources)
}
