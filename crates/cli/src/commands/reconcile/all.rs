//! `flux-operator reconcile all`.

use std::collections::BTreeSet;
use std::io::Write;

use clap::Args;
use flux_operator_api::Object;
use futures::StreamExt as _;

use crate::cluster::{Cluster, ServedKind, Span, WINDOW, on_cluster};
use crate::error::{Advise, Complaint, Failure};
use crate::flags::{AllNamespaces, ReadyStatus};
use crate::globals::Globals;
use crate::kinds::{self, FluxKind};
use crate::output;
use crate::readiness::is_suspended;
use crate::sources;
use crate::usage::UsageError;
use crate::view;

const EXAMPLES: &str = "\
Examples:
  # Retry every HelmRelease that failed, and wait for all of them
  flux-operator reconcile all --kind hr --ready-status False -A --wait

  # Fetch all sources of the Kustomizations of a namespace, then apply
  flux-operator reconcile all --kind ks -n apps --with-source";

/// Reconcile every object of a kind, several at a time.
///
/// Suspended objects are passed over. The objects that were asked are printed, one a line.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The kind: kind, plural or short name, in any case.
    #[arg(long, value_name = "KIND")]
    kind: Option<&'static FluxKind>,

    #[command(flatten)]
    all_namespaces: AllNamespaces,

    /// Only objects whose `Ready` is so.
    #[arg(long, value_enum, ignore_case = true, value_name = "STATUS")]
    ready_status: Option<ReadyStatus>,

    /// Have their sources fetched first, each once.
    #[arg(long)]
    with_source: bool,

    /// Have HelmReleases install or upgrade although nothing changed.
    #[arg(long)]
    force: bool,

    /// Wait for the results.
    #[arg(long)]
    wait: bool,
}

/// Nothing to reconcile.
#[derive(Debug, thiserror::Error)]
#[error("no {plural} to reconcile {place}")]
struct Nothing {
    plural: &'static str,
    place: String,
}

/// Asks the controllers, and waits if that is wanted.
///
/// # Errors
/// Every object that could not be asked or failed; that there is none.
pub(crate) fn run(arguments: &Arguments, globals: &Globals, stdout: &mut dyn Write) -> Result<(), Failure> {
    let Some(flux_kind) = arguments.kind.filter(|kind| kind.is_reconciled) else {
        let text = match arguments.kind {
            Some(kind) => format!("`{}` is never reconciled", kind.kind),
            None => "--kind is required".to_owned(),
        };
        let hint = format!("choose one of {}", kinds::listed(|kind| kind.is_reconciled));
        return Err(Complaint::new(UsageError::found(text, hint)).into());
    };
    on_cluster(globals, Span::Limited, async |cluster: Cluster| {
        let kind = &cluster.served(flux_kind).await?;
        let scope = arguments.all_namespaces.scope(&cluster, false);
        let mut objects = cluster.list_all(std::slice::from_ref(kind), &scope).await?;
        objects.retain(|object| {
            let wanted = arguments.ready_status;
            !is_suspended(object) && wanted.is_none_or(|wanted| wanted.is(&view::ready_status(object)))
        });
        if objects.is_empty() {
            return Err(Complaint::new(Nothing { plural: flux_kind.plural, place: scope.words() }).into());
        }
        if arguments.with_source {
            fetch_sources(&cluster, &objects).await?;
        }
        let mut complaints = Vec::new();
        let asked = objects.iter().map(|object| ask(&cluster, kind, object, arguments));
        let mut asked = futures::stream::iter(asked).buffered(WINDOW);
        let mut objects = objects.iter();
        while let (Some(result), Some(object)) = (asked.next().await, objects.next()) {
            match result {
                Ok(()) => drop(output::write(stdout, &format!("{}\n", object.id()))?),
                Err(failure) => complaints.extend(failure.into_complaints()),
            }
        }
        Failure::check(complaints)
    })
}

async fn ask(cluster: &Cluster, kind: &ServedKind, object: &Object, arguments: &Arguments) -> Result<(), Failure> {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name());
    let token = match cluster.request(kind, object, arguments.force).await {
        Ok(token) => token,
        Err(error) => {
            cluster.story.failed(format_args!("Failed to annotate {namespace}/{name}"));
            return Err(error.into());
        }
    };
    cluster.story.done(format_args!("Reconciliation triggered for {namespace}/{name}"));
    if arguments.wait {
        let message = cluster.ready(kind, namespace, name, Some(&token)).await?;
        cluster.story.done(format_args!("{namespace}/{name}: {message}"));
    }
    Ok(())
}

/// Every source once, a few at a time.
async fn fetch_sources(cluster: &Cluster, objects: &[Object]) -> Result<(), Failure> {
    let sources: BTreeSet<_> = objects.iter().filter_map(sources::source).collect();
    let fetched = sources.iter().map(|source| cluster.reconcile_source(source));
    let mut fetched = futures::stream::iter(fetched).buffered(WINDOW);
    let mut complaints = Vec::new();
    while let Some(result) = fetched.next().await {
        complaints.extend(result.err().into_iter().flat_map(Failure::into_complaints));
    }
    Failure::check(complaints)
}

impl Advise for Nothing {
    fn hint(&self) -> Option<String> {
        Some("suspended objects are passed over; look in every namespace with `-A`".to_owned())
    }
}
