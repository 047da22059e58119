//! `flux-operator get`: what there is, and how it is doing.

mod all;
mod columns;
mod flux;
mod instance;
mod listing;
mod status;

use std::io::Write;

use clap::Subcommand;

use crate::error::Failure;
use crate::globals::Globals;
use crate::kinds::{self, FluxKind};

/// A command of the group.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List FluxInstances.
    #[command(visible_alias = "instances")]
    Instance(instance::Arguments),
    /// List the objects of Flux and its operator.
    #[command(visible_alias = "resources")]
    All(all::Arguments),
    /// List Kustomizations.
    #[command(visible_aliases = ["kustomization", "ks"], after_help = flux::KUSTOMIZATION_EXAMPLES)]
    Kustomizations(flux::Appliers),
    /// List HelmReleases.
    #[command(name = "helmreleases", visible_aliases = ["helmrelease", "hr"], after_help = flux::HELM_RELEASE_EXAMPLES)]
    HelmReleases(flux::Appliers),
    /// List what Flux gets manifests and charts from.
    #[command(subcommand, visible_alias = "source", arg_required_else_help = true)]
    Sources(Sources),
    /// List what Flux knows of images.
    #[command(subcommand, visible_alias = "image", arg_required_else_help = true)]
    Images(Images),
    /// List what makes artifacts.
    #[command(subcommand, visible_alias = "artifact", arg_required_else_help = true)]
    Artifacts(Artifacts),
    /// List Receivers.
    #[command(visible_alias = "receiver", after_help = flux::RECEIVER_EXAMPLES)]
    Receivers(flux::Arguments),
    /// List Alerts.
    #[command(visible_alias = "alert", after_help = flux::ALERT_EXAMPLES)]
    Alerts(flux::Arguments),
    /// List Providers of alerts.
    #[command(visible_alias = "alert-provider", after_help = flux::PROVIDER_EXAMPLES)]
    AlertProviders(flux::Arguments),
}

/// A kind of source, or all of them.
#[derive(Debug, Subcommand)]
pub enum Sources {
    /// List GitRepositories.
    #[command(after_help = flux::GIT_EXAMPLES)]
    Git(flux::Arguments),
    /// List OCIRepositories.
    #[command(after_help = flux::OCI_EXAMPLES)]
    Oci(flux::Arguments),
    /// List Buckets.
    #[command(after_help = flux::BUCKET_EXAMPLES)]
    Bucket(flux::Arguments),
    /// List HelmRepositories.
    #[command(after_help = flux::HELM_EXAMPLES)]
    Helm(flux::Arguments),
    /// List HelmCharts.
    #[command(after_help = flux::CHART_EXAMPLES)]
    Chart(flux::Arguments),
    /// List ExternalArtifacts.
    #[command(after_help = flux::EXTERNAL_EXAMPLES)]
    External(flux::Arguments),
    /// List all of them, a table for each kind.
    #[command(after_help = flux::SOURCES_EXAMPLES)]
    All(flux::Several),
}

/// A kind that is about images, or all of them.
#[derive(Debug, Subcommand)]
pub enum Images {
    /// List ImageRepositories.
    #[command(after_help = flux::REPOSITORY_EXAMPLES)]
    Repository(flux::Arguments),
    /// List ImagePolicies.
    #[command(after_help = flux::POLICY_EXAMPLES)]
    Policy(flux::Arguments),
    /// List ImageUpdateAutomations.
    #[command(after_help = flux::UPDATE_EXAMPLES)]
    Update(flux::Arguments),
    /// List all of them, a table for each kind.
    #[command(after_help = flux::IMAGES_EXAMPLES)]
    All(flux::Several),
}

/// A kind that makes artifacts.
#[derive(Debug, Subcommand)]
pub enum Artifacts {
    /// List ArtifactGenerators.
    #[command(visible_alias = "generator", after_help = flux::GENERATOR_EXAMPLES)]
    Generators(flux::Arguments),
}

impl Command {
    pub(crate) fn run(self, globals: &Globals, stdout: &mut dyn Write) -> Result<(), Failure> {
        let (kind, arguments) = match self {
            Self::Instance(arguments) => return instance::run(arguments, globals, stdout),
            Self::All(arguments) => return all::run(arguments, globals, stdout),
            Self::Kustomizations(appliers) => return flux::appliers(kinds::KUSTOMIZATION, appliers, globals, stdout),
            Self::HelmReleases(appliers) => return flux::appliers(kinds::HELM_RELEASE, appliers, globals, stdout),
            Self::Sources(Sources::All(several)) => return flux::several(&SOURCES, several, globals, stdout),
            Self::Images(Images::All(several)) => return flux::several(&IMAGES, several, globals, stdout),
            Self::Sources(Sources::Git(arguments)) => (kinds::GIT_REPOSITORY, arguments),
            Self::Sources(Sources::Oci(arguments)) => (kinds::OCI_REPOSITORY, arguments),
            Self::Sources(Sources::Bucket(arguments)) => (kinds::BUCKET, arguments),
            Self::Sources(Sources::Helm(arguments)) => (kinds::HELM_REPOSITORY, arguments),
            Self::Sources(Sources::Chart(arguments)) => (kinds::HELM_CHART, arguments),
            Self::Sources(Sources::External(arguments)) => (kinds::EXTERNAL_ARTIFACT, arguments),
            Self::Images(Images::Repository(arguments)) => (kinds::IMAGE_REPOSITORY, arguments),
            Self::Images(Images::Policy(arguments)) => (kinds::IMAGE_POLICY, arguments),
            Self::Images(Images::Update(arguments)) => (kinds::IMAGE_UPDATE_AUTOMATION, arguments),
            Self::Artifacts(Artifacts::Generators(arguments)) => (kinds::ARTIFACT_GENERATOR, arguments),
            Self::Receivers(arguments) => (kinds::RECEIVER, arguments),
            Self::Alerts(arguments) => (kinds::ALERT, arguments),
            Self::AlertProviders(arguments) => (kinds::PROVIDER, arguments),
        };
        flux::one(kind, arguments, globals, stdout)
    }
}

/// What `get sources all` lists, in this order.
const SOURCES: [&FluxKind; 6] = [
    kinds::OCI_REPOSITORY,
    kinds::BUCKET,
    kinds::GIT_REPOSITORY,
    kinds::HELM_REPOSITORY,
    kinds::HELM_CHART,
    kinds::EXTERNAL_ARTIFACT,
];

/// What `get images all` lists, in this order.
const IMAGES: [&FluxKind; 3] = [kinds::IMAGE_REPOSITORY, kinds::IMAGE_POLICY, kinds::IMAGE_UPDATE_AUTOMATION];

/// The kind whose objects a command of the group is about, by the last words of its name.
pub(super) fn listed_kind(path: &[&str]) -> Option<&'static FluxKind> {
    Some(match path {
        ["get", "kustomizations"] => kinds::KUSTOMIZATION,
        ["get", "helmreleases"] => kinds::HELM_RELEASE,
        ["get", "sources", "git"] => kinds::GIT_REPOSITORY,
        ["get", "sources", "oci"] => kinds::OCI_REPOSITORY,
        ["get", "sources", "bucket"] => kinds::BUCKET,
        ["get", "sources", "helm"] => kinds::HELM_REPOSITORY,
        ["get", "sources", "chart"] => kinds::HELM_CHART,
        ["get", "sources", "external"] => kinds::EXTERNAL_ARTIFACT,
        ["get", "images", "repository"] => kinds::IMAGE_REPOSITORY,
        ["get", "images", "policy"] => kinds::IMAGE_POLICY,
        ["get", "images", "update"] => kinds::IMAGE_UPDATE_AUTOMATION,
        ["get", "artifacts", "generators"] => kinds::ARTIFACT_GENERATOR,
        ["get", "receivers"] => kinds::RECEIVER,
        ["get", "alerts"] => kinds::ALERT,
        ["get", "alert-providers"] => kinds::PROVIDER,
        _ => return None,
    })
}
