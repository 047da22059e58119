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

    /// `a` needs `b` and tests with `d`; `c` is somebody else's.
    pub(crate) fn sample() -> Metadata {
        let package = |name: &str, dependencies: serde_json::Value| {
            json!({"id": name, "name": name, "manifest_path": format!("/w/{name}/Cargo.toml"),
                   "dependencies": dependencies, "targets": [{"kind": ["lib"]}]})
        };
        let metadata = json!({
            "packages": [
                package("a", json!([{"name": "b", "kind": null}, {"name": "d", "kind": "dev"}])),
                package("b", json!([{"name": "c", "kind": null}])),
                package("c", json!([])),
            ],
            "workspace_members": ["a", "b"],
            "target_directory": "/w/target",
            "resolve": {"nodes": [
                {"id": "a", "features": []},
                {"id": "b", "features": []},
                {"id": "c", "features": ["preserve_order"]},
            ]},
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
