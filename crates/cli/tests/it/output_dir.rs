//! `--output-dir`: every file or none.

use std::fs;
use std::path::Path;

use crate::world::{BAD_PATCH, World, instance};

fn fleet() -> World {
    let two = format!("{}---\n{}", instance("2.6.x", ""), instance("2.9.x", "  cluster: { size: small }\n"));
    World::with(&[
        ("fleet/prod/eu.yaml", &instance("2.x", "")),
        ("fleet/prod/us.yml", &instance("2.6.x", "  cluster: { size: large }\n")),
        ("fleet/staging.yaml", &two),
    ])
}

/// Where they go, in the order in which they are read.
const NAMES: [&str; 4] = ["prod/eu", "prod/us", "staging", "staging-2"];

#[test]
fn writes_a_file_for_each_instance() {
    let world = fleet();
    for format in ["yaml", "json"] {
        let outcome = world.build(&["-f", "fleet", "-o", format, "--output-dir", &format!("out/{format}")]);
        assert_eq!(outcome.stderr, format!("✔ rendered 4 instances to out/{format}\n"));
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), ""));

        let mut files = world.files(&format!("out/{format}"));
        let texts = NAMES.map(|name| files.remove(Path::new(&format!("{name}.{format}"))).unwrap());
        assert!(files.is_empty(), "{:?}", files.keys());
        assert!(texts.concat() == world.build(&["-f", "fleet", "-o", format]).data(), "the same text in {format}");
    }
}

#[test]
fn single_files_and_stdin_have_names_of_their_own() {
    let world = fleet();
    world.write("prod.eu", instance("2.x", ""));
    let args = ["-f", "-", "-f", "prod.eu", "-f", "fleet/prod/us.yml", "--output-dir", "."];
    let outcome = world.build_with_stdin(&args, &instance("2.x", ""));
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), "✔ rendered 3 instances to .\n"));
    for name in ["flux.yaml", "prod.eu.yaml", "us.yaml"] {
        assert!(fs::read_to_string(world.path(name)).unwrap().starts_with("---\n"), "{name}");
    }
}

#[test]
fn replaces_its_files_and_leaves_others_alone() {
    let world = fleet();
    world.write("fleet/out/prod/eu.yaml", "old");
    world.write("fleet/out/prod/mine.yaml", "kind: FluxInstance, not to be searched");
    for _ in 0..2 {
        let outcome = world.build(&["-f", "fleet", "--output-dir", "fleet/out"]);
        assert_eq!(outcome.stderr, "✔ rendered 4 instances to fleet/out\n");
    }
    let files = world.files("fleet/out");
    assert_eq!(files.len(), 5, "{:?}", files.keys());
    assert_eq!(
        fs::read_to_string(world.path("fleet/out/prod/mine.yaml")).unwrap(),
        "kind: FluxInstance, not to be searched"
    );
    assert!(fs::read_to_string(world.path("fleet/out/prod/eu.yaml")).unwrap().starts_with("---\n"));
}

#[test]
fn one_bad_instance_and_nothing_is_written() {
    let world = fleet();
    world.write("fleet/prod/zz.yaml", instance("2.x", BAD_PATCH));
    world.write("there/staging.yaml", "old");
    for folder in ["there", "not/there"] {
        world.build(&["-f", "fleet", "--output-dir", folder]).refused(
            "\
✗ fleet/prod/zz.yaml: `spec.kustomize.patches[0]` cannot be applied to Deployment/helm-controller
  operation 0, `remove` at `/spec/nothing`: `/spec/nothing` does not exist

hint: render without `spec.kustomize.patches[0]`, and compare the patch with the objects
",
        );
    }
    assert_eq!(world.files("there").into_iter().collect::<Vec<_>>(), [("staging.yaml".into(), "old".to_owned())]);
    assert!(!world.path("not").exists(), "what was created is removed");
}

#[test]
fn one_file_that_cannot_be_replaced_and_nothing_is_written() {
    let world = fleet();
    world.write("out/prod/eu.yaml", "old");
    world.write("out/staging-2.yaml/in-the-way", "");
    let before = world.files("out");
    world.build(&["-f", "fleet", "--output-dir", "out"]).refused(
        "\
✗ cannot write the file `out/staging-2.yaml`, it is a directory

hint: remove it, or choose another `--output-dir`
",
    );
    assert_eq!(world.files("out"), before);
}

#[test]
fn directories_that_cannot_be_written_to() {
    let world = fleet();
    world.write("file", "");
    let hint = "hint: a file is in the way, choose another `--output-dir`\n";
    for folder in ["file", "file/out"] {
        let outcome = world.build(&["-f", "fleet", "--output-dir", folder]);
        outcome.refused(&format!("✗ cannot create the directory `file`\n  file exists\n\n{hint}"));
    }
    world.write("out/prod", "");
    let outcome = world.build(&["-f", "fleet", "--output-dir", "out"]);
    outcome.refused(&format!("✗ cannot create the directory `out/prod`\n  file exists\n\n{hint}"));
    assert_eq!(world.files("out").len(), 1);
}

#[test]
fn instances_may_not_share_a_file() {
    let world = fleet();
    world.write("fleet/prod/eu.yml", instance("2.x", ""));
    world.write("fleet/staging-2.yaml", instance("2.x", ""));
    let hint = "hint: rename one of the files, name a directory that holds both, or use an `--output-dir` for each\n";
    world.build(&["-f", "fleet", "--output-dir", "out"]).refused(&format!(
        "\
✗ fleet/prod/eu.yml: `out/prod/eu.yaml` would be written twice, for `fleet/prod/eu.yaml` as well

✗ fleet/staging.yaml:7: `out/staging-2.yaml` would be written twice, for `fleet/staging-2.yaml` as well

{hint}"
    ));
    world.write("odd/eu.yaml/x.yaml", instance("2.x", ""));
    world.build(&["-f", "fleet/prod/eu.yml", "-f", "odd", "--output-dir", "out"]).refused(&format!(
        "\
✗ odd/eu.yaml/x.yaml: `out/eu.yaml` would have to be a file and a directory, for `fleet/prod/eu.yml` as well

{hint}"
    ));
    assert!(!world.path("out").exists());
}

#[test]
fn inputs_are_not_replaced() {
    let world = fleet();
    let before = world.files("fleet");
    world.build(&["-f", "fleet", "--output-dir", "fleet"]).refused(
        "\
✗ fleet/prod/eu.yaml: would be replaced by what is rendered from it
  also: fleet/staging.yaml

hint: choose an `--output-dir` that holds no inputs
",
    );
    assert_eq!(world.files("fleet"), before);
}
