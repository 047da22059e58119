//! Applies objects to a cluster, keeps count of them, and takes them away again.
//!
//! ```text
//! objects + Inventory --plan--> ApplyPlan --apply--> Outcome --wait--> Summary
//!                                 pure      Engine    changes, failures  health
//! ```
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use flux_operator_inventory::health::Verdict;
//! use flux_operator_inventory::{ApplyPlan, Engine, Inventory, InventoryStore, Owner, Policy, Verification};
//!
//! # async fn example(
//! #     client: kube::Client,
//! #     objects: Vec<flux_operator_api::Object>,
//! #     previous: Inventory,
//! #     store: impl InventoryStore,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::new(client, Owner::new("flux", "flux-system"));
//! let plan = ApplyPlan::new(objects, &previous);
//! let outcome = engine.apply(&plan, &Policy::default(), Verification::Watched, &store).await;
//! for change in outcome.changes.effective() {
//!     println!("{change}"); // Deployment/flux-system/source-controller configured
//! }
//! outcome.result?;
//!
//! let entries: Vec<_> = outcome.inventory.iter().cloned().collect();
//! let summary = engine.wait(&entries, Duration::from_secs(300)).await?;
//! assert_eq!(summary.verdict(), Verdict::Ready, "{}", summary.timeout_message());
//! # Ok(())
//! # }
//! ```
//!
//! The half that decides is pure: [`plan`] arranges a run and settles each object, [`health`] judges
//! one from what it says, [`change`] and [`record`] are the values in between, [`mask`] keeps
//! secrets. The half that acts is [`engine`], the only place of the workspace that writes objects.
//!
//! # What it never does
//! It knows nothing of Flux: not how objects are rendered, when to run again, or what to tell the
//! user. It has no global state, and prints nothing.
//!
//! The rules are written down in `docs/applying.md`.

pub mod plan;

pub mod causes;
pub mod change;
pub mod health;
pub mod mask;
pub mod owner;
pub mod preview;
pub mod record;

pub mod engine;

pub use causes::describe;
pub use change::{Action, Change, ChangeSet, SkipReason};
pub use engine::{
    ApplyError, Cause, Connection, Deletion, Engine, EngineOptions, Failure, InventoryStore, KindError, Migration,
    Outcome, RequestError, RequestLimits, Step, StoreError, Verification, patch_params,
};
pub use owner::Owner;
pub use plan::{ApplyPlan, Decision, Drift, Policy, Recreate, Stage, StageKind};
pub use preview::{Effect, Foreseen, Proof};
pub use record::{Entry, Inventory};
