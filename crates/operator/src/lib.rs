//! The operator as a program: flags, log, connection, election, probes, signals.
//!
//! What the operator does is in `flux_operator_reconciler`. This crate decides when it may: it starts
//! it once the lease is held, keeps its writes behind a [`fence`], and ends it.

pub mod args;
pub mod settings;
pub mod version;

pub mod run;

pub mod artifacts;
pub mod connect;
pub mod fence;
pub mod lease;

pub mod count;
pub mod probes;
pub mod request;
pub mod shutdown;
pub mod telemetry;
