//! builder
mod kustomize;
pub mod version;
pub mod yaml;
pub use version::{RangeError, ReleaseVersion, VersionError, VersionRange};
