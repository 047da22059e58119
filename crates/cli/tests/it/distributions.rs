//! Distributions that are refused, with everything that is said about them.

use std::fs;

use crate::world::{World, instance};

#[test]
fn versions_that_are_not_there() {
    let world = World::with(&[("flux.yaml", &instance("2.10.x", ""))]);
    world.build(&["-f", "flux.yaml"]).refused(
        "\
✗ flux.yaml: no Flux release matches `spec.distribution.version`
  `2.10.x` is outside the releases of the distribution, the newest is `v2.9.90`

hint: the distribution has `v2.9.90`, `v2.6.90`; choose among them, or get a newer distribution
",
    );
    for version in ["v2.4.0", "v2.5.0", "v2.6.0", "v2.7.0", "v2.8.0", "v2.9.0", "v2.10.0-rc.2"] {
        fs::create_dir_all(world.path("many/flux").join(version)).unwrap();
    }
    world.build(&["-f", "flux.yaml", "--distribution", "many"]).refused(
        "\
✗ flux.yaml: no Flux release matches `spec.distribution.version`
  `2.10.x` is outside the releases of the distribution, the newest is `v2.10.0-rc.2`

hint: pre-releases need an explicit bound, for example `>=2.10.0-rc.2`
",
    );
    fs::remove_dir(world.path("many/flux/v2.10.0-rc.2")).unwrap();
    world.build(&["-f", "flux.yaml", "--distribution", "many"]).refused(
        "\
✗ flux.yaml: no Flux release matches `spec.distribution.version`
  `2.10.x` is outside the releases of the distribution, the newest is `v2.9.0`

hint: the distribution has `v2.9.0`, `v2.8.0`, `v2.7.0`, `v2.6.0`, `v2.5.0` and 1 older version; \
         choose among them, or get a newer distribution
",
    );
}

#[test]
fn folders_that_are_no_distribution() {
    let layout = "hint: `--distribution` names a folder with `flux/<version>/` and `flux-images/<version>/`, \
                  an `oci://` reference, or a file made by `flux-operator distro bundle`\n";
    let world = World::with(&[("flux.yaml", &instance("2.x", ""))]);
    let build = |distribution: &str| world.build(&["-f", "flux.yaml", "--distribution", distribution]);
    build("nowhere").refused(&format!("✗ cannot read `nowhere`\n  no such file or directory\n\n{layout}"));
    fs::create_dir(world.path("empty")).unwrap();
    let text = "✗ `empty` is not a Flux distribution: it has no folder `flux` with a folder for each version";
    build("empty").refused(&format!("{text}\n\n{layout}"));
    build("distribution/flux").refused(&format!(
        "{}\n\nhint: name the folder above it: `--distribution distribution`\n",
        text.replace("empty", "distribution/flux")
    ));
    fs::create_dir(world.path("empty/flux")).unwrap();
    build("empty").refused(&format!(
        "✗ `empty` has no Flux version: no folder in its folder `flux` is named like `v2.9.4`\n\n{layout}"
    ));
}

#[test]
fn distributions_that_are_damaged() {
    let world = World::with(&[
        ("fleet/a.yaml", &instance("2.x", "")),
        ("fleet/b.yaml", &instance("2.x", "  cluster: { size: small }\n")),
    ]);
    world.copy_distribution("copy");
    let build = || world.build(&["-f", "fleet", "--distribution", "copy"]);

    let file = "copy/flux/v2.9.90/rbac.yaml";
    let text = fs::read_to_string(world.path(file)).unwrap();
    world.write(file, format!("kind: Role: x\n{text}"));
    build().refused(
        "\
✗ copy: `flux/v2.9.90/rbac.yaml` of the distribution cannot be read
  line 1, column 11: mapping values are not allowed in this context

hint: get the distribution again, the file is not as Flux ships it
",
    );

    world.write(file, b"\xff");
    build().refused(
        "\
✗ `copy/flux/v2.9.90/rbac.yaml`, line 1: the file is not UTF-8

hint: get the distribution again, the file is damaged
",
    );

    fs::remove_file(world.path(file)).unwrap();
    build().refused(
        "\
✗ copy: the distribution has no file `flux/v2.9.90/rbac.yaml`

hint: add the file to the distribution, or take the component out of `spec.components`
",
    );

    std::os::unix::fs::symlink("/etc/hostname", world.path(file)).unwrap();
    build().refused(
        "\
✗ `copy/flux/v2.9.90/rbac.yaml` is a link that leads out of the distribution

hint: put a copy of the file in the place of the link
",
    );
}
