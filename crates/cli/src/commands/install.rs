//! `flux-operator install`.

mod instance;
mod manifests;
mod steps;

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use flux_operator_api::{ClusterSize, ClusterType};

use crate::cluster::{Cluster, Span, on_cluster};
use crate::error::{Complaint, Failure};
use crate::globals::Globals;
use crate::output::{self, DocumentFormat};
use crate::registry::HostArgs;
use crate::usage::UsageError;

const EXAMPLES: &str = "\
Examples:
  # Look first
  flux-operator install --export

  # The operator, and Flux as a file says
  flux-operator install -f flux.yaml

  # Flux that follows a repository
  flux-operator install --instance-sync-url https://git.example.com/fleet.git --instance-sync-ref refs/heads/main \\
    --instance-sync-path clusters/production --instance-sync-creds-file credentials";

/// Install the operator and Flux, or upgrade them.
///
/// The manifests of the operator are part of this program: nothing is downloaded. Everything goes
/// to the namespace `flux-system`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Install Flux as the FluxInstance of this file says; other flags of the instance do not count.
    ///
    /// The file may also be `-` for stdin, an `https://` address, or a file of an artifact such as
    /// `oci://ghcr.io/org/repo:v1#path/to/flux.yaml`.
    #[arg(short = 'f', long, value_name = "FILE")]
    instance_file: Option<String>,

    #[command(flatten)]
    hosts: HostArgs,

    #[command(flatten)]
    instance: Instance,

    #[command(flatten)]
    credentials: Credentials,

    /// The image of the operator.
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,

    /// Install the operator alone.
    #[arg(long)]
    without_instance: bool,

    /// Print what would be installed, without Secrets, and ask no cluster.
    #[arg(long, alias = "dry-run")]
    export: bool,
}

/// What Flux shall be, where no file says so.
#[derive(Debug, Args)]
struct Instance {
    /// The controllers.
    #[arg(long, value_name = "NAME", value_delimiter = ',', default_values_t = instance::COMPONENTS.map(str::to_owned))]
    instance_components: Vec<String>,

    /// More controllers.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    instance_components_extra: Vec<String>,

    /// The version of Flux, or a range of versions.
    #[arg(long, value_name = "RANGE", default_value = "2.x")]
    instance_distribution_version: String,

    /// The registry with the images of Flux.
    #[arg(long, value_name = "REGISTRY", default_value = "ghcr.io/fluxcd")]
    instance_distribution_registry: String,

    /// An OCI artifact with the manifests of Flux, instead of those that the operator has.
    #[arg(long, value_name = "URL")]
    instance_distribution_artifact: Option<String>,

    /// What runs the cluster.
    #[arg(long, value_name = "TYPE", default_value_t = ClusterType::Kubernetes)]
    instance_cluster_type: ClusterType,

    /// How much there will be to do.
    #[arg(long, value_name = "SIZE", default_value_t = ClusterSize::Medium)]
    instance_cluster_size: ClusterSize,

    /// The DNS domain of the cluster.
    #[arg(long, value_name = "DOMAIN", default_value = "cluster.local")]
    instance_cluster_domain: String,

    /// Whether teams share the cluster.
    #[arg(long)]
    instance_cluster_multitenant: bool,

    /// Whether the network of Flux is restricted.
    #[arg(
        long, value_name = "BOOL", action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true,
        default_value_t = true, default_missing_value = "true", hide_possible_values = true
    )]
    instance_cluster_network_policy: bool,

    /// Follow this repository: `oci://` for an OCIRepository, anything else is Git.
    #[arg(long, value_name = "URL")]
    instance_sync_url: Option<String>,

    /// The branch, tag or other reference to follow, such as `refs/heads/main`.
    #[arg(long, value_name = "REF")]
    instance_sync_ref: Option<String>,

    /// The folder of the repository to apply.
    #[arg(long, value_name = "PATH", default_value = "./")]
    instance_sync_path: String,
}

/// How to log in at the repository.
#[derive(Debug, Args)]
struct Credentials {
    /// `user:token`. Others can see it among the processes of this machine.
    #[arg(long, value_name = "USER:TOKEN", group = "sync credentials")]
    instance_sync_creds: Option<super::create::secret::Hidden>,

    /// A file with `user:token` on its first line.
    #[arg(long, value_name = "FILE", group = "sync credentials")]
    instance_sync_creds_file: Option<PathBuf>,

    /// The id of a GitHub App.
    #[arg(long, value_name = "ID", group = "sync credentials")]
    instance_sync_gha_app_id: Option<String>,

    /// The id of the installation of the app.
    #[arg(long, value_name = "ID", requires = "instance_sync_gha_app_id")]
    instance_sync_gha_installation_id: Option<String>,

    /// The organization or user that the app is installed for.
    #[arg(long, value_name = "NAME", requires = "instance_sync_gha_app_id")]
    instance_sync_gha_installation_owner: Option<String>,

    /// The private key of the app.
    #[arg(long, value_name = "FILE", requires = "instance_sync_gha_app_id")]
    instance_sync_gha_private_key_file: Option<PathBuf>,

    /// The address of the API, of GitHub Enterprise Server.
    #[arg(long, value_name = "URL", requires = "instance_sync_gha_app_id")]
    instance_sync_gha_base_url: Option<String>,
}

/// Where everything goes.
const NAMESPACE: &str = "flux-system";

/// An installation takes at least so long where images are pulled.
const AT_LEAST: Duration = Duration::from_secs(120);

/// Installs, or prints what would be installed.
///
/// # Errors
/// The instance or the credentials are wrong, which is found before the cluster is asked; then
/// whatever goes wrong there.
pub(crate) fn run(arguments: &Arguments, globals: &Globals, stdout: &mut dyn Write) -> Result<(), Failure> {
    if globals.namespace.as_deref().is_some_and(|namespace| namespace != NAMESPACE) {
        let text = format!("the operator is installed in the namespace `{NAMESPACE}`");
        return Err(Complaint::new(UsageError::found(text, "leave `--namespace` out")).into());
    }
    let secret = arguments.credentials.secret(arguments.instance.instance_sync_url.as_deref())?;
    let instance = if arguments.without_instance {
        None
    } else {
        Some(instance::read(arguments, secret.is_some(), globals.timeout)?)
    };
    let objects = manifests::operator(arguments.image.as_deref())?;
    if arguments.export {
        let values = objects.into_iter().map(flux_operator_api::Object::into_value).chain(instance);
        let text: String =
            values.map(|value| format!("---\n{}", output::document(&value, DocumentFormat::Yaml))).collect();
        return output::write(stdout, &text).map(drop);
    }
    let globals =
        Globals { namespace: Some(NAMESPACE.to_owned()), timeout: globals.timeout.max(AT_LEAST), ..globals.clone() };
    on_cluster(&globals, Span::Limited, async |cluster: Cluster| {
        steps::install(&cluster, objects, instance, secret, stdout).await
    })
}
