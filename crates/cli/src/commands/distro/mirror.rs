//! `flux-operator distro mirror`.

mod copying;
mod jobs;

use std::io;

use clap::Args;
use flux_operator_api::Variant;
use flux_operator_builder::VersionRange;
use flux_operator_distro::credentials::{Credentials, Secret};
use flux_operator_distro::{Location, Place, Reference, ReferenceError};
use tokio::time::Duration;

use self::jobs::Included;
use super::list;
use crate::distribution::Distribution;
use crate::error::{Advise, Complaint, Failure};
use crate::globals::Globals;
use crate::registry::{Registries, RegistryArgs};
use crate::ui;

const EXAMPLES: &str = "\
Examples:
  # What would be copied
  flux-operator distro mirror registry.example.com/flux --distribution testdata/distribution --dry-run

  # The artifact and the images of the newest 2.9
  flux-operator distro mirror registry.example.com/flux --version 2.9.x \\
    --distribution oci://ghcr.io/controlplaneio-fluxcd/flux-operator-manifests

  # Into a registry whose tags never move
  flux-operator distro mirror registry.example.com/flux --immutable --distribution flux.tar

  # From one mirror to the next
  flux-operator distro mirror registry.internal/flux --distribution flux.tar \\
    --source registry.example.com/flux --operator-source registry.example.com/flux";

pub use jobs::PUBLISHED;

/// The registry that `--pull-token` is for, and the user that it is the password of.
const TOKEN_FOR: (&str, &str) = ("ghcr.io", "flux");
/// Copies take longer than other commands.
const AT_LEAST: Duration = Duration::from_secs(600);

/// Copy a distribution, the images of a Flux version and what installs the operator to another registry.
///
/// Images are copied by digest with all their platforms and signatures. What is there is not sent
/// again, so that a mirror that was broken off goes on where it was. `spec.distribution.registry` of
/// a FluxInstance then names the destination, and so does `image.repository` of the operator's chart.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The registry and path to copy to, such as `registry.example.com/flux`.
    #[arg(value_name = "DESTINATION")]
    destination: String,

    /// Read versions and digests from this directory, `oci://` reference or file made by `distro bundle`.
    #[arg(long, value_name = "DISTRIBUTION", env = "FLUX_OPERATOR_DISTRIBUTION", hide_env_values = true)]
    distribution: Location,

    /// Copy the images of the newest version in this range.
    #[arg(long, value_name = "RANGE", default_value = "2.x")]
    version: VersionRange,

    /// Copy the images of these components [default: all].
    #[arg(long, value_name = "COMPONENT", value_delimiter = ',')]
    components: Vec<String>,

    /// Copy the images of this variant.
    #[arg(long, value_name = "VARIANT", default_value = "upstream-alpine")]
    variant: Variant,

    /// Copy from this registry, instead of where the variant is published.
    #[arg(long, value_name = "REGISTRY")]
    source: Option<String>,

    /// Copy the operator from this registry, instead of where it is published.
    #[arg(long, value_name = "REGISTRY")]
    operator_source: Option<String>,

    #[command(flatten)]
    included: Included,

    /// Move no tag: what has another digest gets a tag with the time.
    #[arg(long)]
    immutable: bool,

    /// Say what would be copied, and touch nothing.
    #[arg(long)]
    dry_run: bool,

    /// Pull from `ghcr.io` with this token.
    #[arg(long, value_name = "TOKEN", conflicts_with = "pull_token_stdin", hide_env_values = true)]
    pull_token: Option<String>,

    /// Pull from `ghcr.io` with the token on stdin.
    #[arg(long)]
    pull_token_stdin: bool,

    #[command(flatten)]
    registry: RegistryArgs,
}

/// Who we are where something is copied from.
struct Login {
    /// For the registry of `--pull-token`.
    token: Option<Credentials>,
}

impl Login {
    /// A reference, as whom it is pulled.
    fn place(&self, registries: &Registries, reference: &Reference) -> Result<Place, Failure> {
        match self.token.as_ref().filter(|_| reference.host() == TOKEN_FOR.0) {
            Some(token) => Ok(Place { reference: reference.clone(), credentials: token.clone() }),
            None => registries.place(reference),
        }
    }
}

/// A mirror that cannot be made.
#[derive(Debug, thiserror::Error)]
enum MirrorError {
    #[error("`{0}` is no registry and path to copy to")]
    Destination(String, #[source] ReferenceError),
    #[error("`{0}` is no registry and path to copy from")]
    Source(String, #[source] ReferenceError),
    #[error("the digest list of `{variant}` has no `{component}`")]
    Component { component: String, variant: Variant, known: Vec<String> },
    #[error("the token on stdin cannot be read")]
    Token(#[source] io::Error),
    #[error("the mirror was not complete after {} s", .0.as_secs())]
    OutOfTime(Duration),
    #[error("interrupted")]
    Interrupted,
}

/// Copies everything, one after the other.
///
/// # Errors
/// The first copy that cannot be made. Those before it stay.
pub(crate) fn run(arguments: &Arguments, globals: &Globals) -> Result<(), Failure> {
    let login = Login { token: token(arguments)? };
    let registries = arguments.registry.open()?;
    let credentials = match &arguments.distribution {
        Location::Registry(reference) => login.place(&registries, reference)?.credentials,
        Location::Path(_) => Credentials::Anonymous,
    };
    // What it names is verified before it is copied, each by itself.
    let distribution = Distribution::open_unverified(&arguments.distribution, &registries, &credentials)?;
    let (_, images) = list::images(&distribution, &arguments.version, arguments.variant)?;
    let jobs = jobs::jobs(arguments, &distribution, &images)?;
    if arguments.dry_run {
        for job in &jobs {
            ui::remark(&format!("✎ {} → {} (dry-run)", bare(&job.source), bare(&job.destination)));
        }
        ui::done(format_args!("Dry-run complete: {} image(s) would be processed", jobs.len()));
        return Ok(());
    }
    let limit = globals.timeout.max(AT_LEAST);
    registries.wait(async {
        tokio::select! {
            mirrored = copying::mirror(&registries, &jobs, arguments.immutable, &login) => mirrored,
            () = tokio::time::sleep(limit) => Err(Complaint::new(MirrorError::OutOfTime(limit)).into()),
            _ = tokio::signal::ctrl_c() => Err(Complaint::new(MirrorError::Interrupted).into()),
        }
    })
}

fn token(arguments: &Arguments) -> Result<Option<Credentials>, Failure> {
    let token = match &arguments.pull_token {
        None if arguments.pull_token_stdin => {
            io::read_to_string(io::stdin()).map_err(|error| Complaint::new(MirrorError::Token(error)))?
        }
        None => return Ok(None),
        Some(token) => token.clone(),
    };
    let password = Secret::new(token.trim());
    Ok(Some(Credentials::Basic { username: TOKEN_FOR.1.to_owned(), password }))
}

/// A reference as people write it for images.
fn bare(reference: &Reference) -> String {
    reference.to_string().trim_start_matches("oci://").to_owned()
}

impl Advise for MirrorError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Destination(..) | Self::Source(..) => {
                "name a registry and a path: `registry.example.com/flux`".to_owned()
            }
            Self::Component { known, .. } => format!("it has {}", known.join(", ")),
            Self::Token(_) => return None,
            Self::OutOfTime(_) => "run it again, it goes on where it was; `--timeout` gives it more time".to_owned(),
            Self::Interrupted => "run it again, it goes on where it was".to_owned(),
        })
    }

    fn exit_code(&self) -> u8 {
        if matches!(self, Self::Interrupted) { 130 } else { 1 }
    }
}
