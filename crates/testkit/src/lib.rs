//! What the tests of the workspace share. Only ever a development dependency.
//!
//! [`golden`] compares what is rendered with what was recorded; [`workspace`] knows where test data
//! lies.

pub mod golden;
pub mod workspace;
