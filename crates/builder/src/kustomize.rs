//! The patch semantics of kustomize.

pub(crate) mod json6902;
pub(crate) mod pattern;
pub(crate) mod selector;
