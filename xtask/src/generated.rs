//! Files that are made from others, written or compared.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use flux_operator_builder::yaml::{self, Dialect, Limits};
use serde_json::Value;

use crate::cargo;

/// What a generator would write, by paths from the root of the workspace.
#[derive(Debug, Default)]
pub(crate) struct Generated {
    files: Vec<(PathBuf, String)>,
    /// Folders in which nothing else may be.
    folders: Vec<PathBuf>,
}

impl Generated {
    pub(crate) fn file(&mut self, path: impl Into<PathBuf>, text: String) {
        self.files.push((path.into(), text));
    }

    /// Claims a folder: whatever is in it and not generated is left over.
    pub(crate) fn folder(&mut self, path: impl Into<PathBuf>) {
        self.folders.push(path.into());
    }

    /// Writes what differs, or with `check` fails where something does. `command` is how to have it written.
    ///
    /// # Errors
    /// A file differs and was not to be written, or cannot be.
    pub(crate) fn settle(self, check: bool, command: &str) -> anyhow::Result<()> {
        let count = self.files.len();
        let stale = self.stale()?;
        if stale.is_empty() {
            println!("{count} files are up to date");
            return Ok(());
        }
        if check {
            let names: Vec<_> = stale.iter().map(|path| format!("`{}`", path.display())).collect();
            bail!("not what would be generated: {}: run `{command}`", names.join(", "));
        }
        for path in &stale {
            let absolute = cargo::path(path);
            match self.files.iter().find(|(known, _)| known == path) {
                Some((_, text)) => write(&absolute, text)?,
                None => fs::remove_file(&absolute).with_context(|| format!("cannot remove `{}`", path.display()))?,
            }
            println!("wrote `{}`", path.display());
        }
        Ok(())
    }

    /// The files that differ, are missing or left over.
    fn stale(&self) -> anyhow::Result<BTreeSet<PathBuf>> {
        let differs = |(path, text): &&(PathBuf, String)| {
            fs::read_to_string(cargo::path(path)).map_or(true, |found| found != *text)
        };
        let mut stale: BTreeSet<_> = self.files.iter().filter(differs).map(|(path, _)| path.clone()).collect();
        for folder in &self.folders {
            for path in list(folder)? {
                if !self.files.iter().any(|(known, _)| *known == path) {
                    stale.insert(path);
                }
            }
        }
        Ok(stale)
    }
}

/// The files of a folder, by paths from the root and in order; none where there is no such folder.
///
/// # Errors
/// The folder cannot be read.
pub(crate) fn list(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let absolute = cargo::path(folder);
    if !absolute.exists() {
        return Ok(Vec::new());
    }
    let reads = || format!("cannot read the folder `{}`", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(&absolute).with_context(reads)? {
        found.push(folder.join(entry.with_context(reads)?.file_name()));
    }
    found.sort();
    Ok(found)
}

/// The text of a file, by its path from the root.
///
/// # Errors
/// It cannot be read.
pub(crate) fn read(path: impl AsRef<Path>) -> anyhow::Result<String> {
    let path = path.as_ref();
    fs::read_to_string(cargo::path(path)).with_context(|| format!("cannot read `{}`", path.display()))
}

/// The YAML documents of a file, by its path from the root.
///
/// # Errors
/// It cannot be read, or is not YAML.
pub(crate) fn documents(path: impl AsRef<Path>) -> anyhow::Result<Vec<Value>> {
    let path = path.as_ref();
    yaml::read_documents(&read(path)?, Dialect::Manifest, &Limits::DISTRIBUTION)
        .with_context(|| format!("cannot use `{}`", path.display()))
}

/// The lines of the comment right before a line, which is counted from one.
pub(crate) fn comment<'a>(lines: &[&'a str], line: usize) -> Vec<&'a str> {
    let before = lines.iter().take(line.saturating_sub(1)).rev();
    let mut comment: Vec<_> = before.map_while(|line| line.trim_start().strip_prefix('#')).map(str::trim).collect();
    comment.reverse();
    comment
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent)
        .and_then(|()| fs::write(path, text))
        .with_context(|| format!("cannot write `{}`", path.display()))
}

/// A text with everything between two marks replaced. The marks stay, each on a line of its own.
///
/// # Errors
/// A mark is missing.
pub(crate) fn between(text: &str, begin: &str, end: &str, inner: &str) -> anyhow::Result<String> {
    let missing = |mark: &str| format!("the mark `{mark}` is missing");
    let (before, rest) = text.split_once(begin).with_context(|| missing(begin))?;
    let (_, after) = rest.split_once(end).with_context(|| missing(end))?;
    Ok(format!("{before}{begin}\n{inner}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let text = "a\n<begin>\nold\n<end>\nb\n";
        assert_eq!(between(text, "<begin>", "<end>", "new\n").unwrap(), "a\n<begin>\nnew\n<end>\nb\n");
        assert!(between(text, "<other>", "<end>", "").unwrap_err().to_string().contains("`<other>` is missing"));
    }

    #[test]
    fn what_is_missing_is_stale() {
        let mut generated = Generated::default();
        generated.file("xtask/none.txt", String::new());
        assert_eq!(generated.stale().unwrap(), BTreeSet::from(["xtask/none.txt".into()]));
        let error = generated.settle(true, "cargo xtask x").unwrap_err().to_string();
        assert!(error.contains("`xtask/none.txt`: run `cargo xtask x`"), "{error}");
    }
}
