//! `flux-operator plan`.

mod cluster;
mod document;
mod markdown;
mod prediction;
mod render;
mod text;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use flux_operator_impact::{Surveys, assess};
use flux_operator_inventory::preview;
use serde_json::Value;

use crate::distribution::DistributionArgs;
use crate::error::{Complaint, Failure};
use crate::globals::Globals;
use crate::output::{self, DocumentFormat};
use crate::usage::UsageError;

pub(crate) use cluster::{predict, predict_instance};
pub(crate) use document::{Document, DocumentError};
pub(crate) use prediction::Prediction;
pub(crate) use render::Desired;
pub(crate) use text::{differences, mark};

const EXAMPLES: &str = "\
Examples:
  # What would this instance change in the cluster?
  flux-operator plan -f flux.yaml --distribution ./distribution

  # The same for a pull request, and a plan that can be carried out as it is
  flux-operator plan -f flux.yaml --distribution ./distribution -o markdown
  flux-operator plan -f flux.yaml --distribution ./distribution -o json > plan.json
  flux-operator apply --plan plan.json

  # Without a cluster: from one version of Flux to another
  flux-operator plan -f flux.yaml --from 2.8.8 --to 2.9.4 --distribution ./distribution

  # Without a cluster: from one instance to another
  flux-operator plan --from old.yaml --to new.yaml --distribution ./distribution";

const EXIT_CODES: &str = "\
Exit codes:
  0  nothing would change
  1  there is no plan
  2  something would change";

/// Say what an instance or a version of Flux would change, before it does.
///
/// Render the instance, have the API server try every object in a dry run, look at the custom
/// resources that are stored, and tell what is created, changed, replaced and pruned, what restarts,
/// which permissions grow, and what would break. Nothing is written.
#[derive(Debug, Args)]
#[command(
    override_usage = "flux-operator plan -f FILE --distribution DISTRIBUTION [--from A --to B] [flags]",
    after_help = EXAMPLES,
    after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}")
)]
pub struct Arguments {
    /// The file with the FluxInstance; `-` for stdin.
    #[arg(short, long, alias = "file", value_name = "FILE")]
    filename: Option<PathBuf>,

    /// Ask no cluster, and start from this version of Flux, or from the instance in this file.
    #[arg(long, value_name = "VERSION|FILE", requires = "to")]
    from: Option<String>,

    /// Ask no cluster, and go to this version of Flux, or to the instance in this file.
    #[arg(long, value_name = "VERSION|FILE", requires = "from")]
    to: Option<String>,

    #[command(flatten)]
    distribution: DistributionArgs,

    /// Print the plan in this format.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "text")]
    output: Format,
}

/// How a plan is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs, and for `flux-operator apply --plan`.
    Json,
    /// For pull requests.
    Markdown,
}

/// Predicts, and prints it.
///
/// # Errors
/// The instance or the distribution is wrong, or the cluster cannot be asked; also that something
/// would change.
pub(crate) fn run(arguments: &Arguments, globals: &Globals, stdout: &mut dyn Write) -> Result<(), Failure> {
    let prediction = if let (Some(from), Some(to)) = (&arguments.from, &arguments.to) {
        offline(arguments, from, to)?
    } else {
        let filename = arguments.filename.as_deref().ok_or_else(|| Complaint::new(no_file()))?;
        predict(filename, &arguments.distribution, globals)?
    };
    let text = match arguments.output {
        Format::Text => text::plan(&prediction),
        Format::Markdown => markdown::plan(&prediction),
        Format::Json => output::document(&Document::of(&prediction).into_value(), DocumentFormat::Json),
    };
    output::write_colored(stdout, &text)?;
    prediction.end()
}

fn offline(arguments: &Arguments, from: &str, to: &str) -> Result<Prediction, Failure> {
    let distribution = arguments.distribution.open()?;
    let side = |side: &str| -> Result<Desired, Failure> {
        if !Path::new(side).exists()
            && let Ok(version) = format!("v{}", side.trim_start_matches('v')).parse()
        {
            let filename = arguments.filename.as_deref().ok_or_else(|| Complaint::new(no_file()))?;
            return Desired::of_version(filename, &version, &distribution);
        }
        Desired::read(Path::new(side), &distribution, None)
    };
    let (before, after) = (side(from)?, side(to)?);
    let foreseen = preview::between(&before.objects, &after.objects);
    let assessment = assess(&foreseen, &Surveys::new(), after.migrates);
    Ok(Prediction { from: Some(before.revision), desired: after, assessment, cluster: None, instance: Value::Null })
}

fn no_file() -> UsageError {
    UsageError::found("--filename is required", "name the file with the FluxInstance: `-f flux.yaml`")
}
