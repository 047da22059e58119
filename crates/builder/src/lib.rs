//! Renders a FluxInstance to the Kubernetes objects of a Flux installation.
//!
//! One pure function, in three steps whose types carry what was proven:
//!
//! ```text
//! FluxInstance --parse--> InstancePlan --select--> ReleaseVersion --build--> Bundle
//!  what the user wrote     legal, every field       one Flux version          final, ordered objects
//! ```
//!
//! ```
//! use flux_operator_api::{Distribution, FluxInstance, FluxInstanceSpec};
//! use flux_operator_builder::{InstancePlan, build};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let spec = FluxInstanceSpec::new(Distribution::new("2.x", "ghcr.io/fluxcd"));
//! let plan = InstancePlan::parse(&FluxInstance::new("flux", spec))?;
//!
//! # let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/distribution");
//! # let directory = flux_operator_distro::Directory::open(root)?;
//! let available = directory.versions()?; // or wherever your distribution comes from
//! let version = plan.select(&available)?;
//! let release = directory.release(version)?;
//!
//! let bundle = build(&plan, &release)?;
//! println!("{} has {} objects", bundle.revision(), bundle.objects().len());
//! # Ok(())
//! # }
//! ```
//!
//! The files of a Flux version come as text, through [`Release`], from a folder, an archive or a
//! registry: this crate does not care. A FluxInstance that lies in a file is read with
//! [`Admission`], which does what the API server would do to it and knows the line of every fault.
//!
//! # What it promises
//! - **The same everywhere.** The same plan and release give the same bytes, in any thread, on any
//!   machine, in the operator, the command line and your program.
//! - **Never a panic**, whatever the input. Limits bound the time and memory that hostile YAML takes.
//! - **Every violation at once**, each with its field and, for files, its line.
//!
//! # What it never does
//! No files, network, clock, environment, randomness, threads or Kubernetes client; it compiles for
//! `wasm32-unknown-unknown`. It does not decide what is applied or deleted, only what should exist.
//!
//! # Errors
//! [`Violations`] is about the instance alone, [`NoVersion`] about what the distribution offers,
//! [`BuildError`] about the two together. None of them goes away by trying again.
//!
//! The rules of rendering are written down in `docs/rendering.md`, the layout of a distribution in
//! `docs/distribution.md`.

mod admission;
mod plan;
pub mod version;
mod violation;

mod release;

mod build;
mod compose;
mod error;
mod profiles;

mod kustomize;

mod image_reference;
mod images;
mod metadata;
mod support;
pub mod upgrade;

mod controller;
mod name;
mod resource;

mod bundle;

pub mod yaml;

pub use admission::{Admission, Manifest};
pub use build::build;
pub use bundle::Bundle;
pub use error::BuildError;
pub use image_reference::{ImageReference, ImageReferenceError};
pub use kustomize::json6902::OperationError;
pub use kustomize::patch::{PatchError, PatchFault};
pub use kustomize::strategic::MergeError;
pub use plan::{InstancePlan, NoVersion};
pub use release::{Release, ReleaseError, ReleaseImage};
pub use version::{RangeError, ReleaseVersion, VersionError, VersionRange};
pub use violation::{Violation, Violations};
