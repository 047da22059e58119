//! Renders an installation from another program: no files of instances, no cluster, no command line.
//!
//! ```text
//! cargo run -p flux-operator-builder --example embed
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use std::error::Error;
use std::path::Path;

use flux_operator_api::{Cluster, ClusterSize, Component, Distribution, FluxInstance, FluxInstanceSpec};
use flux_operator_builder::{InstancePlan, build};
use flux_operator_distro::Directory;

fn main() -> Result<(), Box<dyn Error>> {
    // What a user would write as YAML. Everything that is not said has its default.
    let mut spec = FluxInstanceSpec::new(Distribution::new("2.x", "ghcr.io/fluxcd"));
    spec.components = vec![Component::SourceController, Component::KustomizeController];
    spec.cluster = Some(Cluster { size: Some(ClusterSize::Small), ..Cluster::default() });
    let instance = FluxInstance::new("flux", spec).in_namespace("flux-system");

    // Checked once; in case of an error, every fault of the instance with its field.
    let plan = InstancePlan::parse(&instance)?;

    // The manifests of Flux. `Release::with_manifest` takes them from anywhere else, as text.
    let distribution = Directory::open(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/distribution"))?;
    let versions = distribution.versions()?;
    let release = distribution.release(plan.select(&versions)?)?;

    // A pure function: the same plan and the same release always give the same bytes. A release
    // parses its files once, so keep it when there are more instances to come.
    let bundle = build(&plan, &release)?;

    println!("revision {}", bundle.revision());
    for component in bundle.components() {
        println!("image {}:{}", component.repository, component.tag);
    }
    println!("{} objects", bundle.objects().len());
    if let Some(first) = bundle.objects().first() {
        println!("first, because others need it: {}", first.id());
    }
    Ok(())
}
