//! `flux-operator stats`.

use std::io::Write;

use clap::Args;
use flux_operator_api::Object;
use serde_json::Value;

use crate::cluster::{Cluster, Scope, ServedKind, Span, on_cluster};
use crate::error::{Advise, Complaint, Failure};
use crate::globals::Globals;
use crate::kinds::{CATALOGUE, FluxKind, belongs_to_flux};
use crate::output;
use crate::readiness::{condition, is_suspended};
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
        let mut rows = report.as_ref().map(reported).unwrap_or_default();
        if rows.is_empty() {
            rows = counted(&cluster).await?;
        }
        if rows.is_empty() {
            return Err(Complaint::new(NothingToCount).into());
        }
        let mut table = Table::new(["reconcilers", "running", "failing", "suspended", "storage"]);
        for row in rows {
            table.push(row);
        }
        output::write(stdout, &table.text()).map(drop)
    })
}

fn reported(report: &Object) -> Vec<[String; 5]> {
    let reconcilers = report.pointer("/spec/reconcilers").and_then(Value::as_array);
    let row = |reconciler: &Value| {
        let count = |field: &str| reconciler.pointer(&format!("/stats/{field}")).and_then(Value::as_i64);
        let count = |field| count(field).unwrap_or(0).to_string();
        let size = reconciler.pointer("/stats/totalSize").and_then(Value::as_str).filter(|size| !size.is_empty());
        let kind = reconciler.get("kind").and_then(Value::as_str)?.to_owned();
        Some([kind, count("running"), count("failing"), count("suspended"), size.unwrap_or("-").to_owned()])
    };
    reconcilers.into_iter().flatten().filter_map(row).collect()
}

async fn counted(cluster: &Cluster) -> Result<Vec<[String; 5]>, Failure> {
    let discovery = cluster.discover().await?;
    let is_flux = |kind: &&FluxKind| kind.group != flux_operator_api::identity::GROUP && belongs_to_flux(kind.group);
    let served = |kind: &FluxKind| discovery.find(kind.group, kind.kind).cloned();
    let kinds: Vec<ServedKind> = CATALOGUE.iter().filter(is_flux).filter_map(served).collect();
    let objects = cluster.list_all(&kinds, &Scope::All).await?;
    let row = |kind: &ServedKind| {
        let of_kind: Vec<_> = objects.iter().filter(|object| object.kind() == kind.kind).collect();
        let count = |holds: &dyn Fn(&Object) -> bool| of_kind.iter().filter(|object| holds(object)).count();
        let suspended = count(&is_suspended);
        let failing = count(&|object| condition(object, "Ready").is_some_and(|ready| ready.status == "False"));
        let size = of_kind.iter().filter_map(|object| object.pointer("/status/artifact/size")?.as_u64()).sum();
        let running = of_kind.len() - suspended;
        [kind.kind.clone(), running.to_string(), failing.to_string(), suspended.to_string(), human(size)]
    };
    Ok(kinds.iter().map(row).collect())
}

/// A size as people read it: `512 B`, `1.5 KiB`, and `-` for nothing.
fn human(bytes: u64) -> String {
    if bytes == 0 {
        return "-".to_owned();
    }
    let mut unit = 1_u64;
    for name in ["B", "KiB", "MiB", "GiB"] {
        if bytes < unit.saturating_mul(1024) || name == "GiB" {
            let tenths = bytes.saturating_mul(10) / unit;
            return if unit == 1 {
                format!("{bytes} {name}")
            } else {
                format!("{}.{} {name}", tenths / 10, tenths % 10)
            };
        }
        unit = unit.saturating_mul(1024);
    }
    String::new()
}

impl Advise for NothingToCount {
    fn hint(&self) -> Option<String> {
        Some("`flux-operator get instance` tells whether Flux is about to be installed".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::human;

    #[test]
    fn sizes_are_for_people() {
        for (bytes, expected) in
            [(0, "-"), (512, "512 B"), (1536, "1.5 KiB"), (5 << 20, "5.0 MiB"), (3 << 40, "3072.0 GiB")]
        {
            assert_eq!(human(bytes), expected);
        }
    }
}
