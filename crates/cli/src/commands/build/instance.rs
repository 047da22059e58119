//! `flux-operator build instance`.

mod renderer;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use flux_operator_distro::{Location, ReferenceError};

use crate::distribution::Distribution;
use crate::error::{Complaint, Failure};
use crate::inputs::{self, counted};
use crate::output_dir::{self, Staging};
use crate::registry::RegistryArgs;
use crate::render::Format;
use crate::ui;
use crate::usage::UsageError;
use renderer::{Job, Renderer};

const EXAMPLES: &str = "\
Examples:
  # Render one instance with the distribution of this repository
  flux-operator build instance -f flux.yaml --distribution testdata/distribution

  # See what an upgrade of the distribution would change in the cluster
  flux-operator build instance -f flux.yaml --distribution ./new |
    kubectl diff --server-side --field-manager=flux-operator -f -

  # Render what the cluster has been told
  kubectl get fluxinstance flux -n flux-system -o yaml | flux-operator build instance -f -

  # Render a fleet, one file a cluster
  flux-operator build instance -f clusters/ --output-dir rendered/

  # List the images that are needed
  flux-operator build instance -f flux.yaml -o json | jq -r '.. | .image? // empty'";

/// Render the Kubernetes objects of a FluxInstance.
///
/// Print exactly the objects that the operator applies, without a cluster and without a network.
/// Inputs are checked first, all of them, and everything that is wrong is reported at once.
#[derive(Debug, Args)]
#[command(
    override_usage = "flux-operator build instance -f FILE --distribution DIR [flags]",
    after_help = EXAMPLES
)]
pub struct Arguments {
    /// Read a file, a directory, or `-` for stdin; repeat the flag for more.
    ///
    /// A file holds one or more YAML documents, each of them a FluxInstance. A directory is
    /// searched with everything below it for `*.yaml`, `*.yml` and `*.json`; hidden entries, linked
    /// directories and documents of other kinds are passed over.
    #[arg(short, long, alias = "file", value_name = "FILE")]
    filename: Vec<PathBuf>,

    /// Take the Flux versions from this directory, `oci://` reference, or file made by `distro bundle`.
    ///
    /// A directory holds the manifests in `flux/<version>/` and the image digests in
    /// `flux-images/<version>/`. Artifacts are kept in the cache of the user and only asked for again
    /// when they change.
    #[arg(long, value_name = "DISTRIBUTION", env = "FLUX_OPERATOR_DISTRIBUTION", hide_env_values = true)]
    distribution: Option<OsString>,

    /// Print objects in this format.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "yaml")]
    output: Format,

    /// Write a file for each instance into this directory, instead of printing.
    ///
    /// Files are named like the inputs, from the directory given with `--filename`; a second
    /// instance of a file gets `-2`. Either all files are written or none; other files are left
    /// alone.
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,

    #[command(flatten)]
    registry: RegistryArgs,
}

/// Renders instances to stdout or to files.
///
/// # Errors
/// Everything that is wrong with any of the inputs, then everything that is wrong with the
/// distribution, then every instance that cannot be rendered.
pub(crate) fn run(arguments: Arguments, stdout: &mut dyn Write) -> Result<(), Failure> {
    let Arguments { filename, distribution, output, output_dir, registry } = arguments;
    let location = require(&filename, distribution)?;
    let instances = inputs::read(&filename, output_dir.as_deref())?;
    let paths = match &output_dir {
        Some(output_dir) => output_dir::assign(output_dir, &instances, output.ending())?,
        None => Vec::new(),
    };
    let distribution = Distribution::open(&location, &registry)?;
    let versions = distribution.select(&instances)?;
    let releases = distribution.load(&versions)?;
    let jobs: Vec<Job<'_>> = instances
        .iter()
        .zip(versions)
        .filter_map(|(instance, version)| Some(Job { instance, release: releases.get(version)? }))
        .collect();
    let renderer = Renderer { format: output, distribution: &distribution };
    match output_dir {
        Some(output_dir) => {
            let staging = Staging::open(&output_dir).map_err(Complaint::new)?;
            renderer.stage(&jobs, &staging)?;
            staging.publish(&paths).map_err(Complaint::new)?;
            ui::done(format_args!("rendered {} to {}", counted(jobs.len(), "instance"), output_dir.display()));
            Ok(())
        }
        None => renderer.print(&jobs, stdout),
    }
}

/// Checks what the parser does not, to say how to go on.
fn require(filename: &[PathBuf], distribution: Option<OsString>) -> Result<Location, Failure> {
    let mut complaints = Vec::new();
    if filename.is_empty() {
        complaints.push(Complaint::new(UsageError::found(
            "--filename is required",
            "name a file or a directory with FluxInstances, or `-` for stdin: `-f flux.yaml`",
        )));
    }
    // A variable that is set to nothing is as good as none.
    let distribution = distribution.filter(|root| !root.is_empty());
    if distribution.is_none() {
        complaints.push(Complaint::new(UsageError::found(
            "--distribution is required",
            "give `--distribution DIR` or set `FLUX_OPERATOR_DISTRIBUTION`; \
             the directory holds `flux/<version>/` and `flux-images/<version>/`",
        )));
    }
    let location = distribution.map(location).transpose().map_err(|error| complaints.push(Complaint::new(error)));
    Failure::check(complaints)?;
    Ok(location.ok().flatten().unwrap_or(Location::Path(PathBuf::new())))
}

/// Paths need not be text; references are.
fn location(text: OsString) -> Result<Location, ReferenceError> {
    match text.to_str() {
        Some(text) => text.parse(),
        None => Ok(Location::Path(text.into())),
    }
}
