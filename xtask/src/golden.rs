//! `cargo xtask golden`: recorded results, rewritten.

use crate::cargo;

/// Rewrite the recorded results in `testdata` and show which ones changed.
///
/// Runs the golden tests with `BLESS=1`, which makes them write what they would compare. Read the
/// diff like code: it is what users get.
#[derive(Debug, clap::Args)]
pub(crate) struct Golden {}

impl Golden {
    #[expect(clippy::unused_self, reason = "every command has this form")]
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let mut test = cargo::cargo(["test", "--package", "flux-operator-builder", "--test", "it", "golden"]);
        cargo::run(test.env("BLESS", "1"))?;
        println!("changed, as `git diff --stat testdata` tells:");
        cargo::run(cargo::command("git").args(["--no-pager", "diff", "--stat", "testdata"]))?;
        let new = cargo::read(cargo::command("git").args(["ls-files", "--others", "--exclude-standard", "testdata"]))?;
        for file in new.lines() {
            println!(" {file} (new)");
        }
        Ok(())
    }
}
