//! `flux-operator tree`: what an object has applied, and what that has applied.

mod draw;
mod grow;
mod health;
mod helm;
mod node;

use std::io::Write;

use clap::{Args, Subcommand, ValueEnum};

use crate::cluster::{Cluster, Span, on_cluster};
use crate::error::Failure;
use crate::globals::Globals;
use crate::kinds::{HELM_RELEASE, INSTANCE, KUSTOMIZATION};
use crate::output::{self, DocumentFormat};

const INSTANCE_EXAMPLES: &str = "\
Examples:
  # Everything that the operator has installed, and how it is doing
  flux-operator tree instance flux -n flux-system --health";

const KUSTOMIZATION_EXAMPLES: &str = "\
Examples:
  # What a Kustomization has applied, with the Kustomizations and HelmReleases in it
  flux-operator tree kustomization apps -n flux-system

  # Only what belongs to Flux
  flux-operator tree ks apps -n flux-system --compact

  # Down to the pods
  flux-operator tree ks apps -n flux-system --pods";

const HELM_RELEASE_EXAMPLES: &str = "\
Examples:
  # What a release consists of, for a program
  flux-operator tree helmrelease web -n apps -o json";

/// A command of the group.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what a FluxInstance has installed.
    #[command(after_help = INSTANCE_EXAMPLES)]
    Instance(Arguments),
    /// Show what a Kustomization has applied.
    #[command(visible_alias = "ks", after_help = KUSTOMIZATION_EXAMPLES)]
    Kustomization(Arguments),
    /// Show what a HelmRelease has installed.
    #[command(name = "helmrelease", visible_alias = "hr", after_help = HELM_RELEASE_EXAMPLES)]
    HelmRelease(Arguments),
}

/// The tree to show.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The object at the root.
    name: String,

    /// Show only objects of Flux and its operator.
    #[arg(long)]
    compact: bool,

    /// Say how each object is doing: `✔` well, `◎` in progress, `✗` failed or missing.
    #[arg(long)]
    health: bool,

    /// Also show the pods of workloads, and how everything is doing.
    #[arg(long)]
    pods: bool,

    /// Print the tree in this format.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "tree")]
    output: Format,
}

/// How a tree is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Lines with branches.
    Tree,
    /// YAML.
    Yaml,
    /// JSON.
    Json,
}

impl Command {
    /// Draws the tree.
    ///
    /// # Errors
    /// The root does not exist. What is missing below it is marked.
    pub(crate) fn run(self, globals: &Globals, stdout: &mut dyn Write) -> Result<(), Failure> {
        let (kind, arguments) = match self {
            Self::Instance(arguments) => (INSTANCE, arguments),
            Self::Kustomization(arguments) => (KUSTOMIZATION, arguments),
            Self::HelmRelease(arguments) => (HELM_RELEASE, arguments),
        };
        on_cluster(globals, Span::Limited, async |cluster: Cluster| {
            let wants_health = arguments.health || arguments.pods;
            let discovery = if wants_health { cluster.discover_all().await? } else { cluster.discover().await? };
            let mut tree = grow::grow(&cluster, discovery, kind, &arguments.name).await?;
            if arguments.compact {
                tree.retain_flux();
            }
            if wants_health {
                health::look(&cluster, discovery, &mut tree, arguments.pods).await?;
            }
            let text = match arguments.output {
                Format::Tree => draw::lines(&tree),
                Format::Yaml => output::document(&draw::value(&tree), DocumentFormat::Yaml),
                Format::Json => output::document(&draw::value(&tree), DocumentFormat::Json),
            };
            output::write(stdout, &text).map(drop)
        })
    }
}
