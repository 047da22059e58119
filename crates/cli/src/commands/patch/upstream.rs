//! Where controllers and their CRDs come from.

use flux_operator_api::Component;
use flux_operator_builder::VersionRange;
use serde_json::Value;

use super::github::GitHub;
use super::release::Releases;
use super::target::Target;
use crate::error::Failure;
use crate::kinds::FluxKind;

/// A place that knows the releases of Flux.
pub(super) enum Upstream {
    GitHub(Box<GitHub>),
    Distribution(Box<Releases>),
}

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

impl Upstream {
    /// The minor of Flux 2 that a range means now.
    pub(super) fn current(&self, range: &VersionRange) -> Result<u64, Failure> {
        match self {
            Self::GitHub(github) => github.current(range),
            Self::Distribution(releases) => Ok(releases.current()),
        }
    }

    /// What a component is to become on the way from a minor to a target.
    pub(super) fn change(&self, component: Component, current: u64, target: &Target) -> Result<Change, Failure> {
        match self {
            Self::GitHub(github) => github.change(component, current, target),
            Self::Distribution(releases) => releases.change(component, target),
        }
    }
}
