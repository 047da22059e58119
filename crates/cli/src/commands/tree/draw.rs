//! A tree as text and as data.

use flux_operator_inventory::health::{Health, Status};
use serde_json::{Value, json};

use super::node::{Node, Tree};
use crate::ui::printable;

/// The tree as lines, and a blank line below.
pub(super) fn lines(tree: &Tree) -> String {
    let mut text = String::new();
    if let Some(root) = tree.nodes.first() {
        text.push_str(&line(root));
        branches(tree, root, "", &mut text);
    }
    text.push('\n');
    text
}

fn branches(tree: &Tree, node: &Node, indent: &str, text: &mut String) {
    let last = node.children.len().saturating_sub(1);
    for (position, child) in node.children.iter().filter_map(|index| tree.nodes.get(*index)).enumerate() {
        let (branch, below) = if position == last { ("└── ", "    ") } else { ("├── ", "│   ") };
        text.extend([indent, branch, line(child).as_str()]);
        branches(tree, child, &format!("{indent}{below}"), text);
    }
}

fn line(node: &Node) -> String {
    let health = node.health.as_ref().map(|health| format!(" {}", mark(health))).unwrap_or_default();
    let note = node.note.map(|note| format!(" ({note})")).unwrap_or_default();
    format!("{}\n", printable(&format!("{}{health}{note}", node.id)))
}

/// The mark, and what is the matter where it is not well.
fn mark(health: &Health) -> String {
    match health.status {
        Status::Current => "✔".to_owned(),
        Status::InProgress | Status::Terminating => format!("◎ {}", first_line(&health.message)),
        Status::Failed => format!("✗ {}", first_line(&health.message)),
        Status::NotFound => "✗ not found".to_owned(),
        Status::Unknown => "? cannot be read".to_owned(),
    }
}

fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}

/// The tree in the layout that `flux tree` has, and how objects are doing where that is known.
pub(super) fn value(tree: &Tree) -> Value {
    tree.nodes.first().map_or(Value::Null, |root| value_of(tree, root))
}

#[expect(clippy::indexing_slicing, reason = "fields of an object of our own")]
fn value_of(tree: &Tree, node: &Node) -> Value {
    let id = &node.id;
    let mut value = json!({
        "resource": {
            "Namespace": id.namespace, "Name": id.name, "GroupKind": {"Group": id.group, "Kind": id.kind},
        },
    });
    let children = node.children.iter().filter_map(|index| tree.nodes.get(*index));
    let children: Vec<Value> = children.map(|child| value_of(tree, child)).collect();
    if !children.is_empty() {
        value["resources"] = children.into();
    }
    if let Some(Health { status, message }) = &node.health {
        value["health"] = json!({"status": status.to_string(), "message": message});
    }
    if let Some(note) = node.note {
        value["note"] = note.into();
    }
    value
}

#[cfg(test)]
mod tests {
    use flux_operator_api::ObjectId;

    use super::*;

    #[test]
    fn branches_are_drawn_as_users_know_them() {
        let mut tree = Tree::default();
        let node = |group: &str, kind: &str, name: &str| Node::new(ObjectId::new(group, kind, "backend", name));
        let root = tree.add(None, node("kustomize.toolkit.fluxcd.io", "Kustomization", "backend"));
        tree.add(Some(root), Node::new(ObjectId::cluster("", "Namespace", "backend")));
        let release = tree.add(Some(root), node("helm.toolkit.fluxcd.io", "HelmRelease", "redis"));
        tree.add(Some(release), node("", "Secret", "redis"));
        tree.add(Some(release), node("apps", "StatefulSet", "redis"));
        let api = tree.add(Some(root), node("apps", "Deployment", "api"));
        let expected = "\
Kustomization/backend/backend
├── Namespace/backend
├── HelmRelease/backend/redis
│   ├── Secret/backend/redis
│   └── StatefulSet/backend/redis
└── Deployment/backend/api

";
        assert_eq!(lines(&tree), expected);
        tree.nodes[api].health = Some(Health::new(Status::Failed, "no\nway"));
        assert!(lines(&tree).ends_with("└── Deployment/backend/api ✗ no\n\n"));
        tree.retain_flux();
        assert_eq!(lines(&tree), "Kustomization/backend/backend\n└── HelmRelease/backend/redis\n\n");
    }
}
