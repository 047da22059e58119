//! Flux distributions: where the manifests and image digests of Flux versions come from.
//!
//! A distribution is a tree of files, described in `docs/distribution.md`:
//!
//! ```text
//! flux/<version>/*.yaml                   manifests of one Flux version
//! flux-images/<version>/<variant>.yaml    digests of its images
//! ```
//!
//! It is a folder, an artifact in an OCI registry, or a file with such an artifact. [`Distribution::find`]
//! opens one wherever it is, [`Directory`] a folder without anything asynchronous. Both hand a
//! [`Release`](flux_operator_builder::Release) to the builder, which owns the meaning of the files.
//! What comes from a registry is proven before anything reads it, as `docs/registries.md` tells. This
//! crate never talks to Kubernetes: credentials arrive as values.

pub mod archive;
pub mod credentials;
pub mod manifest;
pub mod registry;

mod artifact;
mod artifacts;
mod cache;
mod content;
mod copy;
mod directory;
mod distribution;
mod flag_file;
mod layout;
mod origin;
mod reference;
mod signatures;
mod text;
mod trust;
mod unpack;
mod upload;

pub use artifact::{Artifact, ArtifactError};
pub use artifacts::Artifacts;
pub use cache::Cache;
pub use copy::{Copied, CopyError, CopyProgress, Existing, Place};
pub use directory::{Directory, DirectoryError, Limits};
pub use distribution::{Distribution, DistributionError, Location};
pub use flag_file::FlagFileError;
pub use flux_operator_api::Digest;
pub use flux_operator_signature::{Policy, Verified, VerifyError};
pub use layout::LayoutError;
pub use manifest::ManifestError;
pub use origin::PullError;
pub use reference::{Reference, ReferenceError, Version};
pub use registry::{Client, ClientOptions, RegistryError, WebError, WebRequest};
pub use trust::{Text, Trust, TrustError};
pub use unpack::UnpackError;
pub use upload::Upload;
