//! `flux-operator distro bundle`.

use std::path::PathBuf;

use clap::Args;
use flux_operator_distro::{CopyError, DistributionError, Reference};

use crate::error::{Advise, Complaint, Failure};
use crate::registry::{self, RegistryArgs};
use crate::ui;

const EXAMPLES: &str = "\
Examples:
  # Carry a distribution to a place without a network
  flux-operator distro bundle oci://ghcr.io/controlplaneio-fluxcd/flux-operator-manifests --output flux.tar

  # Use it there
  flux-operator build instance -f flux.yaml --distribution flux.tar
  flux-operator-controller --storage-path flux.tar";

/// Write a distribution from a registry into one file.
///
/// The file holds the manifests, the digests of the images and the signatures of the artifact. It is an
/// OCI image layout in a tar archive, which other tools read too. `--distribution` takes it, and so
/// does `--storage-path` of the operator.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The artifact, such as `oci://ghcr.io/org/flux-manifests:latest`.
    #[arg(value_name = "ARTIFACT", value_parser = Reference::parse_bare)]
    artifact: Reference,

    /// Write this file, in the place of one that is there.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    #[command(flatten)]
    registry: RegistryArgs,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { artifact, output, registry } = arguments;
    let registries = registry.open()?;
    let mut place = registries.place(&artifact)?;
    if registries.asks_for_signatures() {
        // What is bundled is what was verified, whatever happens to the tag meanwhile.
        let artifacts = registries.artifacts();
        let verified = registries.wait(artifacts.verified(&place.reference, &place.credentials));
        let (digest, _) = verified.map_err(|error| Complaint::new(DistributionError::from(error)))?;
        place.reference = place.reference.at(digest);
    }
    let digest = registries.wait(registries.client().bundle(&place, &output)).map_err(Complaint::new)?;
    ui::done(format_args!("bundled {} in {}", artifact.at(digest), output.display()));
    Ok(())
}

impl Advise for CopyError {
    fn hint(&self) -> Option<String> {
        registry::hint(self)
    }
}
