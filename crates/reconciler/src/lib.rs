//! From the observed FluxInstance to a healthy Flux, its status, and the next look.
//!
//! [`run`] is the whole of it: it watches the instance of a namespace and keeps Flux as it says,
//! until it is told to stop. One run is told in `flux_instance`, from top to bottom; what it came to
//! is an [`Outcome`](outcome::Outcome), from which [`status`] decides what is reported and
//! [`schedule`] when to look again. Beside it, `flux_report` tells what the operator sees.
//!
//! # What it never does
//! It does not parse arguments, print or exit. It does not render, apply or judge objects, which the
//! crates below it do. It reads no clock in what decides.
//!
//! The rules are written down in `docs/operating.md` and `docs/reporting.md`.

mod controller;

mod flux_instance;

mod flux_report;

pub mod instance;
pub mod settings;

pub mod outcome;
pub mod schedule;
pub mod status;

mod artifact;
mod context;
mod drift;
mod notices;
mod observe;
mod report;

pub mod events;
pub mod health;
pub mod metrics;

pub use context::Options;
pub use controller::run;
