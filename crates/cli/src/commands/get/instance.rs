//! `flux-operator get instance`.

use std::io::Write;

use clap::Args;
use flux_operator_api::Object;
use jiff::Timestamp;

use super::listing::{Columns, ListFlags, Listing};
use crate::cluster::{Cluster, Scope, ServedKind, Span, on_cluster};
use crate::error::Failure;
use crate::globals::Globals;
use crate::kinds::INSTANCE;
use crate::output;
use crate::readiness::condition;
use crate::view;

const EXAMPLES: &str = "\
Examples:
  # Every FluxInstance of the cluster
  flux-operator get instance

  # One of them, whole
  flux-operator get instance flux -n flux-system -o yaml

  # What changes from now on
  flux-operator get instance --watch";

/// List FluxInstances: how many objects they have, and whether they are ready.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The instance; without it, all of them.
    name: Option<String>,

    #[command(flatten)]
    flags: ListFlags,

    /// Go on, and print what changes.
    #[arg(short, long)]
    watch: bool,
}

/// Lists the instances.
///
/// # Errors
/// The cluster cannot be asked.
pub(crate) fn run(arguments: Arguments, globals: &Globals, stdout: &mut dyn Write) -> Result<(), Failure> {
    let Arguments { name, flags, watch } = arguments;
    let span = if watch { Span::Endless } else { Span::Limited };
    on_cluster(globals, span, async |cluster: Cluster| {
        // Without a namespace, the instance is wherever it is: there is one in a cluster.
        let scope = flags.all_namespaces.scope(&cluster, !cluster.namespace_is_explicit);
        let listing = Listing {
            kinds: vec![ServedKind::known(INSTANCE)],
            columns: Instances { with_namespace: scope == Scope::All, now: Timestamp::now() },
            scope,
            flags,
            name,
        };
        if watch {
            return listing.watch(&cluster, stdout).await;
        }
        let objects = listing.objects(&cluster).await?;
        output::write(stdout, &listing.text(objects)).map(drop)
    })
}

struct Instances {
    with_namespace: bool,
    now: Timestamp,
}

impl Columns for Instances {
    fn headers(&self, is_wide: bool) -> Vec<&'static str> {
        let mut headers = vec!["name", "resources", "ready", "message", "last reconciled"];
        if self.with_namespace {
            headers.insert(0, "namespace");
        }
        if is_wide {
            headers.extend(["revision", "age"]);
        }
        headers
    }

    fn cells(&self, object: &Object, is_wide: bool) -> Vec<String> {
        let mut cells = vec![
            object.name().to_owned(),
            view::count(object, "/status/inventory/entries"),
            view::ready_status(object),
            condition(object, "Ready").map(|ready| ready.message).unwrap_or_default(),
            view::last_reconciled(object),
        ];
        if self.with_namespace {
            cells.insert(0, object.namespace().unwrap_or_default().to_owned());
        }
        if is_wide {
            cells.extend(view::wide_cells(object, self.now));
        }
        cells
    }
}
