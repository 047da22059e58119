//! `flux-operator export`.

use std::io::Write;

use clap::{Args, Subcommand};
use flux_operator_api::{FluxReport, Object, annotations, identity};
use serde_json::{Map, Value};

use crate::cluster::{Cluster, Scope, Span, on_cluster};
use crate::error::{Advise, Complaint, Failure};
use crate::globals::Globals;
use crate::kinds::{CATALOGUE, FluxKind, belongs_to_flux};
use crate::output::{self, DocumentFormat};
use crate::subject::Subject;
use crate::usage::UsageError;

const RESOURCE_EXAMPLES: &str = "\
Examples:
  # Move an object to Git
  flux-operator export resource ks/apps -n flux-system > apps.yaml

  # Every HelmRelease of a namespace
  flux-operator export resource --all --kind hr -n apps";

const REPORT_EXAMPLES: &str = "\
Examples:
  # What the operator says of Flux, for a program
  flux-operator export report -o json";

/// A command of the group.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print objects of Flux as they were written, for another cluster or for Git.
    #[command(after_help = RESOURCE_EXAMPLES)]
    Resource(Resource),
    /// Print the report of the operator, or what it would say where there is none.
    #[command(after_help = REPORT_EXAMPLES)]
    Report(Report),
}

/// The objects to export.
#[derive(Debug, Args)]
pub struct Resource {
    /// The objects: kind, plural or short name, in any case, and a name.
    #[arg(value_name = "KIND/NAME", value_parser = Subject::parse)]
    resource: Vec<Subject>,

    /// Every object of the namespace.
    #[arg(long, conflicts_with = "resource")]
    all: bool,

    /// With `--all`, only of these kinds, comma separated.
    #[arg(long, value_name = "KIND", value_delimiter = ',', requires = "all")]
    kind: Vec<&'static FluxKind>,

    /// Print documents in this format.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "yaml")]
    output: DocumentFormat,
}

/// The report to export.
#[derive(Debug, Args)]
pub struct Report {
    /// Print the document in this format.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "yaml")]
    output: DocumentFormat,
}

/// Nothing to export.
#[derive(Debug, thiserror::Error)]
#[error("no resources found {0}")]
struct NothingFound(String);

impl Command {
    /// Prints the objects.
    ///
    /// # Errors
    /// One of them does not exist.
    pub(crate) fn run(self, globals: &Globals, stdout: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Self::Report(Report { output }) => on_cluster(globals, Span::Limited, async |cluster: Cluster| {
                let report = match cluster.report().await? {
                    Some(report) => cleaned(report),
                    None => observed(&cluster).await?,
                };
                output::write(stdout, &output::document(&report, output)).map(drop)
            }),
            Self::Resource(arguments) => resources(&arguments, globals, stdout),
        }
    }
}

fn resources(arguments: &Resource, globals: &Globals, stdout: &mut dyn Write) -> Result<(), Failure> {
    let Resource { resource, all, kind, output } = arguments;
    if resource.is_empty() && !all {
        let hint = "name objects, such as `ks/apps`, or take every one with `--all`";
        return Err(Complaint::new(UsageError::found("there is nothing to export", hint)).into());
    }
    on_cluster(globals, Span::Limited, async |cluster: Cluster| {
        let mut objects = Vec::new();
        for subject in resource {
            let kind = cluster.served(subject.kind).await?;
            objects.push(cluster.get(&kind, subject.namespace(cluster.namespace()), &subject.name).await?);
        }
        if *all {
            let discovery = cluster.discover().await?;
            // A report is the operator's own.
            let wanted = |known: &&FluxKind| kind.contains(known) || (kind.is_empty() && known.kind != "FluxReport");
            let kinds: Vec<_> = CATALOGUE
                .iter()
                .filter(wanted)
                .filter_map(|known| discovery.find(known.group, known.kind).cloned())
                .collect();
            let scope = Scope::Namespace(cluster.namespace().to_owned());
            objects = cluster.list_all(&kinds, &scope).await?;
            if objects.is_empty() {
                return Err(Complaint::new(NothingFound(scope.words())).into());
            }
        }
        let is_one = objects.len() == 1 && !all;
        let documents = objects.into_iter().map(cleaned).map(|value| output::document(&value, *output));
        let text: String = match output {
            DocumentFormat::Yaml if !is_one => documents.map(|text| format!("---\n{text}")).collect(),
            _ => documents.collect(),
        };
        output::write(stdout, &text).map(drop)
    })
}

/// A report from what there is.
async fn observed(cluster: &Cluster) -> Result<Value, Failure> {
    cluster.story.remark("the operator has written no report; this is what can be seen from here");
    let (spec, namespace) = cluster.observed_report().await?;
    let mut report = FluxReport::new(identity::INSTANCE_NAME, spec);
    report.metadata.namespace = Some(namespace);
    Ok(serde_json::to_value(report).unwrap_or_default())
}

/// Annotations that only the cluster has a use for.
const RUNTIME: [&str; 4] = [
    annotations::REQUESTED_AT,
    annotations::FORCE_AT,
    "reconcile.fluxcd.io/resetAt",
    annotations::KUBECTL_LAST_APPLIED,
];

/// The object without its status and without what the cluster and its controllers have added.
fn cleaned(object: Object) -> Value {
    let mut value = object.into_value();
    let Some(fields) = value.as_object_mut() else { return value };
    fields.remove("status");
    if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|field, _| ["name", "namespace", "labels", "annotations"].contains(&field.as_str()));
        keep(metadata, "annotations", |key| !RUNTIME.contains(&key));
        let is_owner = |key: &str| belongs_to_flux(key) && (key.ends_with("/name") || key.ends_with("/namespace"));
        keep(metadata, "labels", |key| !is_owner(key));
    }
    value
}

fn keep(metadata: &mut Map<String, Value>, field: &str, holds: impl Fn(&str) -> bool) {
    let Some(entries) = metadata.get_mut(field).and_then(Value::as_object_mut) else { return };
    entries.retain(|key, _| holds(key));
    if entries.is_empty() {
        metadata.remove(field);
    }
}

impl Advise for NothingFound {
    fn hint(&self) -> Option<String> {
        Some("`flux-operator get all -A` lists what there is".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_was_written_is_left() {
        let object = json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {
                "name": "a", "namespace": "n", "uid": "u", "resourceVersion": "7", "creationTimestamp": "t",
                "labels": {
                    "team": "x", "kustomize.toolkit.fluxcd.io/name": "k", "kustomize.toolkit.fluxcd.io/namespace": "n",
                },
                "annotations": {
                    "reconcile.fluxcd.io/requestedAt": "t", "reconcile.fluxcd.io/forceAt": "t",
                    "kubectl.kubernetes.io/last-applied-configuration": "{}",
                },
            },
            "spec": {"path": "./"}, "status": {"conditions": []},
        });
        let expected = json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "a", "namespace": "n", "labels": {"team": "x"}}, "spec": {"path": "./"},
        });
        assert_eq!(cleaned(Object::try_from(object).unwrap()), expected);
    }
}
