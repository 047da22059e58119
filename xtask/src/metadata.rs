//! What cargo knows about the workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::Context as _;
use serde::Deserialize;

use crate::cargo;

/// The parts of `cargo metadata` that the tasks use.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    packages: Vec<Package>,
    workspace_members: BTreeSet<String>,
    resolve: Resolve,
    /// The folder that builds go to.
    pub(crate) target_directory: PathBuf,
}

/// One package, of the workspace or not.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    id: String,
    pub(crate) name: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    targets: Vec<Target>,
}

/// A dependency as the manifest asks for it.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    kind: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Target {
    kind: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

/// A package as it was resolved, with the features that anybody asked for.
#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    features: Vec<String>,
    deps: Vec<Edge>,
}

#[derive(Debug, Deserialize)]
struct Edge {
    pkg: String,
    dep_kinds: Vec<EdgeKind>,
}

#[derive(Debug, Deserialize)]
struct EdgeKind {
    kind: Option<String>,
}

impl Metadata {
    /// Asks cargo.
    ///
    /// # Errors
    /// Cargo fails, or answers in a form that is not known.
    pub(crate) fn read() -> anyhow::Result<Self> {
        let text = cargo::read(&mut cargo::cargo(["metadata", "--format-version", "1"]))?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        serde_json::from_str(text).context("cannot read what `cargo metadata` printed")
    }

    /// The packages of the workspace, by name.
    pub(crate) fn members(&self) -> BTreeMap<&str, &Package> {
        let members = self.packages.iter().filter(|package| self.workspace_members.contains(&package.id));
        members.map(|package| (package.name.as_str(), package)).collect()
    }

    /// The features of a package that are on anywhere in the workspace, for each of its versions.
    pub(crate) fn features(&self, name: &str) -> impl Iterator<Item = &str> {
        let ids: BTreeSet<&str> =
            self.packages.iter().filter(|package| package.name == name).map(|package| package.id.as_str()).collect();
        let nodes = self.resolve.nodes.iter().filter(move |node| ids.contains(node.id.as_str()));
        nodes.flat_map(|node| node.features.iter().map(String::as_str))
    }

    /// Every package that a member needs to run, on any platform, and one way to it: the names from
    /// the member to the package. Development and build dependencies are left out.
    pub(crate) fn reached_from<'m>(&'m self, member: &'m str) -> BTreeMap<&'m str, Vec<&'m str>> {
        let names: BTreeMap<&str, &str> =
            self.packages.iter().map(|package| (package.id.as_str(), package.name.as_str())).collect();
        let nodes: BTreeMap<&str, &Node> = self.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
        let start = self.members().get(member).map(|package| package.id.as_str());
        let mut ways = BTreeMap::new();
        let mut open: Vec<(&str, Vec<&str>)> = start.map(|id| (id, vec![member])).into_iter().collect();
        let mut seen: BTreeSet<&str> = start.into_iter().collect();
        while let Some((id, way)) = open.pop() {
            let edges = nodes.get(id).map(|node| node.deps.as_slice()).unwrap_or_default();
            for edge in edges.iter().filter(|edge| edge.dep_kinds.iter().any(|dep| dep.kind.is_none())) {
                if let Some(name) = names.get(edge.pkg.as_str())
                    && seen.insert(&edge.pkg)
                {
                    let way: Vec<&str> = way.iter().copied().chain([*name]).collect();
                    open.push((&edge.pkg, way.clone()));
                    ways.insert(*name, way);
                }
            }
        }
        ways
    }
}

impl Package {
    /// True for a package that others can use.
    pub(crate) fn is_library(&self) -> bool {
        self.targets.iter().any(|target| target.kind.iter().any(|kind| kind == "lib"))
    }
}

impl Dependency {
    /// True for what is needed to run, not only to build or to test.
    pub(crate) fn is_normal(&self) -> bool {
        self.kind.is_none()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;

    /// `a` needs `b`, which needs `c`; `a` tests with `d`.
    pub(crate) fn sample() -> Metadata {
        let package = |name: &str, dependencies: serde_json::Value| {
            json!({"id": name, "name": name, "manifest_path": format!("/w/{name}/Cargo.toml"),
                   "dependencies": dependencies, "targets": [{"kind": ["lib"]}]})
        };
        let edge = |name: &str, kind: Option<&str>| json!({"pkg": name, "dep_kinds": [{"kind": kind}]});
        let node = |name: &str, deps: Vec<serde_json::Value>, features: &[&str]| json!({"id": name, "deps": deps, "features": features});
        let metadata = json!({
            "packages": [
                package("a", json!([{"name": "b", "kind": null}, {"name": "d", "kind": "dev"}])),
                package("b", json!([{"name": "c", "kind": null}])),
                package("c", json!([])),
                package("d", json!([])),
            ],
            "workspace_members": ["a", "b"],
            "target_directory": "/w/target",
            "resolve": {"nodes": [
                node("a", vec![edge("b", None), edge("d", Some("dev"))], &[]),
                node("b", vec![edge("c", None)], &[]),
                node("c", vec![], &["preserve_order"]),
                node("d", vec![], &[]),
            ]},
        });
        Metadata::parse(&metadata.to_string()).unwrap()
    }

    #[test]
    fn follows_what_is_needed_to_run() {
        let metadata = sample();
        let reached = metadata.reached_from("a");
        assert_eq!(reached.keys().copied().collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(reached["c"], ["a", "b", "c"]);
        assert_eq!(metadata.features("c").collect::<Vec<_>>(), ["preserve_order"]);
        assert_eq!(metadata.members().keys().copied().collect::<Vec<_>>(), ["a", "b"]);
    }
}
