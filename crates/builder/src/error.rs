//! Why an installation cannot be rendered.

use flux_operator_api::NotAnObject;

use crate::image_reference::ImageReferenceError;
use crate::kustomize::patch::PatchError;
use crate::release::ReleaseError;
use crate::violation::Violations;

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
