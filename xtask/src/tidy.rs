//! `cargo xtask tidy`: the rules of the house that no compiler knows.

mod arrows;
mod dependencies;
mod sources;

use std::fmt;
use std::path::PathBuf;

use anyhow::bail;

use crate::metadata::Metadata;

/// Check the rules that neither the compiler nor clippy knows.
///
/// Which crate may use which, what the builder must never pull in, and how source files look. The
/// tables are in `xtask/src/tidy/`.
#[derive(Debug, clap::Args)]
pub(crate) struct Tidy {}

/// A file that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fault {
    file: PathBuf,
    /// What was found and what the rule asks for.
    text: String,
}

impl Tidy {
    #[expect(clippy::unused_self, reason = "every command has this form")]
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let metadata = Metadata::read()?;
        let mut faults = arrows::check(&metadata);
        faults.extend(dependencies::check(&metadata)?);
        let sources = sources::read()?;
        faults.extend(sources.iter().flat_map(sources::check));
        faults.sort();
        if faults.is_empty() {
            println!("tidy: {} files, {} crates", sources.len(), metadata.members().len());
            return Ok(());
        }
        for fault in &faults {
            println!("{fault}");
        }
        bail!("places that break a rule of the house: {}", faults.len());
    }
}

impl Fault {
    fn new(file: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self { file: file.into(), text: text.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.text)
    }
}
