//! `flux-operator distro mirror`.

use std::collections::BTreeSet;
use std::io;

use clap::Args;
use flux_operator_api::Variant;
use flux_operator_builder::{ReleaseImage, VersionRange};
use flux_operator_distro::credentials::{Credentials, Secret};
use flux_operator_distro::{
    Copied, CopyProgress, DistributionError, Existing, Location, Place, Reference, ReferenceError,
};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use tokio::time::{Duration, interval};

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
  flux-operator distro mirror registry.example.com/flux --immutable --distribution flux.tar";

/// Where the images of a variant are published.
const REGISTRIES: &[(Variant, &str)] = &[
    (Variant::UpstreamAlpine, "ghcr.io/fluxcd"),
    (Variant::EnterpriseAlpine, "ghcr.io/controlplaneio-fluxcd/alpine"),
    (Variant::EnterpriseDistroless, "ghcr.io/controlplaneio-fluxcd/distroless"),
    (Variant::EnterpriseDistrolessFips, "ghcr.io/controlplaneio-fluxcd/distroless-fips"),
];

/// The registry that `--pull-token` is for, and the user that it is the password of.
const TOKEN_FOR: (&str, &str) = ("ghcr.io", "flux");
/// Copies take longer than other commands.
const AT_LEAST: Duration = Duration::from_secs(600);

/// Copy a distribution and the images of a Flux version to another registry.
///
/// Images are copied by digest with all their platforms and signatures. What is there is not sent
/// again, so that a mirror that was broken off goes on where it was. `spec.distribution.registry` of
/// a FluxInstance then names the destination.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
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

    /// Copy the artifact as well, where `--distribution` names one in a registry.
    #[arg(long, value_name = "BOOL", default_value_t = true, default_missing_value = "true", num_args = 0..=1,
        require_equals = true, action = clap::ArgAction::Set)]
    include_artifact: bool,

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

/// Something to copy.
struct Job {
    source: Reference,
    destination: Reference,
}

/// A mirror that cannot be made.
#[derive(Debug, thiserror::Error)]
enum MirrorError {
    #[error("`{0}` is no registry and path to copy to")]
    Destination(String, #[source] ReferenceError),
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
    let token = token(arguments)?;
    let distribution = Distribution::open(&arguments.distribution, &arguments.registry.without_trust())?;
    let (_, images) = list::images(&distribution, &arguments.version, arguments.variant)?;
    let jobs = jobs(arguments, &distribution, &images)?;
    if arguments.dry_run {
        for job in &jobs {
            ui::remark(&format!("✎ {} → {} (dry-run)", bare(&job.source), bare(&job.destination)));
        }
        ui::done(format_args!("Dry-run complete: {} image(s) would be processed", jobs.len()));
        return Ok(());
    }
    let registries = arguments.registry.open()?;
    let limit = globals.timeout.max(AT_LEAST);
    registries.wait(async {
        tokio::select! {
            mirrored = mirror(&registries, &jobs, arguments.immutable, token.as_ref()) => mirrored,
            () = tokio::time::sleep(limit) => Err(Complaint::new(MirrorError::OutOfTime(limit)).into()),
            _ = tokio::signal::ctrl_c() => Err(Complaint::new(MirrorError::Interrupted).into()),
        }
    })
}

async fn mirror(
    registries: &Registries,
    jobs: &[Job],
    immutable: bool,
    token: Option<&Credentials>,
) -> Result<(), Failure> {
    let artifacts = registries.artifacts();
    let (mut copied, mut skipped, mut by_digest) = (0, 0, 0);
    for job in jobs {
        let mut source = registries.place(&job.source)?;
        if let Some(token) = token.filter(|_| source.reference.host() == TOKEN_FOR.0) {
            source.credentials = token.clone();
        }
        if registries.asks_for_signatures() {
            let verified = artifacts.verified(&source.reference, &source.credentials).await;
            let (digest, _) = verified.map_err(|error| Complaint::new(DistributionError::from(error)))?;
            ui::done(format_args!("{}", bare(&source.reference)));
            source.reference = source.reference.at(digest);
        }
        let destination = registries.place(&job.destination)?;
        let existing =
            if immutable { Existing::KeepAndTag { now: Timestamp::now().as_second() } } else { Existing::Overwrite };
        let (from, to) = (bare(&job.source), bare(&job.destination));
        match copy(registries, &source, &destination, existing).await? {
            Copied::Copied => {
                copied += 1;
                ui::remark(&format!("→ {from} → {to} (copied)"));
            }
            Copied::Overwritten => {
                copied += 1;
                ui::remark(&format!("→ {from} → {to} (overwritten)"));
            }
            Copied::Beside(beside) => {
                by_digest += 1;
                ui::remark(&format!("→ {from} → {} (copied by digest)", bare(&beside)));
            }
            Copied::UpToDate => {
                skipped += 1;
                ui::remark(&format!("≡ {to} (skipped: up-to-date)"));
            }
            Copied::AlreadyPresent => {
                skipped += 1;
                ui::remark(&format!("≡ {to} (skipped: digest already present)"));
            }
        }
    }
    ui::done(format_args!("Mirror complete: {copied} copied, {skipped} skipped, {by_digest} copied by digest"));
    Ok(())
}

/// Copies one thing, with a bar that says how far it is.
async fn copy(
    registries: &Registries,
    source: &Place,
    destination: &Place,
    existing: Existing,
) -> Result<Copied, Failure> {
    let progress = CopyProgress::default();
    let bar = ui::may_show_progress(false).then(|| {
        let style = ProgressStyle::with_template("◎ {msg} [{bar:30}] {bytes}/{total_bytes}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ");
        ProgressBar::new(0).with_style(style).with_message(bare(&destination.reference))
    });
    let mut ticks = interval(Duration::from_millis(100));
    let copying = registries.client().copy(source, destination, existing, &progress);
    tokio::pin!(copying);
    let copied = loop {
        tokio::select! {
            copied = &mut copying => break copied,
            _ = ticks.tick() => if let Some(bar) = &bar {
                let (done, known) = progress.bytes();
                bar.set_length(known);
                bar.set_position(done);
            },
        }
    };
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    Ok(copied.map_err(Complaint::new)?)
}

/// What to copy, in order: the artifact, then the components.
fn jobs(arguments: &Arguments, distribution: &Distribution, images: &[ReleaseImage]) -> Result<Vec<Job>, Failure> {
    let destination = arguments.destination.trim_end_matches('/');
    let to = |name: &str| {
        let parsed = Reference::parse_bare(&format!("{destination}/{name}"));
        parsed.map_err(|error| Complaint::new(MirrorError::Destination(arguments.destination.clone(), error)))
    };
    let mut jobs = Vec::new();
    if let (true, Location::Registry(reference), Some(digest)) =
        (arguments.include_artifact, &arguments.distribution, distribution.digest())
    {
        let name = reference.repository().rsplit('/').next().unwrap_or_default();
        let destination = to(&format!("{name}:{}", reference.tag().unwrap_or("latest")))?;
        jobs.push(Job { source: reference.at(digest), destination });
    }
    let published = REGISTRIES.iter().find(|(variant, _)| *variant == arguments.variant).map_or("", |(_, at)| at);
    let registry = arguments.source.as_deref().unwrap_or(published);
    let known: Vec<String> = images.iter().map(|image| image.component.clone()).collect();
    if let Some(unknown) = arguments.components.iter().find(|component| !known.contains(component)) {
        let (component, variant) = (unknown.clone(), arguments.variant);
        return Err(Complaint::new(MirrorError::Component { component, variant, known }).into());
    }
    let wanted: BTreeSet<&String> = arguments.components.iter().collect();
    for image in images.iter().filter(|image| wanted.is_empty() || wanted.contains(&image.component)) {
        let name = format!("{}:{}", image.component, image.tag);
        let source = Reference::parse_bare(&format!("{}/{name}", registry.trim_end_matches('/')));
        let source = source.map_err(|error| Complaint::new(MirrorError::Destination(registry.to_owned(), error)))?;
        let source = image.digest.map_or(source.clone(), |digest| source.at(digest));
        jobs.push(Job { source, destination: to(&name)? });
    }
    Ok(jobs)
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
            Self::Destination(..) => "name a registry and a path: `registry.example.com/flux`".to_owned(),
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
