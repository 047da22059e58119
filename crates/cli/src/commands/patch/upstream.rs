//! Where controllers and their CRDs come from.

use flux_operator_api::Component;
use flux_operator_builder::VersionRange;

use super::change::Change;
use super::github::GitHub;
use super::release::Releases;
use super::target::Target;
use crate::error::Failure;

/// A place that knows the releases of Flux.
pub(super) enum Upstream {
    GitHub(Box<GitHub>),
    Distribution(Box<Releases>),
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
