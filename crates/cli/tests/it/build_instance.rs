//! What `build instance` prints.

use std::fs;
use std::io::Read as _;

use flux_operator_builder::yaml::{Dialect, Limits, read_documents};
use flux_operator_builder::{Admission, Bundle, build};
use flux_operator_distro::Directory;
use flux_operator_testkit::{golden, workspace};
use serde_json::Value;

use crate::world::{BAD_PATCH, Outcome, World, instance};

/// The instances of the repository, refused ones left out, in the folder `samples` and as texts.
fn samples() -> (World, Vec<String>) {
    let world = World::new();
    let mut texts = Vec::new();
    for path in golden::files(&workspace::path("testdata/instances")) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if !name.starts_with("refused-") {
            let text = fs::read_to_string(&path).unwrap();
            world.write(&format!("samples/{name}"), &text);
            texts.push(text);
        }
    }
    (world, texts)
}

/// What the builder makes of a file, without the program.
fn bundle(text: &str) -> Bundle {
    let distribution = Directory::open(workspace::distribution()).unwrap();
    let admission = Admission::new();
    let plan = admission.read(text).unwrap()[0].plan().unwrap();
    let versions = distribution.versions().unwrap();
    let release = distribution.release(plan.select(&versions).unwrap()).unwrap();
    build(&plan, &release).unwrap()
}

fn yaml(bundle: &Bundle) -> String {
    let mut text = String::new();
    bundle.write_yaml(&mut text);
    text
}

#[test]
fn yaml_is_what_the_builder_writes_in_the_order_of_the_inputs() {
    let (world, texts) = samples();
    let expected: Vec<String> = texts.iter().map(|text| yaml(&bundle(text))).collect();
    assert!(world.build(&["-f", "samples"]).data() == expected.concat(), "the directory at once");

    world.write("one.yaml", &texts[1]);
    world.write("zero.yaml", &texts[0]);
    let expected = [expected[1].as_str(), &expected[0]].concat();
    assert!(world.build(&["-f", "one.yaml", "--filename=zero.yaml"]).data() == expected, "files as they are named");
}

#[test]
fn json_says_the_same_as_yaml() {
    let (world, texts) = samples();
    let json = world.build(&["-f", "samples", "-o", "json"]).data();
    assert!(json.starts_with("{\n  \"apiVersion\": \"v1\",\n  \"items\": [\n    {\n      \"apiVersion\": "));
    assert!(json.ends_with("\n  ],\n  \"kind\": \"List\"\n}\n"));
    assert!(!json.contains(['<', '>', '&']), "escaped, as kubectl does");

    let lists: Vec<Value> = serde_json::Deserializer::from_str(&json).into_iter().map(Result::unwrap).collect();
    assert_eq!(lists.len(), texts.len());
    let items: Vec<&Value> = lists.iter().flat_map(|list| list["items"].as_array().unwrap()).collect();
    let yaml = world.build(&["-f", "samples"]).data();
    let limits = Limits { max_documents: items.len(), ..Limits::DISTRIBUTION };
    let documents = read_documents(&yaml, Dialect::Manifest, &limits).unwrap();
    assert!(items.into_iter().eq(&documents));
}

#[test]
fn stdin_may_hold_several_instances_and_lists() {
    let world = World::new();
    let (old, new) = (instance("2.6.x", ""), instance("2.9.x", ""));
    let expected = format!("{}{}", yaml(&bundle(&old)), yaml(&bundle(&new)));
    assert!(world.build_with_stdin(&["-f", "-"], &format!("---\n{old}---\n\n---\n{new}---\n")).data() == expected);

    let item = |text: &str| text.replace('\n', "\n  ");
    let list = format!("apiVersion: v1\nkind: List\nitems:\n- {}\n- {}\n", item(&old), item(&new));
    assert!(world.build_with_stdin(&["--file=-"], &list).data() == expected, "by the hidden alias");
}

#[test]
fn reads_json_and_texts_with_a_byte_order_mark() {
    let json = r#"{"apiVersion": "fluxcd.controlplane.io/v1", "kind": "FluxInstance", "metadata": {"name": "flux"},
        "spec": {"distribution": {"version": "2.x", "registry": "ghcr.io/fluxcd"}}}"#;
    let text = instance("2.x", "");
    let world = World::with(&[("flux.json", json), ("bom.yaml", &format!("\u{feff}{text}"))]);
    let expected = yaml(&bundle(&text));
    assert!(world.build(&["-f", "flux.json"]).data() == expected);
    assert!(world.build(&["-f", "bom.yaml"]).data() == expected);
}

#[test]
fn directories_are_searched_for_instances_only() {
    let text = instance("2.x", "");
    let config = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: about-a-FluxInstance }\n";
    let world = World::with(&[
        ("fleet/b.YML", &format!("{config}---\n{}", instance("2.6.x", ""))),
        ("fleet/a/deep/down.yaml", &text),
        ("fleet/a/notes.txt", "kind: FluxInstance"),
        ("fleet/a/config.yaml", config),
        ("fleet/a/template.yaml", "{{ if .Values.x }}"),
        ("fleet/a/.hidden.yaml", "kind: FluxInstance"),
        ("fleet/.git/x.yaml", "kind: FluxInstance"),
        ("elsewhere/linked.yaml", &text),
    ]);
    std::os::unix::fs::symlink(world.path("fleet"), world.path("fleet/circle")).unwrap();
    std::os::unix::fs::symlink(world.path("elsewhere/linked.yaml"), world.path("fleet/c.yaml")).unwrap();
    let new = yaml(&bundle(&text));
    let expected = [new.as_str(), &yaml(&bundle(&instance("2.6.x", ""))), &new].concat();
    assert!(world.build(&["-f", "fleet"]).data() == expected);
}

#[test]
fn flags_win_over_the_variable() {
    let world = World::with(&[("flux.yaml", &instance("2.x", ""))]);
    std::os::unix::fs::symlink(workspace::distribution(), world.path("other")).unwrap();
    let mut command = world.command(&["build", "instance", "-f", "flux.yaml", "--distribution", "other"]);
    let outcome = crate::world::finish(command.env("FLUX_OPERATOR_DISTRIBUTION", "nowhere"), "");
    assert_eq!(outcome, world.build(&["-f", "flux.yaml"]));
}

#[test]
fn what_comes_before_a_failure_is_printed_and_what_comes_after_is_checked() {
    let world = World::with(&[
        ("a.yaml", &instance("2.x", "")),
        ("b.yaml", &instance("2.x", BAD_PATCH)),
        ("c.yaml", &instance("2.6.x", "")),
        ("d.yaml", &instance("2.x", BAD_PATCH)),
        ("e.yaml", &instance("2.6.x", "  components: [source-watcher]\n")),
    ]);
    let Outcome { code, stdout, stderr } =
        world.build(&["-f", "a.yaml", "-f", "b.yaml", "-f", "c.yaml", "-f", "d.yaml", "-f", "e.yaml"]);
    assert_eq!(code, Some(1));
    assert!(stdout == yaml(&bundle(&instance("2.x", ""))));
    assert_eq!(
        stderr,
        "\
✗ b.yaml: `spec.kustomize.patches[0]` cannot be applied to Deployment/helm-controller
  operation 0, `remove` at `/spec/nothing`: `/spec/nothing` does not exist
  also: d.yaml

hint: render without `spec.kustomize.patches[0]`, and compare the patch with the objects

✗ e.yaml: the instance asks for more than Flux v2.6.90 has
  `spec.components[0]`: `source-watcher` needs Flux 2.7 or later, `spec.distribution.version` selects v2.6.90

hint: accept a newer Flux in `spec.distribution.version`, or remove the fields
"
    );
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let (world, _) = samples();
    for read in [0, 4096] {
        let mut child = world.command(&["build", "instance", "-f", "samples"]).spawn().unwrap();
        let mut pipe = child.stdout.take().unwrap();
        pipe.read_exact(&mut vec![0; read]).unwrap();
        drop(pipe);
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), stderr.as_str()), (Some(0), ""), "after {read} bytes");
    }
}

#[test]
fn a_full_disk_is_one() {
    let world = World::with(&[("flux.yaml", &instance("2.x", ""))]);
    let Ok(full) = fs::File::options().write(true).open("/dev/full") else {
        eprintln!("skipped: no /dev/full");
        return;
    };
    let outcome = crate::world::finish(world.command(&["build", "instance", "-f", "flux.yaml"]).stdout(full), "");
    outcome.refused(
        "\
✗ cannot write to stdout
  no space left on device

hint: free some space, or write to another file system
",
    );
}
