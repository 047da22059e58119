//! builder
mod admission;
mod build;
mod bundle;
mod compose;
mod controller;
mod images;
mod kustomize;
mod metadata;
mod plan;
mod profiles;
mod release;
mod resource;
mod support;
pub mod version;
mod violation;
pub mod yaml;

pub use admission::{Admission, Manifest};
pub use build::{BuildError, build};
pub use bundle::Bundle;
pub use images::ImageReferenceError;
pub use kustomize::patch::{PatchError, PatchFault};
pub use plan::{InstancePlan, NoVersion};
pub use release::{Release, ReleaseError};
pub use version::{RangeError, ReleaseVersion, VersionError, VersionRange};
pub use violation::{Violation, Violations};
