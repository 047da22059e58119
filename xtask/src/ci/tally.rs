//! All tests, counted.

use std::fmt;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use anyhow::{Context as _, bail};

use crate::cargo;

/// Tests that passed, failed, or were left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    passed: u64,
    failed: u64,
    ignored: u64,
}

/// Runs the tests of every crate, those in documentation included, shows what they print, and
/// counts them. A failing test does not keep the others from running.
pub(super) fn run() -> anyhow::Result<Counts> {
    let mut command = cargo::cargo(["test", "--workspace", "--no-fail-fast"]);
    let mut child = command.stdout(Stdio::piped()).spawn().context("cannot start `cargo test`")?;
    let mut counts = Counts::default();
    for line in child.stdout.take().map(BufReader::new).into_iter().flat_map(BufReader::lines) {
        let line = line.context("cannot read what the tests print")?;
        println!("{line}");
        counts.add(&line);
    }
    let status = child.wait().context("cannot wait for `cargo test`")?;
    if !status.success() || counts.failed > 0 {
        println!("{counts}");
        bail!("`{}` failed", cargo::shown(&command));
    }
    if counts.passed == 0 {
        bail!("`{}` ran no test", cargo::shown(&command));
    }
    Ok(counts)
}

impl Counts {
    /// Reads a line such as `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    fn add(&mut self, line: &str) {
        let Some((_, list)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) else {
            return;
        };
        for (number, word) in list.split("; ").filter_map(|part| part.split_once(' ')) {
            let number = number.parse().unwrap_or(0);
            match word {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }
}

/// As test runners say it: `3 passed, 0 failed`.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.ignored > 0 {
            write!(f, ", {} skipped", self.ignored)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_up_what_test_binaries_say() {
        let mut counts = Counts::default();
        for line in [
            "running 4 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.02s",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 7 filtered out; finished in 0.02s",
        ] {
            counts.add(line);
        }
        assert_eq!(counts, Counts { passed: 5, failed: 1, ignored: 1 });
        assert_eq!(counts.to_string(), "5 passed, 1 failed, 1 skipped");
    }
}
