//! `flux-operator trace`: who looks after an object, and from where.

mod report;

use std::collections::{BTreeSet, VecDeque};
use std::io::Write;

use clap::Args;
use flux_operator_api::{Object, ObjectId, labels};
use serde_json::Value;

use crate::cluster::{Cluster, ClusterError, Discovery, ServedKind, Span, on_cluster};
use crate::error::{Advise, Complaint, Failure};
use crate::globals::Globals;
use crate::output;
use crate::subject::Parts;
use crate::usage::UsageError;

const EXAMPLES: &str = "\
Examples:
  # Which commit is this Deployment from?
  flux-operator trace deployment/api -n apps

  # As `kubectl` has it, and several at once
  flux-operator trace deploy/api svc/api -n apps

  # From a pod upwards
  flux-operator trace pod api-7c9 -n apps";

/// Tell who looks after objects: the reconciler, its source, and where that came from.
///
/// Labels tell, of the object itself or of those that own it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Objects as `<kind>/<name>`, or a kind and a name; kinds as `kubectl` knows them.
    #[arg(value_name = "KIND/NAME", required = true)]
    objects: Vec<String>,
}

/// What cannot be traced.
#[derive(Debug, thiserror::Error)]
enum TraceError {
    #[error("the cluster has no kind `{word}`")]
    UnknownKind { word: String, near: Option<String> },
    #[error("{0} is not managed by Flux")]
    NotManaged(ObjectId),
    #[error("{object} is managed by {reconciler}, which does not exist")]
    Orphaned { object: ObjectId, reconciler: ObjectId },
}

/// Traces the objects.
///
/// # Errors
/// Every object that does not exist or that nobody looks after.
pub(crate) fn run(arguments: &Arguments, globals: &Globals, stdout: &mut dyn Write) -> Result<(), Failure> {
    let named = named(&arguments.objects)?;
    on_cluster(globals, Span::Limited, async |cluster: Cluster| {
        let discovery = cluster.discover_all().await?;
        let mut complaints = Vec::new();
        let mut gap = "";
        for parts in named {
            match trace(&cluster, discovery, parts).await {
                Ok(text) => {
                    output::write(stdout, &format!("{gap}{text}"))?;
                    gap = "---\n";
                }
                Err(failure) => complaints.extend(failure.into_complaints()),
            }
        }
        Failure::check(complaints)
    })
}

/// `<kind>/<name>` each, or a kind and a name.
fn named(words: &[String]) -> Result<Vec<Parts<'_>>, Failure> {
    if let [kind, name] = words
        && !kind.contains('/')
        && !name.contains('/')
    {
        return Ok(vec![Parts { kind, namespace: None, name }]);
    }
    let parts = words.iter().map(|word| {
        Parts::of(word).map_err(|text| {
            let hint = "`flux-operator trace --help` has examples";
            Complaint::new(UsageError::found(format!("`{word}`: {text}"), hint))
        })
    });
    Ok(parts.collect::<Result<_, _>>()?)
}

async fn trace(cluster: &Cluster, discovery: &Discovery, parts: Parts<'_>) -> Result<String, Failure> {
    let Some(kind) = discovery.called(parts.kind) else {
        let near = discovery.nearest(parts.kind).map(str::to_owned);
        return Err(Complaint::new(TraceError::UnknownKind { word: parts.kind.to_owned(), near }).into());
    };
    let namespace = parts.namespace.unwrap_or(cluster.namespace());
    let object = cluster.get(kind, namespace, parts.name).await?;
    let Some(reconciler) = manager(cluster, discovery, &object).await? else {
        return Err(Complaint::new(TraceError::NotManaged(object.id())).into());
    };
    let found = match discovery.find(&reconciler.group, &reconciler.kind) {
        Some(kind) => cluster.find(kind, &reconciler.namespace, &reconciler.name).await?,
        None => None,
    };
    let Some(found) = found else {
        return Err(Complaint::new(TraceError::Orphaned { object: object.id(), reconciler }).into());
    };
    Ok(report::of(cluster, discovery, &object, &found).await?)
}

/// Who manages an object: as its labels say, or those of an owner, the nearest first.
async fn manager(cluster: &Cluster, discovery: &Discovery, object: &Object) -> Result<Option<ObjectId>, ClusterError> {
    let mut visited = BTreeSet::new();
    let mut open = VecDeque::from([object.clone()]);
    while let Some(object) = open.pop_front() {
        if let Some(reconciler) = labelled(&object) {
            return Ok(Some(reconciler));
        }
        for (kind, id) in owners(&object, discovery) {
            if visited.insert(id.clone())
                && let Some(owner) = cluster.find(kind, &id.namespace, &id.name).await?
            {
                open.push_back(owner);
            }
        }
    }
    Ok(None)
}

/// The labels of each reconciler, the innermost first: an object of a ResourceSet that a
/// Kustomization has applied is the ResourceSet's.
const RECONCILERS: [(&str, &str, &str); 3] = [
    ("resourceset.fluxcd.controlplane.io", "fluxcd.controlplane.io", "ResourceSet"),
    ("helm.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io", "HelmRelease"),
    ("kustomize.toolkit.fluxcd.io", "kustomize.toolkit.fluxcd.io", "Kustomization"),
];

fn labelled(object: &Object) -> Option<ObjectId> {
    let label = |name: &str| object.labels().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned());
    let of = |prefix: &str| Some((label(&format!("{prefix}/name"))?, label(&format!("{prefix}/namespace"))?));
    let by_prefix = RECONCILERS.iter().find_map(|(prefix, group, kind)| {
        let (name, namespace) = of(prefix)?;
        Some(ObjectId::new(*group, *kind, namespace, name))
    });
    by_prefix.or_else(|| {
        let is_instance = label(labels::MANAGED_BY).is_some_and(|value| value == labels::MANAGED_BY_OPERATOR);
        let (name, namespace) = of("fluxcd.controlplane.io").filter(|_| is_instance)?;
        Some(ObjectId::new("fluxcd.controlplane.io", "FluxInstance", namespace, name))
    })
}

/// All owners, in the namespace of the object unless their kind has none.
fn owners<'d>(object: &Object, discovery: &'d Discovery) -> Vec<(&'d ServedKind, ObjectId)> {
    let references = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    let owner = |reference: &Value| {
        let text = |field: &str| reference.get(field).and_then(Value::as_str);
        let group = text("apiVersion")?.split_once('/').map_or("", |(group, _)| group);
        let kind = discovery.find(group, text("kind")?)?;
        Some((kind, kind.id(object.namespace().unwrap_or_default(), text("name")?)))
    };
    references.into_iter().flatten().filter_map(owner).collect()
}

impl Advise for TraceError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::UnknownKind { near: Some(near), .. } => format!("did you mean `{near}`?"),
            Self::UnknownKind { near: None, .. } => "`kubectl api-resources` lists the kinds of the cluster".to_owned(),
            Self::NotManaged(_) => {
                "neither it nor an owner has the labels of a reconciler; `kubectl get -o yaml --show-managed-fields` \
                 tells who applied it"
                    .to_owned()
            }
            Self::Orphaned { .. } => "it was deleted without what it had applied".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(labels: &Value, expected: Option<&str>) {
        let metadata = json!({"name": "a", "namespace": "n", "labels": labels});
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata});
        let found = labelled(&Object::try_from(object).unwrap()).map(|id| id.to_string());
        assert_eq!(found.as_deref(), expected);
    }

    #[test]
    fn labels_tell_the_innermost_reconciler() {
        let kustomization = [("kustomize.toolkit.fluxcd.io/name", "k"), ("kustomize.toolkit.fluxcd.io/namespace", "x")];
        let instance = [
            ("app.kubernetes.io/managed-by", "flux-operator"),
            ("fluxcd.controlplane.io/name", "flux"),
            ("fluxcd.controlplane.io/namespace", "flux-system"),
        ];
        let release = [("helm.toolkit.fluxcd.io/name", "h"), ("helm.toolkit.fluxcd.io/namespace", "y")];
        let set =
            [("resourceset.fluxcd.controlplane.io/name", "r"), ("resourceset.fluxcd.controlplane.io/namespace", "z")];
        let labels = |parts: &[&[(&str, &str)]]| {
            let all = parts.iter().flat_map(|part| part.iter());
            Value::Object(all.map(|(key, value)| ((*key).to_owned(), json!(value))).collect())
        };
        check(&labels(&[&instance]), Some("FluxInstance/flux-system/flux"));
        check(&labels(&[&kustomization, &instance]), Some("Kustomization/x/k"));
        check(&labels(&[&kustomization, &release]), Some("HelmRelease/y/h"));
        check(&labels(&[&kustomization, &set]), Some("ResourceSet/z/r"));
        check(&labels(&[&kustomization[..1]]), None);
        check(&labels(&[&instance[1..]]), None);
        check(&json!({}), None);
    }
}
