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
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Package {
    id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    pub(crate) repository: Option<String>,
    /// None of a package of the workspace.
    pub(crate) source: Option<String>,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    targets: Vec<Target>,
}

/// A dependency as the manifest asks for it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    kind: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
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

/// What a package was resolved to need.
#[derive(Debug, Deserialize)]
struct Edge {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Debug, Deserialize)]
struct Kind {
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

    /// Asks cargo about the packages for one target, as they are locked.
    ///
    /// # Errors
    /// Cargo fails, or answers in a form that is not known.
    pub(crate) fn of_target(triple: &str) -> anyhow::Result<Self> {
        let arguments = ["metadata", "--format-version", "1", "--locked", "--filter-platform", triple];
        Self::parse(&cargo::read(&mut cargo::cargo(arguments))?)
    }

    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
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

    /// The packages that are linked into others, those included, and what each needs: not what only builds or tests.
    pub(crate) fn linked(&self, roots: &[&str]) -> Vec<(&Package, Vec<&Package>)> {
        let packages: BTreeMap<_, _> = self.packages.iter().map(|package| (package.id.as_str(), package)).collect();
        let nodes: BTreeMap<_, _> = self.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
        let roots = self.packages.iter().filter(|package| roots.contains(&package.name.as_str()));
        let mut open: Vec<&str> = roots.map(|package| package.id.as_str()).collect();
        let mut seen = BTreeSet::new();
        let mut linked = Vec::new();
        while let Some(id) = open.pop() {
            let (Some(package), Some(node)) = (packages.get(id), nodes.get(id)) else { continue };
            if !seen.insert(id) {
                continue;
            }
            let is_linked = |edge: &&Edge| edge.dep_kinds.iter().any(|kind| kind.kind.is_none());
            let needs: Vec<_> = node.deps.iter().filter(is_linked).map(|edge| edge.pkg.as_str()).collect();
            open.extend(&needs);
            linked.push((*package, needs.iter().filter_map(|id| packages.get(id).copied()).collect()));
        }
        linked
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

    /// A package in the words of cargo, of a registry or of the workspace.
    pub(crate) fn package(name: &str, source: Option<&str>, dependencies: &serde_json::Value) -> serde_json::Value {
        json!({"id": name, "name": name, "version": "1.0.0", "license": "MIT/Apache-2.0", "source": source,
               "manifest_path": format!("/w/{name}/Cargo.toml"), "dependencies": dependencies,
               "targets": [{"kind": ["lib"]}]})
    }

    /// `a` needs `b` and tests with `d`; `c` is somebody else's.
    pub(crate) fn sample() -> Metadata {
        let node = |id: &str, features: serde_json::Value| json!({"id": id, "features": features, "deps": []});
        let metadata = json!({
            "packages": [
                package("a", None, &json!([{"name": "b", "kind": null}, {"name": "d", "kind": "dev"}])),
                package("b", None, &json!([{"name": "c", "kind": null}])),
                package("c", Some("registry"), &json!([])),
            ],
            "workspace_members": ["a", "b"],
            "target_directory": "/w/target",
            "resolve": {"nodes": [node("a", json!([])), node("b", json!([])), node("c", json!(["preserve_order"]))]},
        });
        Metadata::parse(&metadata.to_string()).unwrap()
    }

    #[test]
    fn knows_members_and_features() {
        let metadata = sample();
        assert_eq!(metadata.features("c").collect::<Vec<_>>(), ["preserve_order"]);
        assert_eq!(metadata.members().keys().copied().collect::<Vec<_>>(), ["a", "b"]);
    }
}
