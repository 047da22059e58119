//! Says what a change of objects means, before it is made.
//!
//! ```text
//! Foreseen[] --assess--> Assessment      each object with its differences, findings and risk
//!                pure
//! ```
//!
//! [`Foreseen`](flux_operator_inventory::Foreseen) is what a run would do with an object, as the
//! engine or a comparison without a cluster tells it. [`assess`] adds what a reader would have to
//! know Kubernetes for: that pods restart, that permissions grow, that a CRD no longer serves a
//! version, and which stored objects it would refuse.
//!
//! # What it never does
//! It asks nobody: what a cluster has stored of a kind is shown to a [`Survey`], page by page. It
//! knows nothing of Flux.
//!
//! The rules are written down in `docs/plan.md`.

pub mod assessment;
pub mod definition;
pub mod difference;
pub mod finding;
pub mod permission;
mod rule;
pub mod schema;
pub mod survey;
pub mod workload;

pub use assessment::{Assessment, Counts, Line, Word, assess};
pub use definition::Upgrade;
pub use difference::Difference;
pub use finding::{Finding, Risk};
pub use survey::{Survey, Surveys};
