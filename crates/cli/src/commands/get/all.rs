//! `flux-operator get all`.

use std::io::Write;

use clap::Args;
use flux_operator_api::Object;
use jiff::Timestamp;
use serde_json::Value;

use super::listing::{Columns, ListFlags, Listing};
use crate::cluster::{Cluster, Span, on_cluster};
use crate::error::{Advise, Complaint, Failure};
use crate::flags::ReadyStatus;
use crate::globals::Globals;
use crate::kinds::{CATALOGUE, FluxKind};
use crate::output::{self, DocumentFormat, ListFormat};
use crate::view::{self, Row};

const EXAMPLES: &str = "\
Examples:
  # Everything of Flux in the cluster
  flux-operator get all -A

  # What is not well
  flux-operator get all -A --ready-status False

  # Some kinds, in the words of `kubectl`
  flux-operator get all -A --kind ks,hr -o wide

  # Have all of them reconciled
  flux-operator get all -A --kind hr -o name | xargs -n1 flux-operator reconcile resource";

/// List the objects of Flux and its operator in one table.
///
/// Kinds that the cluster does not have are passed over. Where nothing is found, the exit code is 1.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    flags: ListFlags,

    /// List these kinds: by kind, plural or short name, comma separated.
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    kind: Vec<&'static FluxKind>,

    /// List only objects whose `Ready` is so.
    #[arg(long, value_enum, ignore_case = true, value_name = "STATUS")]
    ready_status: Option<ReadyStatus>,

    /// Go on, and print what changes.
    #[arg(short, long)]
    watch: bool,
}

/// Nothing to list.
#[derive(Debug, thiserror::Error)]
#[error("no resources found {0}")]
struct NothingFound(String);

/// Lists the objects.
///
/// # Errors
/// The cluster cannot be asked, or there is nothing to list.
pub(crate) fn run(arguments: Arguments, globals: &Globals, stdout: &mut dyn Write) -> Result<(), Failure> {
    let Arguments { flags, kind, ready_status, watch } = arguments;
    let span = if watch { Span::Endless } else { Span::Limited };
    on_cluster(globals, span, async |cluster: Cluster| {
        let discovery = cluster.discover().await?;
        let wanted = |known: &&FluxKind| if kind.is_empty() { known.is_reconciled } else { kind.contains(known) };
        let served = |known: &FluxKind| discovery.find(known.group, known.kind).cloned();
        let listing = Listing {
            kinds: CATALOGUE.iter().filter(wanted).filter_map(served).collect(),
            scope: flags.all_namespaces.scope(&cluster, false),
            columns: Everything { ready_status, now: Timestamp::now() },
            flags,
            name: None,
        };
        if watch {
            return listing.watch(&cluster, stdout).await;
        }
        let objects = listing.objects(&cluster).await?;
        if objects.is_empty() {
            return Err(Complaint::new(NothingFound(listing.scope.words())).into());
        }
        let rows = || serde_json::to_value(objects.iter().map(Row::from).collect::<Vec<_>>()).unwrap_or(Value::Null);
        let text = match &listing.flags.output {
            ListFormat::Json => output::json_line(&rows()),
            ListFormat::Yaml => output::document(&rows(), DocumentFormat::Yaml),
            ListFormat::JsonPath(template) => template.render(&rows()),
            _ => listing.text(objects),
        };
        output::write(stdout, &text).map(drop)
    })
}

struct Everything {
    ready_status: Option<ReadyStatus>,
    now: Timestamp,
}

impl Columns for Everything {
    fn headers(&self, is_wide: bool) -> Vec<&'static str> {
        let mut headers = vec!["kind", "name", "last reconciled", "ready", "message"];
        if is_wide {
            headers.extend(["revision", "age"]);
        }
        headers
    }

    fn cells(&self, object: &Object, is_wide: bool) -> Vec<String> {
        let Row { kind, last_reconciled, message, name, ready } = Row::from(object);
        let mut cells = vec![kind, name, last_reconciled, ready, message];
        if is_wide {
            cells.extend(view::wide_cells(object, self.now));
        }
        cells
    }

    fn wants(&self, object: &Object) -> bool {
        self.ready_status.is_none_or(|wanted| wanted.is(&view::ready_status(object)))
    }
}

impl Advise for NothingFound {
    fn hint(&self) -> Option<String> {
        Some("look in every namespace with `-A`; `flux-operator check` tells what is installed".to_owned())
    }
}
