//! How long rendering takes, part by part: `cargo bench -p flux-operator-builder --bench render`.
//!
//! Real distributions are used where they lie beside the repository, the small one of the
//! repository elsewhere. `cargo xtask bench` holds whole figures against our goals; this is for
//! finding out where the time goes.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark that cannot start has nothing to say")]

use std::fmt::Write as _;
use std::fs;

use divan::{Bencher, black_box};
use flux_operator_api::Component;
use flux_operator_builder::{Admission, Bundle, InstancePlan, Release, build};
use flux_operator_distro::Directory;
use flux_operator_testkit::workspace;

fn main() {
    divan::main();
}

/// An instance with the least that can be said.
#[divan::bench]
fn minimal(bencher: Bencher<'_, '_>) {
    render(bencher, &sample("minimal"));
}

/// An instance with nearly every field.
#[divan::bench]
fn everything(bencher: Bencher<'_, '_>) {
    render(bencher, &sample("everything"));
}

/// All components, in shards.
#[divan::bench(args = [10, 40, 100])]
fn shards(bencher: Bencher<'_, '_>, shards: usize) {
    render(bencher, &sharded(shards));
}

/// From the text of an instance to its plan.
#[divan::bench]
fn read_an_instance(bencher: Bencher<'_, '_>) {
    let admission = Admission::new();
    let text = sample("everything");
    bencher.bench(|| admission.read(black_box(&text)).unwrap()[0].plan().unwrap());
}

/// The files of one version, from the disk and from text to objects.
#[divan::bench]
fn read_a_release(bencher: Bencher<'_, '_>) {
    let distribution = distribution();
    let versions = distribution.versions().unwrap();
    bencher.bench(|| {
        let release = distribution.release(versions.last().unwrap()).unwrap();
        for component in Component::ALL {
            black_box(release.objects(&format!("{component}.yaml")).unwrap());
        }
    });
}

/// All objects of an instance, from values to text.
#[divan::bench]
fn write_yaml(bencher: Bencher<'_, '_>) {
    let (plan, release) = prepare(&sample("minimal"));
    let bundle = build(&plan, &release).unwrap();
    bencher.bench(|| print(black_box(&bundle)));
}

/// Measures building, the release already parsed.
fn render(bencher: Bencher<'_, '_>, instance: &str) {
    let (plan, release) = prepare(instance);
    build(&plan, &release).unwrap();
    bencher.bench(|| build(black_box(&plan), black_box(&release)).unwrap());
}

fn prepare(instance: &str) -> (InstancePlan, Release) {
    let plan = Admission::new().read(instance).unwrap()[0].plan().unwrap();
    let distribution = distribution();
    let versions = distribution.versions().unwrap();
    let release = distribution.release(plan.select(&versions).unwrap()).unwrap();
    (plan, release)
}

fn distribution() -> Directory {
    Directory::open(workspace::shared("flux").unwrap_or_else(workspace::distribution)).unwrap()
}

fn sample(name: &str) -> String {
    fs::read_to_string(workspace::path(format!("testdata/instances/{name}.yaml"))).unwrap()
}

fn sharded(shards: usize) -> String {
    let mut text = sample("components-all");
    text.push_str("  sharding:\n    shards:\n");
    for shard in 1..=shards {
        let _ = writeln!(text, "    - shard{shard}");
    }
    text
}

fn print(bundle: &Bundle) -> String {
    let mut text = String::new();
    bundle.write_yaml(&mut text);
    text
}
