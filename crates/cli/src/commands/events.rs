//! `flux-operator events`.

mod event;

use std::collections::BTreeSet;
use std::io::Write;
use std::ops::ControlFlow;

use clap::{Args, ValueEnum};
use flux_operator_api::Object;
use jiff::Timestamp;
use kube::api::{ListParams, WatchParams};

use crate::cluster::{Cluster, Scope, Seen, ServedKind, Span, on_cluster};
use crate::error::Failure;
use crate::flags::AllNamespaces;
use crate::globals::Globals;
use crate::kinds::FluxKind;
use crate::output;
use crate::sources::{Reference, sources};
use crate::subject::Subject;
use crate::table::Table;
use event::Event;

const EXAMPLES: &str = "\
Examples:
  # What Flux did in a namespace
  flux-operator events -n flux-system

  # What became of an application, and of its source
  flux-operator events --for ks/apps -n flux-system

  # What goes wrong from now on
  flux-operator events -A --types Warning --watch";

/// Print the events of Flux and its operator, oldest first.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Events about a kind, or about an object and its source.
    #[arg(long = "for", value_name = "KIND[/NAME]", value_parser = About::parse)]
    about: Option<About>,

    #[command(flatten)]
    all_namespaces: AllNamespaces,

    /// Only events of these types.
    #[arg(long, value_enum, ignore_case = true, value_name = "TYPE", value_delimiter = ',')]
    types: Vec<Type>,

    /// Go on, and print what happens.
    #[arg(short, long)]
    watch: bool,
}

/// What an event says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
enum Type {
    Normal,
    Warning,
}

/// What events are about.
#[derive(Clone, Debug)]
enum About {
    Kind(&'static FluxKind),
    Object(Subject),
}

impl About {
    fn parse(text: &str) -> Result<Self, String> {
        if text.contains('/') {
            return Subject::parse(text).map(Self::Object);
        }
        FluxKind::called(text).map(Self::Kind).map_err(|unknown| unknown.to_string())
    }
}

/// Prints the events.
///
/// # Errors
/// The cluster cannot be asked.
pub(crate) fn run(arguments: &Arguments, globals: &Globals, stdout: &mut dyn Write) -> Result<(), Failure> {
    let span = if arguments.watch { Span::Endless } else { Span::Limited };
    on_cluster(globals, span, async |cluster: Cluster| {
        let wanted = Wanted::new(arguments, &cluster).await?;
        let scope = wanted.scope(arguments, &cluster);
        let with_namespace = scope == Scope::All;
        let kind = ServedKind::built_in("", "v1", "Event", "events", true);
        let listed = cluster.list(&kind, &scope, &wanted.params()).await?;
        let mut events: Vec<Event> = listed.objects.iter().map(Event::from).filter(|event| wanted.has(event)).collect();
        events.sort_by_key(|event| event.last);
        let mut table = Table::new(event::headers(with_namespace));
        let now = Timestamp::now();
        for event in &events {
            table.push(event.cells(with_namespace, now));
        }
        if !arguments.watch {
            if events.is_empty() {
                cluster.story.remark(format_args!("no events found {}", scope.words()));
                return Ok(());
            }
            return output::write(stdout, &table.text()).map(drop);
        }
        if !output::write(stdout, &table.text())? {
            return Ok(());
        }
        let mut version = listed.version;
        let params = WatchParams::default();
        loop {
            let watched = cluster.watch_from(&kind, &scope, &params, &version, |seen| {
                let Seen::Present(object) = seen else { return ControlFlow::Continue(()) };
                let event = Event::from(&object);
                if !wanted.has(&event) {
                    return ControlFlow::Continue(());
                }
                table.clear();
                table.push(event.cells(with_namespace, Timestamp::now()));
                // Also where stdout is broken, there is nothing more to do.
                match output::write(stdout, &table.rows_text()) {
                    Ok(true) => ControlFlow::Continue(()),
                    _ => ControlFlow::Break(()),
                }
            });
            if watched.await?.is_some() {
                return Ok(());
            }
            version = cluster.list_metadata(&kind, &scope, &ListParams::default().match_any()).await?.version;
        }
    })
}

/// Which events to show.
struct Wanted {
    types: Vec<Type>,
    kind: Option<&'static FluxKind>,
    /// Kind, namespace and name; all of Flux where it is empty.
    objects: BTreeSet<Reference>,
}

impl Wanted {
    async fn new(arguments: &Arguments, cluster: &Cluster) -> Result<Self, Failure> {
        let mut wanted = Self { types: arguments.types.clone(), kind: None, objects: BTreeSet::new() };
        match &arguments.about {
            None => {}
            Some(About::Kind(kind)) => wanted.kind = Some(kind),
            Some(About::Object(subject)) => {
                let namespace = subject.namespace(cluster.namespace()).to_owned();
                let own = Reference { kind: subject.kind.kind.to_owned(), namespace, name: subject.name.clone() };
                for source in wanted_sources(cluster, subject, &own).await? {
                    wanted.objects.insert(source);
                }
                wanted.objects.insert(own);
            }
        }
        Ok(wanted)
    }

    /// One namespace, unless a source is elsewhere.
    fn scope(&self, arguments: &Arguments, cluster: &Cluster) -> Scope {
        let mut namespaces: Vec<&String> = self.objects.iter().map(|object| &object.namespace).collect();
        namespaces.sort();
        namespaces.dedup();
        match namespaces.as_slice() {
            [] => arguments.all_namespaces.scope(cluster, false),
            [namespace] => Scope::Namespace((*namespace).clone()),
            _ => Scope::All,
        }
    }

    fn params(&self) -> ListParams {
        match self.objects.iter().next().filter(|_| self.objects.len() == 1) {
            Some(Reference { kind, name, .. }) => {
                ListParams::default().fields(&format!("involvedObject.kind={kind},involvedObject.name={name}"))
            }
            None => ListParams::default(),
        }
    }

    fn has(&self, event: &Event) -> bool {
        let is_of_type = self.types.is_empty()
            || self.types.iter().any(|wanted| {
                event.r#type
                    == match wanted {
                        Type::Normal => "Normal",
                        Type::Warning => "Warning",
                    }
            });
        let is_of_kind = self.kind.is_none_or(|kind| kind.kind == event.object.kind && kind.group == event.group);
        let is_about = self.objects.is_empty() || self.objects.contains(&event.object);
        is_of_type && is_of_kind && is_about && FluxKind::of(&event.group, &event.object.kind).is_some()
    }
}

/// What has to happen before an object can change: its sources, and what an alert or a policy
/// refers to.
async fn wanted_sources(cluster: &Cluster, subject: &Subject, own: &Reference) -> Result<Vec<Reference>, Failure> {
    let kind = cluster.served(subject.kind).await?;
    let Some(object) = cluster.find(&kind, &own.namespace, &own.name).await? else { return Ok(Vec::new()) };
    let mut found = sources(&object);
    let referred = |pointer: &str, kind: &str| reference(&object, pointer, kind);
    found.extend(referred("/spec/providerRef", "Provider"));
    found.extend(referred("/spec/imageRepositoryRef", "ImageRepository"));
    if subject.kind.kind == "HelmRelease" && object.pointer("/spec/chart").is_some() {
        let source = found.first().map(|source| source.namespace.clone()).unwrap_or_default();
        let name = format!("{}-{}", own.namespace, own.name);
        found.push(Reference { kind: "HelmChart".to_owned(), namespace: source, name });
    }
    Ok(found)
}

fn reference(object: &Object, pointer: &str, kind: &str) -> Option<Reference> {
    let value = object.pointer(pointer)?;
    let name = value.get("name")?.as_str()?.to_owned();
    let namespace = value.get("namespace").and_then(serde_json::Value::as_str).or(object.namespace());
    Some(Reference { kind: kind.to_owned(), namespace: namespace.unwrap_or_default().to_owned(), name })
}
