//! Which program this is.

/// The version, as releases of Flux write theirs.
pub const VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));

/// Version, commit where it is known, and compiler: the answer to `--version`.
pub(crate) const LONG: &str = concat!(
    "version v",
    env!("CARGO_PKG_VERSION"),
    env!("FLUX_OPERATOR_COMMIT_NOTE"),
    ", ",
    env!("FLUX_OPERATOR_RUSTC")
);
