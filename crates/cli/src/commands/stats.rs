//! `flux-operator stats`.

use std::io::Write;

use clap::Args;
use flux_operator_api::{Object, ReportedReconciler, ReportedStats};

use crate::cluster::{Cluster, Span, on_cluster};
use crate::error::{Advise, Complaint, Failure};
use crate::globals::Globals;
use crate::output;
use crate::table::Table;

const EXAMPLES: &str = "\
Examples:
  # How many objects of each kind run, fail or are suspended
  flux-operator stats";

/// Count the objects of Flux in all namespaces: running, failing, suspended.
///
/// The report of the operator has the figures. Where there is none, the objects are counted.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {}

/// Nothing to count.
#[derive(Debug, thiserror::Error)]
#[error("the cluster has no kinds of Flux")]
struct NothingToCount;

/// Prints the figures.
///
/// # Errors
/// The cluster cannot be asked, or has no Flux.
pub(crate) fn run(_: &Arguments, globals: &Globals, stdout: &mut dyn Write) -> Result<(), Failure> {
    on_cluster(globals, Span::Limited, async |cluster: Cluster| {
        let report = cluster.report().await?;
        let mut reconcilers = report.as_ref().map(reported).unwrap_or_default();
        if reconcilers.is_empty() {
            reconcilers = cluster.observed_reconcilers().await?;
        }
        if reconcilers.is_empty() {
            return Err(Complaint::new(NothingToCount).into());
        }
        let mut table = Table::new(["reconcilers", "running", "failing", "suspended", "storage"]);
        for ReportedReconciler { kind, stats, .. } in reconcilers {
            let ReportedStats { running, failing, suspended, total_size } = stats.unwrap_or_default();
            let size = total_size.unwrap_or_else(|| "-".to_owned());
            table.push([kind, running.to_string(), failing.to_string(), suspended.to_string(), size]);
        }
        output::write(stdout, &table.text()).map(drop)
    })
}

/// What a report says; nothing where it cannot be read.
fn reported(report: &Object) -> Vec<ReportedReconciler> {
    let reconcilers = report.pointer("/spec/reconcilers").cloned().unwrap_or_default();
    serde_json::from_value(reconcilers).unwrap_or_default()
}

impl Advise for NothingToCount {
    fn hint(&self) -> Option<String> {
        Some("`flux-operator get instance` tells whether Flux is about to be installed".to_owned())
    }
}
