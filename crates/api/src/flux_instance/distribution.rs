//! What to install: version, registry, variant, and the controllers there are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{closed_set::closed_set, decode};

/// What to install and from where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Distribution {
    /// Flux version, exact or as a semver range: `2.x` follows every stable release of Flux 2,
    /// `2.8.x` takes patches only, `2.8.3` stays. A leading `v` is accepted.
    pub version: String,

    /// Registry and path the controller images are pulled from, for example `ghcr.io/fluxcd` or
    /// `registry.example.com/mirror/fluxcd`. A trailing `/` is dropped.
    pub registry: String,

    /// Which build of the images the registry holds, so that images of a mirror are pinned to their
    /// digests. Left out, it is deduced from the registry; images of an unknown registry are then
    /// pinned to tags only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<Variant>,

    /// Name of a Secret of type `kubernetes.io/dockerconfigjson` in the namespace of the instance,
    /// used by the controller pods to pull their images. The operator does not create it.
    #[serde(default, deserialize_with = "decode::non_empty", skip_serializing_if = "Option::is_none")]
    pub image_pull_secret: Option<String>,

    /// OCI artifact with the manifests of the distribution, for example
    /// `oci://ghcr.io/controlplaneio-fluxcd/flux-operator-manifests:latest`. A tag or a digest may
    /// follow; without one, `latest` is pulled. Left out, the manifests that came with the operator
    /// are used.
    #[serde(default, deserialize_with = "decode::non_empty", skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^oci://.*$"))]
    pub artifact: Option<String>,

    /// Name of a Secret of type `kubernetes.io/dockerconfigjson` in the namespace of the instance,
    /// used to pull `artifact`. Left out, the operator asks as the cloud knows it or anonymously, and
    /// then with the pull secrets of its own service account.
    #[serde(default, deserialize_with = "decode::non_empty", skip_serializing_if = "Option::is_none")]
    pub artifact_pull_secret: Option<String>,
}

impl Distribution {
    /// A distribution with its two required fields, for example `2.x` from `ghcr.io/fluxcd`.
    pub fn new(version: impl Into<String>, registry: impl Into<String>) -> Self {
        Self { version: version.into(), registry: registry.into(), ..Self::default() }
    }
}

closed_set! {
    /// A controller of the Flux distribution.
    pub enum Component: "a component" {
        /// Fetches sources and serves them as artifacts.
        SourceController = "source-controller",
        /// Applies Kustomizations.
        KustomizeController = "kustomize-controller",
        /// Installs Helm releases.
        HelmController = "helm-controller",
        /// Receives webhooks and sends alerts.
        NotificationController = "notification-controller",
        /// Scans image registries.
        ImageReflectorController = "image-reflector-controller",
        /// Writes image updates to Git.
        ImageAutomationController = "image-automation-controller",
        /// Composes and splits artifacts.
        SourceWatcher = "source-watcher",
    }
}

impl Component {
    /// The controllers of an instance that lists none.
    pub const CORE: [Self; 4] =
        [Self::SourceController, Self::KustomizeController, Self::HelmController, Self::NotificationController];
}

closed_set! {
    /// A build of the controller images.
    pub enum Variant: "a distribution variant" {
        /// The images of the Flux project, on Alpine.
        UpstreamAlpine = "upstream-alpine",
        /// Enterprise images on Alpine.
        EnterpriseAlpine = "enterprise-alpine",
        /// Enterprise images without a distribution below.
        EnterpriseDistroless = "enterprise-distroless",
        /// As the previous one, with FIPS-validated cryptography.
        EnterpriseDistrolessFips = "enterprise-distroless-fips",
    }
}
