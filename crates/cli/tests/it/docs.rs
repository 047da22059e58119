//! The pages that ship: every command in them parses, every manifest is accepted, every link leads
//! somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use flux_operator_builder::Admission;
use flux_operator_builder::yaml::{Dialect, Limits, read_documents};
use flux_operator_cli::cli::Cli;
use flux_operator_testkit::workspace;

use crate::usage::parses;

/// Where files of the repository are that are no pages of the book.
const REPOSITORY: &str = "https://github.com/flux-operator-rs/flux-operator/blob/main/";

/// A page, by its path from the root of the workspace.
struct Page {
    path: PathBuf,
    text: String,
}

/// What a page holds between fences.
struct Block {
    language: String,
    text: String,
}

fn pages() -> Vec<Page> {
    let mut pages = Vec::new();
    let mut open = vec![PathBuf::from("docs")];
    let mut paths: Vec<PathBuf> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(PathBuf::from).to_vec();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(workspace::path(&folder)).unwrap() {
            let path = folder.join(entry.unwrap().file_name());
            if workspace::path(&path).is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    pages
        .extend(paths.into_iter().map(|path| Page { text: fs::read_to_string(workspace::path(&path)).unwrap(), path }));
    pages
}

impl Page {
    /// The fenced blocks, without the indentation of the fence.
    fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<(usize, Block)> = None;
        for line in self.text.lines() {
            let indent = line.len() - line.trim_start().len();
            match (&mut open, line.trim_start().strip_prefix("```")) {
                (None, Some(language)) => {
                    open = Some((indent, Block { language: language.to_owned(), text: String::new() }));
                }
                (Some(_), Some("")) => blocks.extend(open.take().map(|(_, block)| block)),
                (Some((indent, block)), _) => {
                    block.text.push_str(line.get(*indent..).unwrap_or_default());
                    block.text.push('\n');
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a fence is not closed", self.path.display());
        blocks
    }

    /// The text outside of fences.
    fn prose(&self) -> String {
        let mut inside = false;
        let outside = |line: &&str| {
            let is_fence = line.trim_start().starts_with("```");
            inside ^= is_fence;
            !inside && !is_fence
        };
        self.text.lines().filter(outside).fold(String::new(), |text, line| text + line + "\n")
    }

    /// What links to a heading end in.
    fn anchors(&self) -> BTreeSet<String> {
        let prose = self.prose();
        let headings =
            prose.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
        let slug = |heading: &str| -> String {
            let kept = heading.to_lowercase();
            kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>().replace(' ', "-")
        };
        headings.map(slug).collect()
    }
}

#[test]
fn every_command_parses_and_every_command_is_on_the_page() {
    let mut examples = Vec::new();
    for page in pages() {
        for block in page.blocks().into_iter().filter(|block| block.language == "sh") {
            // A line that ends in a backslash goes on.
            let text = block.text.replace("\\\n", " ");
            text.lines().for_each(parses);
            if page.path == Path::new("docs/cli.md") {
                examples.extend(text.lines().map(str::to_owned));
            }
        }
    }
    for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = format!("flux-operator {}", command.get_name());
        assert!(examples.iter().any(|line| line.starts_with(&name)), "`{name}` is not in docs/cli.md");
    }
}

#[test]
fn every_manifest_is_yaml_and_every_instance_is_accepted() {
    let admission = Admission::new();
    let mut instances = 0;
    for page in pages() {
        for block in page.blocks().into_iter().filter(|block| block.language == "yaml") {
            let at = format!("{}:\n{}", page.path.display(), block.text);
            read_documents(&block.text, Dialect::Manifest, &Limits::INPUT)
                .unwrap_or_else(|error| panic!("{at}{error}"));
            for manifest in admission.read(&block.text).unwrap().iter().filter(|manifest| manifest.is_flux_instance()) {
                manifest.plan().unwrap_or_else(|violations| panic!("{at}{violations}"));
                instances += 1;
            }
        }
    }
    assert!(instances > 5);
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    for page in &pages {
        let prose = page.prose();
        for (start, _) in prose.match_indices("](") {
            let target = prose[start + 2..].split(')').next().unwrap();
            if let Some(file) = target.strip_prefix(REPOSITORY) {
                assert!(workspace::path(file).exists(), "{}: `{target}` is not there", page.path.display());
            }
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let folder = page.path.parent().unwrap();
            let path = if file.is_empty() { page.path.clone() } else { normal(&folder.join(file)) };
            assert!(workspace::path(&path).exists(), "{}: `{target}` is not there", page.path.display());
            let leaves_the_book = page.path.starts_with("docs") && !path.starts_with("docs");
            assert!(!leaves_the_book, "{}: name `{target}` by its address, it is not in the book", page.path.display());
            if let Some(other) = pages.iter().find(|other| other.path == path).filter(|_| !anchor.is_empty()) {
                assert!(other.anchors().contains(anchor), "{}: `{target}` has no such heading", page.path.display());
            }
        }
    }
}

/// The path without `..`.
fn normal(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |path, part| match part.as_os_str() {
        up if up == ".." => path.parent().unwrap().to_owned(),
        part => path.join(part),
    })
}
