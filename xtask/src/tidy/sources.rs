//! How the files of the repository look.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::Fault;
use crate::cargo;

/// Lines that a Rust file may have; most have 100 to 250.
const MAX_LINES: usize = 500;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["utils", "util", "helpers", "helper", "common"];

/// What code that is done does not have. In two parts, so that this file does not have it either.
const UNFINISHED: &[&str] = &[concat!("todo", "!("), concat!("unimplemented", "!("), concat!("dbg", "!(")];

/// A folder beside the repository that only some machines have, and the files that may look for it.
const SHARED: &str = concat!("..", "/shared");
const MAY_LOOK_FOR_SHARED: &[&str] = &["xtask/", "crates/testkit/", ".ci/"];

/// A text file, by its path from the root.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    text: String,
}

/// The text files that git tracks or would add.
pub(super) fn read() -> anyhow::Result<Vec<Source>> {
    let mut git = cargo::command("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let names = cargo::read(&mut git)?;
    let mut sources = Vec::new();
    for name in names.split_terminator('\0') {
        let path = cargo::path(name);
        // Links are not followed, and a file may be deleted but still tracked.
        if !path.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
            continue;
        }
        let bytes = fs::read(&path).with_context(|| format!("cannot read `{name}`"))?;
        sources.extend(String::from_utf8(bytes).ok().map(|text| Source { path: name.into(), text }));
    }
    Ok(sources)
}

pub(super) fn check(source: &Source) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut note = |text: String| faults.push(Fault::new(&source.path, text));
    let may_look = MAY_LOOK_FOR_SHARED.iter().any(|start| source.path.starts_with(start));
    if !may_look && source.text.contains(SHARED) {
        note(format!("mentions `{SHARED}`, which is not part of the repository: go through `testkit::workspace`"));
    }
    if source.path.extension().is_none_or(|extension| extension != "rs") {
        return faults;
    }
    let lines = source.text.lines().count();
    if lines > MAX_LINES {
        note(format!("has {lines} lines, at most {MAX_LINES} are allowed: split it where its second subject starts"));
    }
    if is_in_src(&source.path) && !source.text.starts_with("//!") {
        note("expected a module doc, `//!`, on the first line".to_owned());
    }
    let parts = source.path.iter().filter_map(|part| Path::new(part).file_stem()?.to_str());
    for name in parts.filter(|part| EMPTY_NAMES.contains(part)) {
        note(format!("`{name}` says nothing about what is inside: name it after its subject"));
    }
    for (number, line) in source.text.lines().enumerate() {
        for word in UNFINISHED.iter().filter(|word| line.contains(**word)) {
            note(format!("line {}: `{}` is for code that is not done", number + 1, word.trim_end_matches('(')));
        }
    }
    faults
}

fn is_in_src(path: &Path) -> bool {
    path.iter().any(|part| part == "src")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_one(path: &str, text: &str, expected: &[&str]) {
        let faults = check(&Source { path: path.into(), text: text.to_owned() });
        let texts: Vec<String> = faults.into_iter().map(|fault| fault.text).collect();
        assert_eq!(texts.len(), expected.len(), "{texts:?}");
        for (text, expected) in texts.iter().zip(expected) {
            assert!(text.contains(expected), "{text}");
        }
    }

    #[test]
    fn a_module_says_what_it_is_for() {
        check_one("crates/a/src/b.rs", "//! Bees.\n", &[]);
        check_one("crates/a/src/b.rs", "use c;\n//! Bees.\n", &["module doc"]);
        check_one("crates/a/examples/b.rs", "fn main() {}\n", &[]);
    }

    #[test]
    fn a_file_has_one_subject_and_its_name() {
        check_one("crates/a/src/b.rs", &format!("//! Bees.\n{}", "\n".repeat(MAX_LINES - 1)), &[]);
        check_one("crates/a/src/b.rs", &format!("//! Bees.\n{}", "\n".repeat(MAX_LINES)), &["501 lines"]);
        check_one("crates/a/src/common/b.rs", "//! Bees.\n", &["`common` says nothing"]);
        check_one("crates/a/src/utils.rs", "//! Bees.\n", &["`utils` says nothing"]);
        check_one("crates/a/src/common_metadata.rs", "//! Bees.\n", &[]);
    }

    #[test]
    fn code_is_done() {
        check_one("crates/a/tests/b.rs", &format!("\n    {}x)\n", UNFINISHED[2]), &["line 2"]);
    }

    #[test]
    fn only_some_look_beside_the_repository() {
        check_one("README.md", SHARED, &["not part of the repository"]);
        check_one("crates/testkit/src/workspace.rs", &format!("//! {SHARED}\n"), &[]);
    }
}
