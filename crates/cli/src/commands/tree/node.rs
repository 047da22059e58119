//! Objects and what they have applied.

use std::collections::BTreeSet;

use flux_operator_api::ObjectId;
use flux_operator_inventory::health::Health;

use crate::kinds::belongs_to_flux;

/// A tree of objects. The root is the first node.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
}

/// One object.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) id: ObjectId,
    pub(super) children: Vec<usize>,
    /// What is special about it, such as that it does not exist.
    pub(super) note: Option<&'static str>,
    pub(super) health: Option<Health>,
    /// Whether it is in another cluster.
    pub(super) is_remote: bool,
}

impl Node {
    pub(super) fn new(id: ObjectId) -> Self {
        Self { id, children: Vec::new(), note: None, health: None, is_remote: false }
    }
}

impl Tree {
    /// Adds a node below another one; the first one is the root.
    pub(super) fn add(&mut self, parent: Option<usize>, node: Node) -> usize {
        let index = self.nodes.len();
        self.nodes.push(node);
        if let Some(parent) = parent.and_then(|parent| self.nodes.get_mut(parent)) {
            parent.children.push(index);
        }
        index
    }

    /// Cuts off everything that does not belong to Flux.
    pub(super) fn retain_flux(&mut self) {
        let is_kept = |node: &Node| belongs_to_flux(&node.id.group);
        let kept: BTreeSet<usize> =
            self.nodes.iter().enumerate().filter(|(_, node)| is_kept(node)).map(|(index, _)| index).collect();
        for node in &mut self.nodes {
            node.children.retain(|child| kept.contains(child));
        }
    }

    /// The nodes that can be reached from the root, parents first.
    pub(super) fn reachable(&self) -> Vec<usize> {
        let mut found = Vec::new();
        let mut open = vec![0];
        while let Some(index) = open.pop() {
            let Some(node) = self.nodes.get(index) else { continue };
            found.push(index);
            open.extend(node.children.iter().rev());
        }
        found
    }
}
