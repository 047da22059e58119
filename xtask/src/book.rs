//! `cargo xtask book`: the pages of `docs` as a book, in which every link leads somewhere.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::cargo::{command, path, run, succeeds};

/// Build the book with mdbook, and follow every link that stays in it.
///
/// Needs mdbook: `cargo install mdbook --locked`.
#[derive(Debug, clap::Args)]
pub(crate) struct Book {}

/// Where `book.toml` has it built.
const BUILT: &str = "target/book";

/// Whether there is an mdbook.
pub(crate) fn is_ready() -> bool {
    succeeds(command("mdbook").arg("--version"))
}

impl Book {
    #[expect(clippy::unused_self, reason = "every command has this form")]
    pub(crate) fn run(self) -> anyhow::Result<()> {
        run(command("mdbook").args(["build"]))?;
        let pages = read(&path(BUILT))?;
        let broken = broken(&pages);
        if !broken.is_empty() {
            bail!("links that lead nowhere:\n{}", broken.join("\n"));
        }
        println!("{} pages, every link leads somewhere", pages.values().flatten().count());
        Ok(())
    }
}

/// The files of a folder by their paths from there: pages with their text, others without.
type Files = BTreeMap<PathBuf, Option<String>>;

fn read(root: &Path) -> anyhow::Result<Files> {
    let mut files = Files::new();
    let mut open = vec![PathBuf::new()];
    while let Some(folder) = open.pop() {
        let absolute = root.join(&folder);
        let reads = || format!("cannot read the folder `{}`", absolute.display());
        for entry in fs::read_dir(&absolute).with_context(reads)? {
            let name = folder.join(entry.with_context(reads)?.file_name());
            let absolute = root.join(&name);
            if absolute.is_dir() {
                open.push(name);
                continue;
            }
            // The page with everything has links of its own to print by, and repeats the others.
            let is_page = name.extension().is_some_and(|ending| ending == "html") && name != Path::new("print.html");
            let text = is_page.then(|| fs::read_to_string(&absolute)).transpose();
            files.insert(name, text.with_context(|| format!("cannot read `{}`", absolute.display()))?);
        }
    }
    Ok(files)
}

/// A line for each link from page to page that has no target.
fn broken(files: &Files) -> Vec<String> {
    let mut broken = Vec::new();
    for (page, text) in files {
        let Some(text) = text else { continue };
        for link in attributes(text, "href") {
            let is_elsewhere = link.contains("://") || link.starts_with("mailto:") || link.starts_with('/');
            if !is_elsewhere && !leads(files, page, link) {
                broken.push(format!("{}: `{link}`", page.display()));
            }
        }
    }
    broken
}

fn leads(files: &Files, page: &Path, link: &str) -> bool {
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() { page.to_owned() } else { from(page, file) };
    let has_anchor = |text: &String| anchor.is_empty() || attributes(text, "id").any(|id| id == anchor);
    files.get(&target).is_some_and(|text| text.as_ref().map_or(anchor.is_empty(), has_anchor))
}

/// A path as a page names it.
fn from(page: &Path, link: &str) -> PathBuf {
    let folder = page.parent().unwrap_or(Path::new("")).to_owned();
    Path::new(link).components().fold(folder, |mut path, part| {
        if part.as_os_str() == ".." {
            path.pop();
        } else {
            path.push(part);
        }
        path
    })
}

/// The values of an attribute in a text of HTML, as mdbook writes it.
fn attributes<'t>(text: &'t str, name: &str) -> impl Iterator<Item = &'t str> {
    let start = format!(" {name}=\"");
    text.match_indices(&start)
        .map(|(at, found)| at + found.len())
        .filter_map(|at| text.get(at..)?.split_once('"').map(|(value, _)| value))
        .collect::<Vec<_>>()
        .into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_pages_and_headings() {
        let page = |text: &str| Some(text.to_owned());
        let files = Files::from([
            (
                "a.html".into(),
                page("<a href=\"guides/b.html#c\"> <a href=\"https://example.com/x\"> <a href=\"#d\"> <h2 id=\"d\">"),
            ),
            (
                "guides/b.html".into(),
                page("<h1 id=\"c\"> <a href=\"../a.html\"> <a href=\"../a.html#e\"> <a href=\"c.md\">"),
            ),
        ]);
        assert_eq!(broken(&files), ["guides/b.html: `../a.html#e`", "guides/b.html: `c.md`"]);
    }
}
