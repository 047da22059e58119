//! Logs of the programs: where they lie and how they end.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use super::failure::{During as _, ProgramError};

/// How many lines a message quotes.
const QUOTED: usize = 8;

/// The file that one program writes what it says to.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    path: PathBuf,
}

impl Log {
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Empties the file, or makes it.
    pub(crate) fn open(&self) -> Result<File, ProgramError> {
        // Appending, because the program and what watches it write to the same file.
        File::create(&self.path).during("make the log", &self.path)?;
        OpenOptions::new().append(true).open(&self.path).during("open the log", &self.path)
    }

    /// The last lines; nothing where it cannot be read.
    pub(crate) fn tail(&self) -> String {
        tail(&self.text())
    }

    pub(crate) fn text(&self) -> String {
        fs::read(&self.path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.len().saturating_sub(QUOTED);
    lines.get(first..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_the_end() {
        assert_eq!(tail(""), "");
        assert_eq!(tail("a\nb\n"), "a\nb");
        let many: Vec<String> = (0..20).map(|line| line.to_string()).collect();
        assert_eq!(tail(&many.join("\n")), many[12..].join("\n"));
    }

    #[test]
    fn a_log_that_is_not_there_says_nothing() {
        assert_eq!(Log::new("/no/such/file").tail(), "");
    }
}
