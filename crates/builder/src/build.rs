//! From a plan and a release to the objects of an installation.

use flux_operator_api::NotAnObject;

use crate::bundle::Bundle;
use crate::images::{self, ImageReferenceError};
use crate::kustomize::patch::PatchError;
use crate::kustomize::{namespace, references};
use crate::plan::InstancePlan;
use crate::release::{Release, ReleaseError};
use crate::resource::Resource;
use crate::violation::Violations;
use crate::{compose, metadata, profiles, support};

/// An installation that cannot be rendered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The instance asks for something the chosen Flux version does not have.
    #[error("the instance asks for more than Flux {version} has")]
    Unsupported {
        /// The chosen version.
        version: String,
        /// Every field that needs another version.
        #[source]
        violations: Violations,
    },
    /// A file of the release is missing or faulty.
    #[error(transparent)]
    Release(#[from] ReleaseError),
    /// An object of the distribution lacks something that the operator has to change.
    #[error("{object} of the distribution has no `{field}`")]
    Shape {
        /// The object, as `Kind/namespace/name`.
        object: String,
        /// The field.
        field: String,
    },
    /// A patch of the instance cannot be applied.
    #[error(transparent)]
    Patch(#[from] PatchError),
    /// Two objects have the same kind, namespace and name.
    #[error("the installation has {object} twice; a patch may have renamed one of them")]
    Duplicate {
        /// The object, as `Kind/namespace/name`.
        object: String,
    },
    /// A controller's Deployment has lost its containers.
    #[error("{object} has no `spec.template.spec.containers`; a patch may have removed them")]
    NoContainers {
        /// The object, as `Kind/namespace/name`.
        object: String,
    },
    /// The image of a controller cannot be read.
    #[error("container `manager` of {object} has no usable image")]
    Image {
        /// The object, as `Kind/namespace/name`.
        object: String,
        /// What is wrong with the image.
        #[source]
        source: ImageReferenceError,
    },
    /// A rendered object is none.
    #[error("a rendered object cannot be used")]
    NotAnObject(#[from] NotAnObject),
}

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
