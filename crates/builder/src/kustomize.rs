//! The patch semantics of kustomize.
//!
//! Users' patches were written for kustomize, so they are selected, read and applied as it does:
//! [`target`] says which objects, [`patch`] which form a patch has, [`strategic`] and [`json6902`]
//! what it does.

pub(crate) mod json6902;
pub(crate) mod namespace;
pub(crate) mod patch;
pub(crate) mod pattern;
pub(crate) mod references;
pub(crate) mod schema;
pub(crate) mod scope;
pub(crate) mod selector;
pub(crate) mod strategic;
pub(crate) mod target;
