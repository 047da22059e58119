//! The API of the Flux operator: what a user may write, what the operator answers, and every key
//! the two share.
//!
//! This crate is the vocabulary of the workspace. It holds the [`FluxInstance`] custom resource
//! with its defaults and validation rules, the [`FluxReport`] that the operator writes, the CRDs an
//! API server is given, conditions, history and inventory as pure values, and the labels,
//! annotations and names the operator owns. A program that embeds the builder starts here:
//!
//! ```
//! use flux_operator_api::{Distribution, FluxInstance, FluxInstanceSpec};
//!
//! let upstream = Distribution::new("2.x", "ghcr.io/fluxcd");
//! let instance = FluxInstance::new("flux", FluxInstanceSpec::new(upstream)).in_namespace("flux-system");
//! assert!(instance.spec.wait);
//! ```
//!
//! Decoding is forgiving where admission is: an absent field gets the default the schema declares,
//! an explicit `null` is absence, and an empty optional string is no string. So an object read from
//! a file means the same as one read from a cluster. Code that runs *before* admission, on objects
//! built in memory, uses `Default`, which agrees.
//!
//! # What it never does
//! It has no client, no async runtime, no files, no clock: where a moment matters it is an
//! argument. It does not parse version ranges, patches or storage sizes, which belong to the
//! builder, and it knows no default that needs a cluster. It compiles for `wasm32-unknown-unknown`.

mod closed_set;
mod decode;

pub mod identity;

pub mod flux_instance;
pub mod flux_report;

pub mod crd;

pub mod conditions;
pub mod history;

pub mod inventory;
pub mod kind_order;
pub mod object;
pub mod object_id;

pub mod annotations;
pub mod labels;

pub mod digest;
pub mod duration;

pub use closed_set::UnknownName;
pub use conditions::{Condition, ConditionStatus, ConditionType, Conditions, Reason};
pub use digest::{Digest, DigestError};
pub use duration::{DurationError, GoDuration};
pub use flux_instance::{
    Cluster, ClusterSize, ClusterType, CommonMetadata, Component, ComponentImage, Distribution, FluxInstance,
    FluxInstanceSpec, FluxInstanceStatus, Kustomize, Patch, Selector, ShardStorage, Sharding, Storage, Sync, SyncKind,
    SyncProvider, Variant,
};
pub use flux_report::{
    FluxReport, FluxReportSpec, FluxReportStatus, InstallationStatus, ReportedCluster, ReportedComponent,
    ReportedDistribution, ReportedOperator, ReportedReconciler, ReportedStats, ReportedSync,
};
pub use history::{Attempt, History, Snapshot};
pub use identity::{FIELD_MANAGER, FINALIZER};
pub use inventory::{InventoryEntry, ResourceInventory};
pub use object::{Field, Fields, NotAnObject, Object};
pub use object_id::{InventoryIdError, ObjectId};
