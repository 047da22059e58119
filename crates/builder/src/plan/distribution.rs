//! `spec.distribution`: which Flux, and whose images.

use flux_operator_api::{Distribution, Variant};

use crate::image_reference::ImageReference;
use crate::version::VersionRange;
use crate::violation::Checker;

/// Registries whose images are known, and the variant of the distribution they hold.
const KNOWN_REGISTRIES: &[(&str, Variant)] = &[
    ("fluxcd", Variant::UpstreamAlpine),
    ("ghcr.io/fluxcd", Variant::UpstreamAlpine),
    ("ghcr.io/controlplaneio-fluxcd/alpine", Variant::EnterpriseAlpine),
    ("ghcr.io/controlplaneio-fluxcd/distroless", Variant::EnterpriseDistroless),
    ("709825985650.dkr.ecr.us-east-1.amazonaws.com/controlplane/fluxcd", Variant::EnterpriseDistroless),
    ("ghcr.io/controlplaneio-fluxcd/distroless-fips", Variant::EnterpriseDistrolessFips),
];

#[derive(Clone, Debug)]
pub(crate) struct DistributionPlan {
    pub(crate) range: VersionRange,
    /// The prefix of every controller image, without a slash at its end.
    pub(crate) registry: String,
    /// Which digests to use; none for a registry that is not known, whose images get tags only.
    pub(crate) variant: Option<Variant>,
    pub(crate) image_pull_secret: Option<String>,
    /// What the manifests come in; none where they come with the operator.
    pub(crate) artifact: Option<ImageReference>,
}

impl DistributionPlan {
    pub(super) fn read(distribution: &Distribution, checker: &mut Checker) -> Option<Self> {
        let path = "spec.distribution.version";
        let range = if checker.require(path, &distribution.version) {
            checker.check(path, distribution.version.parse::<VersionRange>())
        } else {
            None
        };
        let path = "spec.distribution.registry";
        let registry = distribution.registry.strip_suffix('/').unwrap_or(&distribution.registry);
        if checker.require(path, &distribution.registry)
            && ImageReference::parse(&format!("{registry}/source-controller")).is_err()
        {
            checker.note(path, format!("expected a registry and path such as `ghcr.io/fluxcd`, found `{registry}`"));
        }
        let artifact = distribution.artifact.as_deref().and_then(|artifact| read_artifact(artifact, checker));
        let known = || KNOWN_REGISTRIES.iter().find(|(known, _)| *known == registry).map(|(_, variant)| *variant);
        Some(Self {
            range: range?,
            registry: registry.to_owned(),
            variant: distribution.variant.or_else(known),
            image_pull_secret: distribution.image_pull_secret.clone().filter(|secret| !secret.is_empty()),
            artifact,
        })
    }
}

fn read_artifact(artifact: &str, checker: &mut Checker) -> Option<ImageReference> {
    let path = "spec.distribution.artifact";
    let Some(reference) = artifact.strip_prefix("oci://") else {
        let expected = "expected an OCI address such as `oci://ghcr.io/org/flux-manifests:latest`";
        checker.note(path, format!("{expected}, found `{artifact}`"));
        return None;
    };
    checker.check(path, ImageReference::parse(reference))
}
