//! Programs that no toolchain brings along, from packages of Debian.

use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::cargo::{run, succeeds};

/// Sees to it that a program is there, by its first package and those that go with it. Where it is missing, root
/// installs it, and anybody else is told to.
///
/// # Errors
/// It is missing and cannot be installed; the text names the packages.
pub(crate) fn require(program: &str, packages: &[&str]) -> anyhow::Result<()> {
    if succeeds(Command::new(program).arg("--version")) {
        return Ok(());
    }
    let names = packages.join(" ");
    eprintln!("`{program}` is missing, installing {names}");
    // A new machine has no list of packages yet. What fails here makes the installation fail, which says more.
    succeeds(Command::new("apt-get").arg("update"));
    let mut install = Command::new("apt-get");
    install.args(["install", "--yes", "--no-install-recommends"]).args(packages).stdout(Stdio::null());
    run(&mut install).with_context(|| format!("`{program}` is missing: install it, on Debian by the packages {names}"))
}
