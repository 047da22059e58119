//! The repository: where things lie, and the cargo that builds them.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file or folder of the repository, by its path from the root.
pub fn path(relative: impl AsRef<Path>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(relative)
}

/// The distribution that the repository carries for tests and first steps.
pub fn distribution() -> PathBuf {
    path("testdata/distribution")
}

/// A file or folder beside the repository that not every machine has: real Flux distributions and
/// recorded renderings. `None` where it is missing, which the test should say.
pub fn shared(relative: &str) -> Option<PathBuf> {
    let path = path("../shared").join(relative);
    path.exists().then_some(path)
}

/// The cargo that runs this program, at the root of the repository.
///
/// It does not hear what this program was told about its own package: build scripts of some dependencies would take
/// that for a change, and with them half of the workspace would be built again, each time.
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(path(""));
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
    command
}
