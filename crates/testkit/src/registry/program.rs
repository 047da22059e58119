//! The program of the real registry, and how it comes from its Go module.

use std::env;
use std::path::PathBuf;

use crate::process::ProgramError;
use crate::process::cache::{Cache, Target};
use crate::process::module::{Module, version_of};

/// Names a program to use in place of the one that would be built: any CNCF Distribution from 2.8 on.
pub(super) const VARIABLE: &str = "TESTKIT_REGISTRY";

const FILES: &[(&str, &str)] = &[
    ("go.mod", include_str!("../../registry/go.mod")),
    ("go.sum", include_str!("../../registry/go.sum")),
    ("main.go", include_str!("../../registry/main.go")),
];

const TARGET: Target = Target {
    name: "registry",
    package: "./",
    vendor: false,
    promise: "once, one to two minutes and 30 MB of downloads",
};

/// Finds the program, and builds it where it is not in the cache.
pub(super) fn find() -> Result<PathBuf, ProgramError> {
    match env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        Some(program) => Ok(program.into()),
        None => Cache::open(module())?.program(&TARGET),
    }
}

fn module() -> Module {
    let version = version_of(FILES, "github.com/distribution/distribution/v3").unwrap_or("v0.0.0");
    Module { name: "registry", version, files: FILES, linker: String::new(), patch: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_distribution_of_the_manifest() {
        assert!(module().key().starts_with("v3."), "{}", module().key());
    }
}
