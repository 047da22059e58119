//! `flux-operator diff instance`.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::commands::plan::{differences, mark, predict};
use crate::distribution::DistributionArgs;
use crate::error::{Complaint, Failure};
use crate::globals::Globals;
use crate::output;
use crate::usage::UsageError;

pub(super) const EXAMPLES: &str = "\
Examples:
  # What would this instance change?
  flux-operator diff instance -f flux.yaml --distribution ./distribution

  # Has anything drifted from what the cluster was told?
  kubectl get fluxinstance flux -n flux-system -o yaml |
    flux-operator diff instance -f - --distribution ./distribution";

/// Which instance to compare with the cluster.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The file with the FluxInstance; `-` for stdin.
    #[arg(short, long, alias = "file", value_name = "FILE")]
    filename: Option<PathBuf>,

    #[command(flatten)]
    distribution: DistributionArgs,
}

/// Prints the objects and fields that would change.
///
/// # Errors
/// As those of `plan`.
pub(super) fn run(arguments: &Arguments, globals: &Globals, stdout: &mut dyn Write) -> Result<(), Failure> {
    let Some(filename) = &arguments.filename else {
        let hint = "name the file with the FluxInstance: `-f flux.yaml`";
        return Err(Complaint::new(UsageError::found("--filename is required", hint)).into());
    };
    let prediction = predict(filename, &arguments.distribution, globals)?;
    let mut text = String::new();
    for line in &prediction.assessment.lines {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "► {} {}", line.object, mark(line.effect));
        text.push_str(&differences(&line.differences, "  "));
    }
    output::write(stdout, &text)?;
    prediction.end()
}
