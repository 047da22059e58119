//! Every instance of `testdata/instances`, rendered and compared with `testdata/golden`.
//!
//! `BLESS=1` rewrites the recorded files, as `cargo xtask golden` does. Read their diff like code:
//! it is what users get.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use flux_operator_builder::{Bundle, yaml};
use flux_operator_testkit::golden::{Goldens, files, fingerprint};
use flux_operator_testkit::workspace;

use crate::rendering::Distribution;

/// How the names of instances that have to be refused start.
const REFUSED: &str = "refused-";

/// The instances by name.
fn instances() -> Vec<(String, String)> {
    let name = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let files = files(&workspace::path("testdata/instances"));
    files.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

/// What is recorded: revision and images, one line for each CRD, and all other objects in full.
fn record(bundle: &Bundle) -> String {
    let mut text = format!("# revision: {}\n", bundle.revision());
    for image in bundle.components() {
        let _ = writeln!(text, "# image: {} {}:{}", image.name, image.repository, image.tag);
        if let Some(digest) = &image.digest {
            let _ = writeln!(text, "#        {digest}");
        }
    }
    let (definitions, others): (Vec<_>, Vec<_>) =
        bundle.objects().iter().partition(|object| object.kind() == "CustomResourceDefinition");
    for definition in definitions {
        let _ = writeln!(text, "# {}", fingerprint(definition));
    }
    for object in others {
        text.push_str("---\n");
        yaml::write_object(object, &mut text);
    }
    text
}

#[test]
fn instances_render_as_recorded() {
    let mut goldens = Goldens::open(workspace::path("testdata/golden"));
    for (name, text) in instances() {
        match Distribution::carried().try_render(&text) {
            Ok(bundle) => goldens.check(&format!("{name}.yaml"), &record(&bundle)),
            Err(error) => goldens.check(&format!("{name}.txt"), &format!("{error}\n")),
        }
    }
    goldens.finish();
}

#[test]
fn only_instances_that_say_so_are_refused() {
    for (name, text) in instances() {
        let result = Distribution::carried().try_render(&text);
        assert_eq!(result.is_err(), name.starts_with(REFUSED), "{name}: {:?}", result.err());
    }
}

#[test]
fn every_instance_says_what_it_is_for() {
    for (name, text) in instances() {
        let first = text.lines().next().unwrap_or_default();
        let purpose = first.strip_prefix("# ").unwrap_or_default();
        assert!(purpose.len() >= 20 && purpose.ends_with('.'), "{name} starts with `{first}`");
    }
}
