//! Where pods run, and the secret they pull their images with.

use serde_json::{Value, json};

use crate::controller;
use crate::error::BuildError;
use crate::plan::InstancePlan;
use crate::resource::{Resource, submap};

pub(super) fn apply(plan: &InstancePlan, resources: &mut [Resource]) -> Result<(), BuildError> {
    for deployment in controller::all_deployments(resources) {
        controller::change(deployment, "spec.template.spec", |pod| {
            let pod = pod.as_object_mut()?;
            submap(pod, "nodeSelector")?.insert("kubernetes.io/os".to_owned(), "linux".into());
            if let Some(secret) = &plan.distribution.image_pull_secret {
                let secrets =
                    pod.entry("imagePullSecrets").or_insert_with(|| Value::Array(Vec::new())).as_array_mut()?;
                secrets.retain(|other| other.get("name").and_then(Value::as_str) != Some(secret));
                secrets.insert(0, json!({ "name": secret }));
            }
            Some(())
        })?;
    }
    Ok(())
}
