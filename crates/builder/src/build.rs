//! From a plan and a release to the objects of an installation.

use crate::bundle::Bundle;
use crate::error::BuildError;
use crate::kustomize::{namespace, references};
use crate::plan::InstancePlan;
use crate::release::Release;
use crate::resource::Resource;
use crate::{compose, images, metadata, profiles, support};

/// Renders an installation.
///
/// The result is complete, ordered and deterministic: the same plan and the same release give the
/// same bytes on every machine and in every thread, whatever was built before.
///
/// The steps, and the order in which patches see each other's results, are written down in
/// `docs/rendering.md`.
///
/// # Errors
/// See [`BuildError`]. All of them last until the instance or the release changes; a retry with the
/// same arguments fails the same way.
pub fn build(plan: &InstancePlan, release: &Release) -> Result<Bundle, BuildError> {
    support::check(plan, release.version())?;
    let images = images::resolve(plan, release)?;
    let mut resources = compose::compose(plan, release)?;
    profiles::apply(plan, release.version(), &mut resources)?;
    if !plan.patches.is_empty() || compose::is_name_taken(plan) {
        // A patch can tell one shard from another. Without any, one stands for all to the end.
        compose::unfold(plan, &mut resources);
    }
    for patch in &plan.patches {
        patch.apply(&mut resources)?;
    }
    namespace::set(&plan.namespace, &mut resources);
    images::rewrite(&images, &mut resources);
    metadata::set_common(plan, release.version(), &mut resources);
    references::fix(&plan.namespace, &mut resources);
    compose::unfold(plan, &mut resources);
    resources.retain(|resource| !is_local(resource));
    Bundle::new(plan, release.version(), resources)
}

/// True for objects that are only configuration of a build, which a patch can declare them to be.
fn is_local(resource: &Resource) -> bool {
    let annotation = resource.metadata("annotations").and_then(|annotations| annotations.get(LOCAL_CONFIG));
    annotation.is_some_and(|value| value != "false")
}

const LOCAL_CONFIG: &str = "config.kubernetes.io/local-config";
