//! What the tests of the workspace share. Never part of what ships.
//!
//! `golden` compares what is rendered with what was recorded; `workspace` knows where test data
//! lies, and `cases` which of many cases to try. With the feature `cluster` there is a real Kubernetes in child processes, and with
//! `kubernetes` what tests of its clients need: `proxy` counts requests and breaks them, `apiserver`
//! follows a script, `objects` are quickly made.

#[cfg(feature = "kubernetes")]
pub mod apiserver;
pub mod cases;
#[cfg(all(feature = "cluster", unix))]
pub mod cluster;
pub mod golden;
#[cfg(feature = "kubernetes")]
pub mod objects;
#[cfg(feature = "kubernetes")]
pub mod proxy;
pub mod workspace;
