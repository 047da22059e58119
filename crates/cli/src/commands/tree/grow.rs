//! From the root to the leaves, level by level, so that one list answers for many objects.

use std::collections::{BTreeMap, BTreeSet};

use flux_operator_api::{Object, ObjectId, ResourceInventory};
use futures::StreamExt as _;
use kube::api::ListParams;

use super::helm;
use super::node::{Node, Tree};
use crate::cluster::{Cluster, ClusterError, Discovery, Scope, ServedKind, WINDOW};
use crate::kinds::FluxKind;

/// The kinds that apply others.
const APPLIERS: [&str; 4] = ["FluxInstance", "ResourceSet", "Kustomization", "HelmRelease"];

/// With more objects of a kind than this, all of the kind are listed instead.
const FEW: usize = 3;

/// The tree below an object.
///
/// # Errors
/// The root does not exist, or the cluster cannot be asked.
pub(super) async fn grow(
    cluster: &Cluster,
    discovery: &Discovery,
    kind: &FluxKind,
    name: &str,
) -> Result<Tree, ClusterError> {
    let served = discovery.flux(kind)?;
    let root = cluster.get(served, cluster.namespace(), name).await?;
    let mut tree = Tree::default();
    let mut visited = BTreeSet::from([root.id()]);
    let index = tree.add(None, Node::new(root.id()));
    let mut open = vec![(index, Some(root))];
    while !open.is_empty() {
        let mut level = Vec::new();
        for (index, object) in open {
            match object {
                Some(object) => level.extend(branch(cluster, &mut tree, index, &object, &mut visited).await?),
                None => note(&mut tree, index, "not found"),
            }
        }
        open = read(cluster, discovery, &mut tree, level).await?;
    }
    Ok(tree)
}

/// Adds what an object has applied. Returns what of that applies others and was not seen before.
async fn branch(
    cluster: &Cluster,
    tree: &mut Tree,
    index: usize,
    object: &Object,
    visited: &mut BTreeSet<ObjectId>,
) -> Result<Vec<usize>, ClusterError> {
    let is_remote = object.pointer("/spec/kubeConfig").is_some();
    if is_remote {
        note(tree, index, "applies to another cluster");
    }
    let mut appliers = Vec::new();
    for id in inventory(cluster, object).await? {
        let is_applier = FluxKind::of(&id.group, &id.kind).is_some_and(|kind| APPLIERS.contains(&kind.kind));
        let is_new = is_applier && !is_remote && visited.insert(id.clone());
        let child = tree.add(Some(index), Node { is_remote, ..Node::new(id) });
        if is_new {
            appliers.push(child);
        }
    }
    Ok(appliers)
}

/// What an object says that it has applied.
async fn inventory(cluster: &Cluster, object: &Object) -> Result<Vec<ObjectId>, ClusterError> {
    let stored = object.pointer("/status/inventory").cloned();
    let stored = stored.and_then(|stored| serde_json::from_value::<ResourceInventory>(stored).ok());
    match stored {
        None if object.kind() == "HelmRelease" => helm::inventory(cluster, object).await,
        stored => {
            let entries = stored.unwrap_or_default().entries;
            // Somebody else wrote what is no id.
            Ok(entries.into_iter().filter_map(|entry| entry.object_id().ok()).collect())
        }
    }
}

/// Reads nodes: a few of a kind one by one, many with a list.
async fn read(
    cluster: &Cluster,
    discovery: &Discovery,
    tree: &mut Tree,
    nodes: Vec<usize>,
) -> Result<Vec<(usize, Option<Object>)>, ClusterError> {
    let mut by_kind: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
    for index in &nodes {
        if let Some(Node { id, .. }) = tree.nodes.get(*index) {
            by_kind.entry((id.group.clone(), id.kind.clone())).or_default().push(*index);
        }
    }
    let mut found: BTreeMap<ObjectId, Object> = BTreeMap::new();
    for ((group, kind), indices) in by_kind {
        let Some(served) = discovery.find(&group, &kind) else {
            continue;
        };
        let ids = indices.iter().filter_map(|index| tree.nodes.get(*index)).map(|node| &node.id);
        for object in objects(cluster, served, &ids.collect::<Vec<_>>()).await? {
            found.insert(object.id(), object);
        }
    }
    Ok(nodes.into_iter().map(|index| (index, tree.nodes.get(index).and_then(|node| found.remove(&node.id)))).collect())
}

/// The objects with these ids, as far as they exist.
async fn objects(cluster: &Cluster, kind: &ServedKind, ids: &[&ObjectId]) -> Result<Vec<Object>, ClusterError> {
    if ids.len() <= FEW {
        let gets = ids.iter().map(|id| cluster.find(kind, &id.namespace, &id.name));
        let found: Vec<_> = futures::stream::iter(gets).buffered(WINDOW).collect().await;
        return found.into_iter().filter_map(Result::transpose).collect();
    }
    Ok(cluster.list(kind, &scope(ids), &ListParams::default()).await?.objects)
}

/// The one namespace of all, or all namespaces.
pub(super) fn scope(ids: &[&ObjectId]) -> Scope {
    match ids.first().map(|first| &first.namespace) {
        Some(namespace) if !namespace.is_empty() && ids.iter().all(|id| id.namespace == *namespace) => {
            Scope::Namespace(namespace.clone())
        }
        _ => Scope::All,
    }
}

fn note(tree: &mut Tree, index: usize, note: &'static str) {
    if let Some(node) = tree.nodes.get_mut(index) {
        node.note = Some(note);
    }
}
