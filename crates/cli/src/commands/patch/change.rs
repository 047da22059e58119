//! What becomes of a component on the way to another release.

use serde_json::Value;

use crate::error::Failure;
use crate::kinds::FluxKind;

/// What a component is to become.
pub(super) struct Change {
    /// The image, without its repository: `:v1.8.2`, or with a digest.
    pub(super) image: Image,
    pub(super) definitions: Vec<Definition>,
}

/// The image of a controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Image {
    /// Behind the registry of the instance and the name of the component.
    Tagged(String),
    /// All of it: builds of a branch are at one place only.
    Whole(String),
}

/// A CRD as it is and as it will be; either may not exist.
pub(super) struct Definition {
    pub(super) kind: &'static FluxKind,
    pub(super) now: Result<Option<Value>, Failure>,
    pub(super) then: Result<Option<Value>, Failure>,
}
