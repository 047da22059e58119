//! Where things lie in the repository.

use std::path::{Path, PathBuf};

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
