//! What the tests of the workspace share. Never part of what ships.
//!
//! `golden` compares what is rendered with what was recorded; `workspace` knows where test data
//! lies, `cases` which of many cases to try, and `usage` what a process takes. With the feature `cluster` there is a real Kubernetes in child processes, the `operator` beside it, and with
//! `kubernetes` what tests of its clients need: `proxy` counts requests and breaks them, `apiserver`
//! follows a script, `objects` are quickly made. The feature `registry` is for tests of what talks to OCI registries: a
//! real one in a child process, one that lies as it is told, and artifacts to put there.

#[cfg(feature = "kubernetes")]
pub mod apiserver;
pub mod cases;
#[cfg(all(feature = "cluster", unix))]
pub mod cluster;
pub mod golden;
#[cfg(feature = "kubernetes")]
pub mod objects;
#[cfg(all(feature = "cluster", unix))]
pub mod operator;
#[cfg(all(any(feature = "cluster", feature = "registry"), unix))]
pub(crate) mod process;
#[cfg(feature = "kubernetes")]
pub mod proxy;
#[cfg(feature = "registry")]
pub mod registry;
#[cfg(all(feature = "cluster", unix))]
pub mod tools;
pub mod usage;
pub mod workspace;
