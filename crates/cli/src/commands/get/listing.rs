//! Lists that are printed once, or go on.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::ControlFlow;

use clap::Args;
use flux_operator_api::{Object, ObjectId};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use kube::api::{ListParams, WatchParams};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::cluster::{Cluster, ClusterError, Scope, Seen, ServedKind};
use crate::error::Failure;
use crate::flags::AllNamespaces;
use crate::output::{self, DocumentFormat, ListFormat, ListFormats};
use crate::table::Table;

/// The flags of every list.
#[derive(Clone, Debug, Args)]
pub(super) struct ListFlags {
    #[command(flatten)]
    pub(super) all_namespaces: AllNamespaces,

    /// List only objects with these labels, such as `team=a,tier!=b`.
    #[arg(short = 'l', long = "label-selector", value_name = "SELECTOR")]
    pub(super) labels: Option<String>,

    /// Print the list in this format; behind `jsonpath=` comes a template, as with `kubectl`.
    #[arg(short, long, value_parser = ListFormats, value_name = "FORMAT", default_value = "table")]
    pub(super) output: ListFormat,

    /// Leave the headers of tables out.
    #[arg(long)]
    pub(super) no_header: bool,
}

/// How objects become lines.
pub(super) trait Columns {
    /// The headers, more of them where there is room.
    fn headers(&self, is_wide: bool) -> Vec<&'static str>;
    /// The cells below the headers.
    fn cells(&self, object: &Object, is_wide: bool) -> Vec<String>;
    /// Whether an object is asked for, by what the API server cannot pick out.
    fn wants(&self, _object: &Object) -> bool {
        true
    }
}

/// Objects of some kinds, as text in a format.
pub(super) struct Listing<C> {
    pub(super) kinds: Vec<ServedKind>,
    pub(super) scope: Scope,
    pub(super) columns: C,
    pub(super) flags: ListFlags,
    /// The one object that was asked for by its name.
    pub(super) name: Option<String>,
}

impl<C: Columns> Listing<C> {
    /// The objects now.
    pub(super) async fn objects(&self, cluster: &Cluster) -> Result<Vec<Object>, ClusterError> {
        let mut objects = cluster.list_selected(&self.kinds, &self.scope, &self.selected()).await?;
        objects.retain(|object| self.columns.wants(object));
        Ok(objects)
    }

    /// The text of objects.
    pub(super) fn text(&self, objects: Vec<Object>) -> String {
        let listed = |objects| output::listed(objects, self.name.is_some()).into_iter();
        match &self.flags.output {
            ListFormat::Table | ListFormat::Wide => {
                let mut table = self.table();
                for object in &objects {
                    table.push(self.cells(object));
                }
                if self.flags.no_header { table.rows_text() } else { table.text() }
            }
            ListFormat::Name => objects.iter().map(|object| format!("{}\n", object.id())).collect(),
            ListFormat::Yaml => output::documents(objects),
            ListFormat::Json => listed(objects).map(|value| output::document(&value, DocumentFormat::Json)).collect(),
            ListFormat::JsonPath(template) => listed(objects).map(|value| template.render(&value)).collect(),
        }
    }

    /// Prints objects as they are, and again whenever they change, until nobody reads any more.
    pub(super) async fn watch(&self, cluster: &Cluster, stdout: &mut dyn Write) -> Result<(), Failure> {
        let (tell, mut told) = mpsc::unbounded_channel();
        let mut follow: FuturesUnordered<_> =
            self.kinds.iter().map(|kind| follow(cluster, kind, &self.scope, self.selected(), tell.clone())).collect();
        let mut table = self.table();
        let mut is_first = !self.flags.no_header;
        loop {
            let seen = tokio::select! {
                Some(seen) = told.recv() => seen,
                Some(ended) = follow.next() => { ended?; continue }
                else => return Ok(()),
            };
            let mut batch = vec![seen];
            while let Ok(seen) = told.try_recv() {
                batch.push(seen);
            }
            let wanted = batch.into_iter().filter(|object| self.columns.wants(object));
            let text = match &self.flags.output {
                ListFormat::Table | ListFormat::Wide => {
                    wanted.for_each(|object| table.push(self.cells(&object)));
                    let text = if is_first { table.text() } else { table.rows_text() };
                    is_first = false;
                    table.clear();
                    text
                }
                _ => self.text(wanted.collect()),
            };
            if !output::write(stdout, &text)? {
                return Ok(());
            }
        }
    }

    /// What the API server shall pick out.
    fn selected(&self) -> ListParams {
        let mut params = ListParams { label_selector: self.flags.labels.clone(), ..ListParams::default() };
        params.field_selector = self.name.as_ref().map(|name| format!("metadata.name={name}"));
        params
    }

    fn table(&self) -> Table {
        Table::new(self.columns.headers(self.flags.output == ListFormat::Wide))
    }

    fn cells(&self, object: &Object) -> Vec<String> {
        self.columns.cells(object, self.flags.output == ListFormat::Wide)
    }
}

/// Tells of every object of a kind, and of every change, each version once.
async fn follow(
    cluster: &Cluster,
    kind: &ServedKind,
    scope: &Scope,
    selected: ListParams,
    tell: mpsc::UnboundedSender<Object>,
) -> Result<(), ClusterError> {
    let mut known: BTreeMap<ObjectId, String> = BTreeMap::new();
    let ListParams { label_selector, field_selector, .. } = selected.clone();
    let params = WatchParams { label_selector, field_selector, ..WatchParams::default() };
    loop {
        let listed = cluster.list(kind, scope, &selected).await?;
        for object in listed.objects {
            let version = version(&object);
            if known.insert(object.id(), version.clone()) != Some(version) && tell.send(object).is_err() {
                return Ok(());
            }
        }
        let watched = cluster.watch_from(kind, scope, &params, &listed.version, |seen| {
            let Seen::Present(object) = seen else { return ControlFlow::Continue(()) };
            known.insert(object.id(), version(&object));
            if tell.send(object).is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if watched.await?.is_some() {
            return Ok(());
        }
    }
}

fn version(object: &Object) -> String {
    object.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default().to_owned()
}
