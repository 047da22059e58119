//! What a mirror is made of.

use std::collections::BTreeSet;

use clap::{ArgAction, Args};
use flux_operator_api::Variant;
use flux_operator_builder::ReleaseImage;
use flux_operator_distro::{Location, Reference};

use super::{Arguments, MirrorError};
use crate::distribution::Distribution;
use crate::error::{Complaint, Failure};

/// Where the images of a variant are published.
const REGISTRIES: &[(Variant, &str)] = &[
    (Variant::UpstreamAlpine, "ghcr.io/fluxcd"),
    (Variant::EnterpriseAlpine, "ghcr.io/controlplaneio-fluxcd/alpine"),
    (Variant::EnterpriseDistroless, "ghcr.io/controlplaneio-fluxcd/distroless"),
    (Variant::EnterpriseDistrolessFips, "ghcr.io/controlplaneio-fluxcd/distroless-fips"),
];

/// Where releases of the operator are published: the image `flux-operator`, and its charts below `charts`.
pub const PUBLISHED: &str = "ghcr.io/flux-operator-rs";

/// The version of the operator that is mirrored: that of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What to copy besides the images of Flux.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Included {
    /// Copy the artifact as well, where `--distribution` names one in a registry.
    #[arg(long = "include-artifact", value_name = "BOOL", default_value_t = true, default_missing_value = "true",
        num_args = 0..=1, require_equals = true, action = ArgAction::Set)]
    artifact: bool,

    /// Copy the image of the operator, in the version of this program.
    #[arg(long = "include-operator-image", value_name = "BOOL", default_value_t = true, default_missing_value = "true",
        num_args = 0..=1, require_equals = true, action = ArgAction::Set)]
    operator_image: bool,

    /// Copy the chart of the operator, in the version of this program.
    #[arg(long = "include-operator-chart", value_name = "BOOL", default_value_t = true, default_missing_value = "true",
        num_args = 0..=1, require_equals = true, action = ArgAction::Set)]
    operator_chart: bool,

    /// Copy the chart of a FluxInstance, in the version of this program.
    #[arg(long = "include-instance-chart", value_name = "BOOL", default_value_t = true, default_missing_value = "true",
        num_args = 0..=1, require_equals = true, action = ArgAction::Set)]
    instance_chart: bool,
}

impl Included {
    /// The names of what installs the operator, each with its tag. The same from where it is published to wherever it is
    /// copied, so that a mirror can be mirrored.
    fn of_the_operator(&self) -> impl Iterator<Item = String> {
        [
            (self.operator_image, format!("flux-operator:v{VERSION}")),
            (self.operator_chart, format!("charts/flux-operator:{VERSION}")),
            (self.instance_chart, format!("charts/flux-instance:{VERSION}")),
        ]
        .into_iter()
        .filter_map(|(is_included, name)| is_included.then_some(name))
    }
}

/// Something to copy.
pub(super) struct Job {
    pub(super) source: Reference,
    pub(super) destination: Reference,
}

/// What to copy, in order: the artifact, the components, and what installs the operator.
pub(super) fn jobs(
    arguments: &Arguments,
    distribution: &Distribution,
    images: &[ReleaseImage],
) -> Result<Vec<Job>, Failure> {
    let destination = |name: &str| {
        at(&arguments.destination, name)
            .map_err(|error| Complaint::new(MirrorError::Destination(arguments.destination.clone(), error)))
    };
    let source = |registry: &str, name: &str| {
        at(registry, name).map_err(|error| Complaint::new(MirrorError::Source(registry.to_owned(), error)))
    };
    let mut jobs = Vec::new();
    if let (true, Location::Registry(reference), Some(digest)) =
        (arguments.included.artifact, &arguments.distribution, distribution.digest())
    {
        let name = reference.repository().rsplit('/').next().unwrap_or_default();
        let destination = destination(&format!("{name}:{}", reference.tag().unwrap_or("latest")))?;
        jobs.push(Job { source: reference.at(digest), destination });
    }
    let published = REGISTRIES.iter().find(|(variant, _)| *variant == arguments.variant).map_or("", |(_, at)| at);
    let registry = arguments.source.as_deref().unwrap_or(published);
    for image in selected(arguments, images)? {
        let name = format!("{}:{}", image.component, image.tag);
        let source = source(registry, &name)?;
        let source = image.digest.map_or(source.clone(), |digest| source.at(digest));
        jobs.push(Job { source, destination: destination(&name)? });
    }
    let registry = arguments.operator_source.as_deref().unwrap_or(PUBLISHED);
    for name in arguments.included.of_the_operator() {
        jobs.push(Job { source: source(registry, &name)?, destination: destination(&name)? });
    }
    Ok(jobs)
}

/// The images of the components that were asked for.
fn selected<'i>(arguments: &Arguments, images: &'i [ReleaseImage]) -> Result<Vec<&'i ReleaseImage>, Failure> {
    let known: Vec<String> = images.iter().map(|image| image.component.clone()).collect();
    if let Some(unknown) = arguments.components.iter().find(|component| !known.contains(component)) {
        let (component, variant) = (unknown.clone(), arguments.variant);
        return Err(Complaint::new(MirrorError::Component { component, variant, known }).into());
    }
    let wanted: BTreeSet<&String> = arguments.components.iter().collect();
    Ok(images.iter().filter(|image| wanted.is_empty() || wanted.contains(&image.component)).collect())
}

/// A name below a registry and path.
fn at(registry: &str, name: &str) -> Result<Reference, flux_operator_distro::ReferenceError> {
    Reference::parse_bare(&format!("{}/{name}", registry.trim_end_matches('/')))
}
