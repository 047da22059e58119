//! `flux-operator distro verify`.

use clap::Args;
use flux_operator_distro::{DistributionError, Location, PullError, Verified};

use crate::error::{Complaint, Failure};
use crate::registry::RegistryArgs;
use crate::ui;
use crate::usage::UsageError;

const EXAMPLES: &str = "\
Examples:
  # Is the artifact signed with our key
  flux-operator distro verify oci://registry.example.com/flux-manifests:latest --verify-key cosign.pub

  # Was an image signed by its own release workflow
  flux-operator distro verify oci://ghcr.io/fluxcd/source-controller:v1.9.4 --verify-trust-root trusted_root.json \\
    --verify-issuer https://token.actions.githubusercontent.com \\
    --verify-subject-regexp 'https://github.com/fluxcd/source-controller/.*'

  # Is the file that somebody sent what it should be
  flux-operator distro verify flux.tar --verify-key cosign.pub";

/// Tell whether somebody who is trusted signed an artifact, an image or a bundle.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// An `oci://` reference, or a file made by `distro bundle`.
    #[arg(value_name = "ARTIFACT")]
    artifact: Location,

    #[command(flatten)]
    registry: RegistryArgs,
}

/// Verifies signatures.
///
/// # Errors
/// Nobody who is trusted signed it.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Arguments { artifact, registry } = arguments;
    if !registry.asks_for_signatures() {
        let hint = "give `--verify-key FILE`, or `--verify-trust-root FILE` with an issuer and a subject";
        return Err(Complaint::new(UsageError::found("nobody is trusted", hint)).into());
    }
    let registries = registry.open()?;
    let artifacts = registries.artifacts();
    let refused = |error: PullError| Complaint::new(DistributionError::from(error));
    let (name, verified) = match artifact {
        Location::Registry(reference) => {
            let place = registries.place(reference)?;
            let asked = registries.wait(artifacts.verified(&place.reference, &place.credentials));
            let (digest, verified) = asked.map_err(refused)?;
            (reference.at(digest).to_string(), verified)
        }
        Location::Path(path) => {
            let opened = registries.wait(artifacts.open(path)).map_err(refused)?;
            (format!("{}@{}", path.display(), opened.digest()), opened.verified().cloned())
        }
    };
    let who = verified.as_ref().map(describe).unwrap_or_default();
    ui::done(format_args!("{name} is signed{who}"));
    Ok(())
}

fn describe(verified: &Verified) -> String {
    match verified {
        Verified::Key { fingerprint } => format!(" with the key {fingerprint}"),
        Verified::Identity { issuer, subject, signed_at } => {
            format!(" by {subject}, of {issuer}, at {signed_at}")
        }
    }
}
