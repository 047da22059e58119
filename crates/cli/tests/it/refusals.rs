//! Inputs that are refused, with everything that is said about them.

use std::fs;

use flux_operator_testkit::{golden, workspace};

use crate::world::{World, instance};

/// Runs on one file.
#[track_caller]
fn check(text: &str, stderr: &str) {
    World::with(&[("flux.yaml", text)]).build(&["-f", "flux.yaml"]).refused(stderr);
}

#[test]
fn files_that_hold_no_instance() {
    let identity = "hint: a FluxInstance has `apiVersion: fluxcd.controlplane.io/v1`, `kind: FluxInstance`, \
                    `metadata.name: flux` and `spec.distribution`\n";
    let kinds = "hint: every document of a file has to be a FluxInstance; a directory may hold other kinds, too\n";
    check("", &format!("✗ flux.yaml: is empty, or holds only comments\n\n{identity}"));
    check("# later\n---\n", &format!("✗ flux.yaml: is empty, or holds only comments\n\n{identity}"));
    check(
        "apiVersion: apps/v1\nkind: Deployment\n",
        &format!(
            "✗ flux.yaml: holds something that is no FluxInstance\n  \
             line 2: `kind`: expected `FluxInstance`, found `Deployment`\n\n{kinds}"
        ),
    );
    check(
        &format!("{}---\nhello\n", instance("2.x", "")),
        &format!(
            "✗ flux.yaml:7: holds something that is no FluxInstance\n  \
             line 7: expected a FluxInstance, found no mapping\n\n{kinds}"
        ),
    );
    let world = World::with(&[("fleet/a.yaml", "kind: ConfigMap\n"), ("fleet/b.json", "{}")]);
    world.build(&["-f", "fleet"]).refused(&format!(
        "✗ fleet: holds no FluxInstance\n  \
         the directory has 2 YAML or JSON files, without a document of that kind\n\n{identity}"
    ));
    fs::create_dir(world.path("empty")).unwrap();
    world.build(&["-f", "empty"]).refused(&format!(
        "✗ empty: holds no FluxInstance\n  the directory has no `*.yaml`, `*.yml` or `*.json` file\n\n{identity}"
    ));
    world
        .build(&["-f", "-"])
        .refused("✗ stdin: is empty, or holds only comments\n\nhint: check the command before the pipe\n");
    let outcome = world.build_with_stdin(&["-f", "-", "-f", "-"], &instance("2.x", ""));
    outcome.refused("✗ stdin: is named twice, it can be read only once\n\nhint: remove one `--filename -`\n");
}

#[test]
fn files_that_cannot_be_read() {
    let world = World::new();
    world.build(&["-f", "flux.yaml"]).refused(
        "\
✗ flux.yaml: cannot be read
  no such file or directory

hint: check the path of `--filename`, or use `-` for stdin
",
    );
    world.write("flux.yaml", b"a: 1\nb: \xff\n");
    world.build(&["-f", "flux.yaml"]).refused("✗ flux.yaml: line 2 is not UTF-8\n\nhint: save it as UTF-8\n");
    world.write("flux.yaml", vec![b'#'; (32 << 20) + 1]);
    world.build(&["-f", "flux.yaml"]).refused(
        "\
✗ flux.yaml: has more than 32 MiB, which is more than is read

hint: split it into several files and name their directory
",
    );
}

#[test]
fn instances_that_the_repository_says_are_refused() {
    let world = World::new();
    for path in golden::files(&workspace::path("testdata/instances")) {
        if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"refused-")) {
            let outcome = world.build(&["-f", path.to_str().unwrap()]);
            assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""), "{}", path.display());
            assert!(outcome.stderr.starts_with("✗ ") && outcome.stderr.contains("\n\nhint: "), "{}", outcome.stderr);
        }
    }
}

#[test]
fn broken_yaml_is_shown_with_its_line() {
    check(
        "kind: FluxInstance\nspec:\n\tdistribution: {}\n",
        "\
✗ flux.yaml: is no valid YAML
  line 3, column 2: tabs disallowed within this context (block indentation)

hint: indent with spaces, and put texts that hold `: ` or ` #` into quotes
",
    );
}

#[test]
fn violations_are_all_shown_with_their_lines() {
    check(
        &instance("latest", ""),
        "\
✗ flux.yaml: the FluxInstance has 1 violation
  line 5: `spec.distribution.version`: `latest` is not a version or a range such as `2.x`, `2.9.4` or `>=2.8.0 <2.10`

hint: `kubectl explain fluxinstance.spec.distribution` describes the fields
",
    );
    check(
        &instance("2.x", "  clster: { size: small }\n  cluster: { size: smal }\n"),
        "\
✗ flux.yaml: the FluxInstance has 2 violations
  line 6: `spec.clster`: unknown field, did you mean `cluster`?
  line 7: `spec.cluster.size`: expected one of `small`, `medium`, `large`, found `smal`; did you mean `small`?

hint: `kubectl explain fluxinstance.spec` describes the fields
",
    );
    check(
        &instance("2.x", "  kustomize:\n    patches:\n    - target: { kind: Deployment }\n      patch: ''\n"),
        "\
✗ flux.yaml: the FluxInstance has 1 violation
  line 9: `spec.kustomize.patches[0].patch`: is required: a strategic merge patch, or a list of JSON patch operations

hint: `kubectl explain fluxinstance.spec.kustomize.patches` describes the fields
",
    );
    check(
        &instance("2.x", "  commonMetadata: { labels: { example.com/team: [] } }\n"),
        "\
✗ flux.yaml: the FluxInstance has 1 violation
  line 6: `spec.commonMetadata.labels.example.com/team`: expected a text, found a list

hint: `kubectl explain fluxinstance.spec.commonMetadata` describes the fields
",
    );
}

#[test]
fn all_inputs_are_checked_before_anything_is_printed() {
    let world = World::with(&[
        ("fleet/a.yaml", &instance("2.x", "")),
        ("fleet/b.yaml", &instance("2.x", "  wait: never\n")),
        ("fleet/c.yaml", &instance("2.x", "  wait: never\n")),
        ("fleet/d.yaml", "kind: FluxInstance: x\n"),
    ]);
    world.build(&["-f", "fleet", "-f", "missing.yaml"]).refused(
        "\
✗ fleet/b.yaml: the FluxInstance has 1 violation
  line 6: `spec.wait`: expected `true` or `false`, found the text `never`
  also: fleet/c.yaml

hint: `kubectl explain fluxinstance.spec` describes the fields

✗ fleet/d.yaml: is no valid YAML
  line 1, column 19: mapping values are not allowed in this context

hint: indent with spaces, and put texts that hold `: ` or ` #` into quotes

✗ missing.yaml: cannot be read
  no such file or directory

hint: check the path of `--filename`, or use `-` for stdin
",
    );
}

#[test]
fn patches_that_leave_nothing() {
    let patch = "    - target: { kind: .* }\n      patch: '{ kind: x, metadata: { name: x }, $patch: delete }'\n";
    check(
        &instance("2.x", &format!("  kustomize:\n    patches:\n{patch}")),
        "\
✗ flux.yaml: renders no objects, its patches delete all of them

hint: look for `$patch: delete` in `spec.kustomize.patches`
",
    );
}
