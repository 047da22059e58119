//! `flux-operator build instance`.

mod renderer;

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::distribution::DistributionArgs;
use crate::error::{Complaint, Failure};
use crate::inputs::{self, counted};
use crate::output_dir::{self, Staging};
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
    distribution: DistributionArgs,
}

/// Renders instances to stdout or to files.
///
/// # Errors
/// Everything that is wrong with any of the inputs, then everything that is wrong with the
/// distribution, then every instance that cannot be rendered.
pub(crate) fn run(arguments: Arguments, stdout: &mut dyn Write) -> Result<(), Failure> {
    let Arguments { filename, output, output_dir, distribution } = arguments;
    require(&filename, &distribution)?;
    let instances = inputs::read(&filename, output_dir.as_deref())?;
    let paths = match &output_dir {
        Some(output_dir) => output_dir::assign(output_dir, &instances, output.ending())?,
        None => Vec::new(),
    };
    let distribution = distribution.open()?;
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
fn require(filename: &[PathBuf], distribution: &DistributionArgs) -> Result<(), Failure> {
    let mut complaints = Vec::new();
    if filename.is_empty() {
        complaints.push(Complaint::new(UsageError::found(
            "--filename is required",
            "name a file or a directory with FluxInstances, or `-` for stdin: `-f flux.yaml`",
        )));
    }
    complaints.extend(distribution.location().err());
    Failure::check(complaints)
}
