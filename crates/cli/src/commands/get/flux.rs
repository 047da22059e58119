//! `flux-operator get kustomizations` and its like: one kind in one table, with the columns that it has.

use std::io::Write;

use clap::Args;
use flux_operator_api::Object;
use jiff::Timestamp;

use super::columns::{self, Column};
use super::listing::{Columns, ListFlags, Listing};
use super::status::StatusSelector;
use crate::cluster::{Cluster, ClusterError, Scope, Span, on_cluster};
use crate::error::{Advise, Complaint, Failure};
use crate::globals::Globals;
use crate::kinds::FluxKind;
use crate::output::{self, ListFormat};
use crate::readiness::text;
use crate::view;

/// Two examples, for most kinds have the same.
macro_rules! examples {
    ($command:literal, $name:literal) => {
        concat!(
            "Examples:\n  # All of them\n  flux-operator get ",
            $command,
            " -A\n\n  # One, as it changes\n  \
             flux-operator get ",
            $command,
            " ",
            $name,
            " -n flux-system --watch"
        )
    };
}

pub(super) const KUSTOMIZATION_EXAMPLES: &str = "\
Examples:
  # What failed, with what it comes from
  flux-operator get ks -A --status-selector ready=false --show-source

  # One, as it changes
  flux-operator get kustomizations apps -n flux-system --watch";

pub(super) const HELM_RELEASE_EXAMPLES: &str = "\
Examples:
  # Those of a team, for a script
  flux-operator get hr -A -l team=a --no-header

  # One, whole
  flux-operator get helmreleases web -n apps -o yaml

  # A field of each
  flux-operator get hr -A -o jsonpath='{.items[*].metadata.name}'";

pub(super) const SOURCES_EXAMPLES: &str = "\
Examples:
  # All that could not be fetched
  flux-operator get sources all -A --status-selector ready=false";

pub(super) const IMAGES_EXAMPLES: &str = "\
Examples:
  # Repositories, policies and automations of a namespace
  flux-operator get images all -n flux-system";

pub(super) const GIT_EXAMPLES: &str = examples!("sources git", "flux-system");
pub(super) const OCI_EXAMPLES: &str = examples!("sources oci", "flux-system");
pub(super) const BUCKET_EXAMPLES: &str = examples!("sources bucket", "flux-system");
pub(super) const HELM_EXAMPLES: &str = examples!("sources helm", "charts");
pub(super) const CHART_EXAMPLES: &str = examples!("sources chart", "apps-web");
pub(super) const EXTERNAL_EXAMPLES: &str = examples!("sources external", "web");
pub(super) const REPOSITORY_EXAMPLES: &str = examples!("images repository", "web");
pub(super) const POLICY_EXAMPLES: &str = examples!("images policy", "web");
pub(super) const UPDATE_EXAMPLES: &str = examples!("images update", "flux-system");
pub(super) const GENERATOR_EXAMPLES: &str = examples!("artifacts generators", "web");
pub(super) const RECEIVER_EXAMPLES: &str = examples!("receivers", "github");
pub(super) const ALERT_EXAMPLES: &str = examples!("alerts", "chat");
pub(super) const PROVIDER_EXAMPLES: &str = examples!("alert-providers", "chat");

/// Which objects of one kind.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The object; without it, all of the kind.
    name: Option<String>,

    #[command(flatten)]
    flags: ListFlags,

    #[command(flatten)]
    selection: Selection,

    /// Go on, and print what changes.
    #[arg(short, long)]
    watch: bool,
}

/// Which objects that apply others.
#[derive(Debug, Args)]
pub struct Appliers {
    #[command(flatten)]
    arguments: Arguments,

    /// Also show what the objects get manifests or charts from.
    #[arg(long)]
    show_source: bool,
}

/// Which objects of several kinds.
#[derive(Debug, Args)]
pub struct Several {
    #[command(flatten)]
    flags: ListFlags,

    #[command(flatten)]
    selection: Selection,
}

/// Selecting by conditions.
#[derive(Debug, Args)]
struct Selection {
    /// List only objects with a condition like this, such as `ready=false`; `!=` for the others.
    #[arg(long, value_name = "TYPE=STATUS")]
    status_selector: Option<StatusSelector>,
}

/// Nothing to list.
#[derive(Debug, thiserror::Error)]
#[error("no {what} found {}", scope.words())]
struct NothingFound {
    what: String,
    scope: Scope,
}

/// Lists objects of one kind.
///
/// # Errors
/// The cluster cannot be asked, does not have the kind, or there is nothing to list.
pub(super) fn one(
    kind: &'static FluxKind,
    arguments: Arguments,
    globals: &Globals,
    stdout: &mut dyn Write,
) -> Result<(), Failure> {
    appliers(kind, Appliers { arguments, show_source: false }, globals, stdout)
}

/// Lists objects of one kind that may be shown with their sources.
///
/// # Errors
/// As above.
pub(super) fn appliers(
    kind: &'static FluxKind,
    appliers: Appliers,
    globals: &Globals,
    stdout: &mut dyn Write,
) -> Result<(), Failure> {
    let Appliers { arguments: Arguments { name, flags, selection, watch }, show_source } = appliers;
    let span = if watch { Span::Endless } else { Span::Limited };
    on_cluster(globals, span, async |cluster: Cluster| {
        let served = cluster.served(kind).await?;
        let scope = flags.all_namespaces.scope(&cluster, false);
        let columns = ColumnsOf {
            columns: columns::of(kind, show_source),
            namespace: scope == Scope::All,
            kind: None,
            selector: selection.status_selector,
            now: Timestamp::now(),
        };
        let listing = Listing { kinds: vec![served.clone()], scope, columns, flags, name };
        if watch {
            return listing.watch(&cluster, stdout).await;
        }
        let objects = listing.objects(&cluster).await?;
        if objects.is_empty() {
            return Err(match &listing.name {
                Some(name) if listing.scope != Scope::All => {
                    ClusterError::NotFound(served.id(cluster.namespace(), name).to_string()).into()
                }
                _ => nothing(kind.plural, listing.scope),
            });
        }
        output::write(stdout, &listing.text(objects)).map(drop)
    })
}

/// Lists objects of several kinds: a table for each that has some, or one list of all of them.
///
/// # Errors
/// The cluster cannot be asked, or there is nothing to list.
pub(super) fn several(
    kinds: &[&'static FluxKind],
    several: Several,
    globals: &Globals,
    stdout: &mut dyn Write,
) -> Result<(), Failure> {
    let Several { flags, selection } = several;
    on_cluster(globals, Span::Limited, async |cluster: Cluster| {
        let discovery = cluster.discover().await?;
        let scope = flags.all_namespaces.scope(&cluster, false);
        let served = |kind: &&'static FluxKind| Some((*kind, discovery.find(kind.group, kind.kind)?.clone()));
        let (known, served): (Vec<_>, Vec<_>) = kinds.iter().filter_map(served).unzip();
        let listing = |kind: &'static FluxKind| Listing {
            kinds: served.clone(),
            scope: scope.clone(),
            columns: ColumnsOf {
                columns: columns::of(kind, false),
                namespace: scope == Scope::All,
                kind: Some(kind),
                selector: selection.status_selector.clone(),
                now: Timestamp::now(),
            },
            flags: flags.clone(),
            name: None,
        };
        let first = known.first().map(|kind| listing(kind));
        let objects = match &first {
            Some(first) => first.objects(&cluster).await?,
            None => Vec::new(),
        };
        let Some(first) = first.filter(|_| !objects.is_empty()) else {
            let what: Vec<_> = kinds.iter().map(|kind| kind.plural).collect();
            return Err(nothing(&what.join(", "), scope));
        };
        let text = match flags.output {
            ListFormat::Table | ListFormat::Wide => {
                let of = |kind: &FluxKind| -> Vec<Object> {
                    objects.iter().filter(|object| object.kind() == kind.kind).cloned().collect()
                };
                let tables = known.iter().map(|kind| (listing(kind), of(kind)));
                let tables = tables.filter(|(_, objects)| !objects.is_empty());
                tables.map(|(listing, objects)| listing.text(objects) + "\n").collect()
            }
            _ => first.text(objects),
        };
        output::write(stdout, &text).map(drop)
    })
}

fn nothing(what: &str, scope: Scope) -> Failure {
    Complaint::new(NothingFound { what: what.to_owned(), scope }).into()
}

/// The columns of a kind.
struct ColumnsOf {
    columns: &'static [Column],
    /// Whether the namespace is shown, too.
    namespace: bool,
    /// The kind, where names are written with it.
    kind: Option<&'static FluxKind>,
    selector: Option<StatusSelector>,
    now: Timestamp,
}

impl Columns for ColumnsOf {
    fn headers(&self, is_wide: bool) -> Vec<&'static str> {
        let before = self.namespace.then_some("namespace").into_iter().chain(["name"]);
        let columns = self.columns.iter().map(|column| column.header());
        before.chain(columns).chain(is_wide.then_some("age")).collect()
    }

    fn cells(&self, object: &Object, is_wide: bool) -> Vec<String> {
        let name = match self.kind {
            Some(kind) => format!("{}/{}", kind.kind.to_lowercase(), object.name()),
            None => object.name().to_owned(),
        };
        let namespace = self.namespace.then(|| object.namespace().unwrap_or_default().to_owned());
        let columns = self.columns.iter().map(|column| column.cell(object));
        let created = || text(object, "/metadata/creationTimestamp").unwrap_or_default();
        let age = is_wide.then(|| view::age(created(), self.now));
        namespace.into_iter().chain([name]).chain(columns).chain(age).collect()
    }

    fn wants(&self, object: &Object) -> bool {
        self.selector.as_ref().is_none_or(|selector| selector.selects(object))
    }
}

impl Advise for NothingFound {
    fn hint(&self) -> Option<String> {
        let hint = match self.scope {
            Scope::All => "selectors may leave nothing; `flux-operator get all -A` lists everything that there is",
            Scope::Namespace(_) => "look in every namespace with `-A`, or in another one with `-n`",
        };
        Some(hint.to_owned())
    }
}
