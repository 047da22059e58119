//! Flux distributions: where the manifests and image digests of Flux versions come from.
//!
//! A distribution is a tree of files, described in `docs/distribution.md`:
//!
//! ```text
//! flux/<version>/*.yaml                   manifests of one Flux version
//! flux-images/<version>/<variant>.yaml    digests of its images
//! ```
//!
//! [`Directory`] reads one from a folder. It hands a [`Release`](flux_operator_builder::Release) to
//! the builder, which owns the meaning of the files. This crate never talks to Kubernetes.

pub mod credentials;
mod directory;

pub use directory::{Directory, DirectoryError, Limits};
