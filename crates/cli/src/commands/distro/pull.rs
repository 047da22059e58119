//! `flux-operator distro pull`.

use std::path::PathBuf;

use clap::Args;
use flux_operator_distro::{DistributionError, Reference, UnpackError};

use crate::error::{Advise, Complaint, Failure};
use crate::registry::RegistryArgs;
use crate::ui;

const EXAMPLES: &str = "\
Examples:
  # Look at what the operator would install from
  flux-operator distro pull oci://ghcr.io/controlplaneio-fluxcd/flux-operator-manifests --output ./manifests";

/// Unpack a distribution from a registry into a directory.
///
/// Everything is compared with its digest before it is read. Either all files are written or none.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The artifact, such as `oci://ghcr.io/org/flux-manifests:latest`.
    #[arg(value_name = "ARTIFACT", value_parser = Reference::parse_bare)]
    artifact: Reference,

    /// Write into this directory, which has to be empty or not there.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,

    #[command(flatten)]
    registry: RegistryArgs,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { artifact, output, registry } = arguments;
    let registries = registry.open()?;
    let place = registries.place(&artifact)?;
    let artifacts = registries.artifacts();
    let pulled = registries.wait(artifacts.pull(&place.reference, &place.credentials));
    let pulled = pulled.map_err(|error| Complaint::new(DistributionError::from(error)))?;
    pulled.unpack(&output).map_err(Complaint::new)?;
    ui::done(format_args!("pulled {} to {}", artifact.at(pulled.digest()), output.display()));
    Ok(())
}

impl Advise for UnpackError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotEmpty(_) => Some("name a directory that is not there yet".to_owned()),
            Self::File { .. } | Self::Archive(_) => None,
        }
    }
}
