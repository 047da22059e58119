//! What a line may go on with, from the parser and, for names, from the cluster.

use std::time::Duration;

use clap::{Arg, Command, Parser as _};

use crate::cli::Cli;
use crate::cluster::{Cluster, Scope, ServedKind, Span, on_cluster};
use crate::commands::get;
use crate::globals::Globals;
use crate::kinds::{CATALOGUE, FluxKind, HELM_RELEASE, INSTANCE, KUSTOMIZATION, Suspension};
use kube::api::ListParams;

/// What could stand at the end of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// One of these.
    Known(Vec<String>),
    /// A file.
    Files,
    /// Something that only the cluster knows.
    Live(Live),
}

/// Names of the cluster.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Live {
    Namespaces,
    Instances,
    /// The objects of a kind, with what is written before their names.
    Objects {
        kind: &'static FluxKind,
        prefix: String,
    },
}

/// How long a shell may be kept waiting.
const PATIENCE: Duration = Duration::from_secs(3);

/// What could stand in place of `last`, behind the words before it.
pub(super) fn wanted(root: &Command, before: &[String], last: &str) -> Wanted {
    let mut command = root;
    let mut path = Vec::new();
    let mut open: Option<&Arg> = None;
    for word in before {
        if open.take().is_some() {
            continue;
        }
        if word.starts_with('-') {
            open = flag(command, word).filter(|flag| needs_value(flag) && !word.contains('='));
        } else if let Some(next) = command.find_subcommand(word) {
            command = next;
            path.push(command.get_name());
        }
    }
    if let Some(flag) = open {
        return value(flag, &path);
    }
    if last.starts_with('-') {
        return match last.split_once('=') {
            Some((name, _)) => match flag(command, name).map(|flag| value(flag, &path)) {
                Some(Wanted::Known(values)) => {
                    Wanted::Known(values.into_iter().map(|value| format!("{name}={value}")).collect())
                }
                _ => Wanted::Files,
            },
            None => Wanted::Known(flags(command)),
        };
    }
    if command.has_subcommands() {
        let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
        return Wanted::Known(shown.map(|command| command.get_name().to_owned()).collect());
    }
    match command.get_positionals().next() {
        Some(positional) => argument(positional, &path, last),
        None => Wanted::Known(Vec::new()),
    }
}

/// The values of an argument without a flag.
fn argument(positional: &Arg, path: &[&str], last: &str) -> Wanted {
    match positional.get_id().as_str() {
        "name" if path.last() == Some(&"instance") => Wanted::Live(Live::Instances),
        "name" => match named(path) {
            Some(kind) => Wanted::Live(Live::Objects { kind, prefix: String::new() }),
            None => Wanted::Known(Vec::new()),
        },
        "resource" | "objects" | "owner" => subject(path, last),
        _ => match possible(positional) {
            values if values.is_empty() => Wanted::Known(Vec::new()),
            values => Wanted::Known(values),
        },
    }
}

/// The kind whose name a command takes.
fn named(path: &[&str]) -> Option<&'static FluxKind> {
    match path {
        ["tree", "kustomization"] => Some(KUSTOMIZATION),
        ["tree", "helmrelease"] => Some(HELM_RELEASE),
        _ => get::listed_kind(path),
    }
}

/// First the kinds, then the names.
fn subject(path: &[&str], last: &str) -> Wanted {
    if let Some((written, _)) = last.split_once('/') {
        return match FluxKind::called(written) {
            Ok(kind) => Wanted::Live(Live::Objects { kind, prefix: format!("{written}/") }),
            Err(_) => Wanted::Known(Vec::new()),
        };
    }
    let fits = |kind: &&FluxKind| match path.first() {
        Some(&"reconcile") => kind.is_reconciled,
        Some(&("suspend" | "resume")) => kind.suspension != Suspension::Never,
        _ => true,
    };
    Wanted::Known(CATALOGUE.iter().filter(fits).map(|kind| format!("{}/", kind.kind)).collect())
}

/// The values of a flag.
fn value(flag: &Arg, path: &[&str]) -> Wanted {
    match flag.get_id().as_str() {
        "namespace" => Wanted::Live(Live::Namespaces),
        "kind" => {
            let fits = |kind: &&FluxKind| path.first() != Some(&"reconcile") || kind.is_reconciled;
            Wanted::Known(CATALOGUE.iter().filter(fits).map(|kind| kind.kind.to_owned()).collect())
        }
        _ => match possible(flag) {
            values if values.is_empty() => Wanted::Files,
            values => Wanted::Known(values),
        },
    }
}

fn possible(argument: &Arg) -> Vec<String> {
    argument.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect()
}

fn flags(command: &Command) -> Vec<String> {
    let shown = command.get_arguments().filter(|argument| !argument.is_hide_set());
    shown.filter_map(Arg::get_long).map(|name| format!("--{name}")).collect()
}

fn flag<'c>(command: &'c Command, word: &str) -> Option<&'c Arg> {
    let name = word.split('=').next().unwrap_or_default();
    command.get_arguments().find(|argument| match name.strip_prefix("--") {
        Some(long) => argument.get_long() == Some(long),
        None => argument.get_short().is_some_and(|short| name == format!("-{short}")),
    })
}

/// Whether the next word belongs to the flag.
fn needs_value(flag: &Arg) -> bool {
    flag.get_action().takes_values() && !flag.is_require_equals_set()
}

impl Live {
    /// The names; none where the cluster does not answer in time.
    pub(super) fn names(&self, before: &[String]) -> Vec<String> {
        let Some(mut globals) = globals(before) else { return Vec::new() };
        globals.timeout = globals.timeout.min(PATIENCE);
        let asked = on_cluster(&globals, Span::Limited, async |cluster: Cluster| {
            let scope = Scope::Namespace(cluster.namespace().to_owned());
            let (kind, scope, prefix) = match self {
                Self::Namespaces => (ServedKind::namespaces(), Scope::All, ""),
                Self::Instances if cluster.namespace_is_explicit => (instances(), scope, ""),
                Self::Instances => (instances(), Scope::All, ""),
                Self::Objects { kind, prefix } => (ServedKind::known(kind), scope, prefix.as_str()),
            };
            // Quickly rather than to the second.
            let params = ListParams::default().match_any();
            let mut listed = cluster.list_metadata(&kind, &scope, &params).await?;
            if let (Self::Objects { kind, .. }, true) = (self, listed.is_missing()) {
                listed = cluster.list_metadata(&cluster.served(kind).await?, &scope, &params).await?;
            }
            Ok(listed.objects.iter().map(|object| format!("{prefix}{}", object.name())).collect())
        });
        let mut names: Vec<String> = asked.unwrap_or_default();
        names.sort();
        names.dedup();
        names
    }
}

fn instances() -> ServedKind {
    ServedKind::known(INSTANCE)
}

/// The global flags of the line, as far as they can be told before it is complete.
fn globals(before: &[String]) -> Option<Globals> {
    let mut line = vec!["flux-operator".to_owned(), "version".to_owned()];
    let mut words = before.iter();
    while let Some(word) = words.next() {
        let is_global = |name: &str| name == "-n" || name == "--namespace" || name.starts_with("--kube");
        let name = word.split('=').next().unwrap_or_default();
        if !is_global(name) {
            continue;
        }
        line.push(word.clone());
        if !word.contains('=') && name != "--kube-insecure-skip-tls-verify" {
            line.extend(words.next().cloned());
        }
    }
    let parsed = Cli::try_parse_from(&line).or_else(|_| Cli::try_parse_from(["flux-operator", "version"]));
    parsed.ok().map(Cli::into_globals)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn root() -> Command {
        let mut root = Cli::command();
        root.build();
        root
    }

    fn known(line: &[&str]) -> Vec<String> {
        let words: Vec<String> = line.iter().map(|word| (*word).to_owned()).collect();
        let (last, before) = words.split_last().unwrap();
        match wanted(&root(), before, last) {
            Wanted::Known(candidates) => candidates.into_iter().filter(|found| found.starts_with(last)).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn commands_flags_and_kinds_need_no_cluster() {
        assert_eq!(known(&["reco"]), ["reconcile"]);
        assert_eq!(known(&["get", "in"]), ["instance"]);
        assert_eq!(known(&["get", "instance", "--wat"]), ["--watch"]);
        assert_eq!(known(&["get", "all", "-o", "js"]), ["json", "jsonpath="]);
        assert_eq!(known(&["get", "all", "--output=na"]), ["--output=name"]);
        assert_eq!(known(&["get", "all", "--kind", "Kus"]), ["Kustomization"]);
        assert_eq!(known(&["reconcile", "resource", "Ext"]), [""; 0]);
        assert_eq!(known(&["export", "resource", "Ext"]), ["ExternalArtifact/"]);
        assert_eq!(known(&["completion", "z"]), ["zsh"]);
    }

    #[test]
    fn names_come_from_the_cluster() {
        let live = |line: &[&str]| {
            let words: Vec<String> = line.iter().map(|word| (*word).to_owned()).collect();
            let (last, before) = words.split_last().unwrap();
            wanted(&root(), before, last)
        };
        assert_eq!(live(&["get", "instance", ""]), Wanted::Live(Live::Instances));
        assert_eq!(live(&["get", "all", "-n", ""]), Wanted::Live(Live::Namespaces));
        let kind = FluxKind::called("ks").unwrap();
        let objects = Live::Objects { kind, prefix: "ks/".to_owned() };
        assert_eq!(live(&["-n", "apps", "reconcile", "resource", "ks/"]), Wanted::Live(objects));
        let named = || Wanted::Live(Live::Objects { kind, prefix: String::new() });
        assert_eq!((live(&["get", "ks", ""]), live(&["tree", "ks", ""])), (named(), named()));
    }
}
