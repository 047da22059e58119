//! How the objects of a tree are doing, by the rules of the engine.

use std::collections::{BTreeMap, BTreeSet};

use flux_operator_api::{Object, ObjectId};
use flux_operator_inventory::health::{self, Health, Status};
use futures::StreamExt as _;
use jiff::Timestamp;
use kube::api::ListParams;
use serde_json::Value;

use super::grow::scope;
use super::node::{Node, Tree};
use crate::cluster::{Cluster, ClusterError, Discovery, ServedKind, WINDOW};

/// With more objects of a kind below one owner than this, they are listed instead.
const FEW: usize = 3;

/// Looks at every object, and with `pods` at those that belong to workloads, too.
pub(super) async fn look(
    cluster: &Cluster,
    discovery: &Discovery,
    tree: &mut Tree,
    pods: bool,
) -> Result<(), ClusterError> {
    let now = Timestamp::now();
    let groups = groups(tree, discovery);
    let looks = groups.iter().map(|group| group.read(cluster, tree));
    let results: Vec<_> = futures::stream::iter(looks).buffered(WINDOW).collect().await;
    let mut found: BTreeMap<ObjectId, Object> = BTreeMap::new();
    for objects in results {
        found.extend(objects?.into_iter().map(|object| (object.id(), object)));
    }
    for index in tree.reachable() {
        let Some(node) = tree.nodes.get_mut(index).filter(|node| !node.is_remote) else { continue };
        node.health = Some(match found.get(&node.id) {
            Some(object) => health::of(object, now),
            None if discovery.find(&node.id.group, &node.id.kind).is_none() => {
                Health::new(Status::NotFound, "the cluster has no such kind")
            }
            None => Health::new(Status::NotFound, ""),
        });
    }
    if pods {
        add_pods(cluster, discovery, tree, &found, now).await?;
    }
    Ok(())
}

/// Objects of one kind below one owner.
struct Group {
    kind: ServedKind,
    nodes: Vec<usize>,
    /// What all of them are labelled with by their owner.
    selector: Option<String>,
}

impl Group {
    async fn read(&self, cluster: &Cluster, tree: &Tree) -> Result<Vec<Object>, ClusterError> {
        let nodes = self.nodes.iter().filter_map(|index| tree.nodes.get(*index));
        let ids: Vec<&ObjectId> = nodes.map(|node| &node.id).collect();
        let mut missing: BTreeSet<&ObjectId> = ids.iter().copied().collect();
        let mut found = Vec::new();
        if let Some(selector) = self.selector.as_ref().filter(|_| ids.len() > FEW) {
            let params = ListParams::default().labels(selector);
            // Most kinds are well where they are there, and that is all to know about them.
            let watched = ids.iter().any(|id| health::needs_watching(id));
            let listed = if watched {
                cluster.list(&self.kind, &scope(&ids), &params).await?
            } else {
                cluster.list_metadata(&self.kind, &scope(&ids), &params).await?
            };
            for object in listed.objects {
                missing.remove(&object.id());
                found.push(object);
            }
        }
        // Whoever took a label off is still there.
        let gets = missing.iter().map(|id| cluster.find(&self.kind, &id.namespace, &id.name));
        let rest: Vec<_> = futures::stream::iter(gets).buffered(WINDOW).collect().await;
        for object in rest {
            found.extend(object?);
        }
        Ok(found)
    }
}

fn groups(tree: &Tree, discovery: &Discovery) -> Vec<Group> {
    let mut groups: BTreeMap<(usize, String, String), Vec<usize>> = BTreeMap::new();
    let mut key = |owner: usize, index: usize, node: &Node| {
        groups.entry((owner, node.id.group.clone(), node.id.kind.clone())).or_default().push(index);
    };
    if let Some(root) = tree.nodes.first() {
        key(usize::MAX, 0, root);
    }
    for owner in tree.reachable() {
        for child in tree.nodes.get(owner).into_iter().flat_map(|node| &node.children) {
            if let Some(node) = tree.nodes.get(*child).filter(|node| !node.is_remote) {
                key(owner, *child, node);
            }
        }
    }
    let group = |((owner, group, kind), nodes): ((usize, String, String), Vec<usize>)| {
        let kind = discovery.find(&group, &kind)?.clone();
        let selector = tree.nodes.get(owner).and_then(|owner| selector(&owner.id));
        Some(Group { kind, nodes, selector })
    };
    groups.into_iter().filter_map(group).collect()
}

/// The labels that an owner puts on what it applies.
fn selector(owner: &ObjectId) -> Option<String> {
    let prefix = match owner.kind.as_str() {
        "FluxInstance" => "fluxcd.controlplane.io",
        "ResourceSet" => "resourceset.fluxcd.controlplane.io",
        "Kustomization" => "kustomize.toolkit.fluxcd.io",
        "HelmRelease" => "helm.toolkit.fluxcd.io",
        _ => return None,
    };
    Some(format!("{prefix}/name={},{prefix}/namespace={}", owner.name, owner.namespace))
}

/// Adds what belongs to the workloads of the tree: pods, and what stands between.
async fn add_pods(
    cluster: &Cluster,
    discovery: &Discovery,
    tree: &mut Tree,
    found: &BTreeMap<ObjectId, Object>,
    now: Timestamp,
) -> Result<(), ClusterError> {
    let mut open: BTreeMap<String, usize> = BTreeMap::new();
    let mut namespaces = BTreeSet::new();
    for index in tree.reachable() {
        let Some(node) = tree.nodes.get(index).filter(|node| is_workload(&node.id)) else { continue };
        if let Some(uid) = found.get(&node.id).and_then(uid) {
            open.insert(uid, index);
            namespaces.insert(node.id.namespace.clone());
        }
    }
    for (group, kind) in [("batch", "Job"), ("apps", "ReplicaSet"), ("", "Pod")] {
        let Some(served) = discovery.find(group, kind) else { continue };
        for namespace in &namespaces {
            let scope = crate::cluster::Scope::Namespace(namespace.clone());
            for object in cluster.list(served, &scope, &ListParams::default()).await?.objects {
                let Some(parent) = owner(&object).and_then(|owner| open.get(&owner)).copied() else { continue };
                // Old ones are kept for a rollback.
                if kind == "ReplicaSet" && object.pointer("/spec/replicas") == Some(&Value::from(0)) {
                    continue;
                }
                let is_known = found.contains_key(&object.id());
                let health = Some(health::of(&object, now));
                let node = Node { health, ..Node::new(object.id()) };
                let index = if is_known { continue } else { tree.add(Some(parent), node) };
                open.extend(uid(&object).map(|uid| (uid, index)));
            }
        }
    }
    Ok(())
}

fn is_workload(id: &ObjectId) -> bool {
    matches!(
        (id.group.as_str(), id.kind.as_str()),
        ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet") | ("batch", "Job" | "CronJob")
    )
}

fn uid(object: &Object) -> Option<String> {
    object.pointer("/metadata/uid").and_then(Value::as_str).map(str::to_owned)
}

fn owner(object: &Object) -> Option<String> {
    let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array)?;
    let controller = owners.iter().find(|owner| owner.get("controller") == Some(&Value::Bool(true)))?;
    controller.get("uid").and_then(Value::as_str).map(str::to_owned)
}
