//! The bill of materials of a release: which crates are in the programs, as `CycloneDX` 1.5.
//!
//! What only builds or tests is not in it. There is no time and no random number in it either, so that equal sources
//! have equal bills.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::platform::Platform;
use crate::metadata::{Metadata, Package};

/// The crates whose programs are released.
const ROOTS: [&str; 2] = ["flux-operator-cli", "flux-operator-controller"];

/// The bill of the programs for some platforms together.
pub(super) fn bill(platforms: &[Platform]) -> anyhow::Result<String> {
    let graphs = platforms.iter().map(|platform| Metadata::of_target(platform.target()));
    let graphs: Vec<_> = graphs.collect::<Result<_, _>>()?;
    let lock = crate::generated::read("Cargo.lock")?;
    let sums = sums(&lock);
    Ok(format!("{:#}\n", document(&graphs, &sums)))
}

/// The checksums of crates, by name and version.
fn sums(lock: &str) -> BTreeMap<(&str, &str), &str> {
    let field = |block: &'_ str, name: &str| -> Option<(usize, usize)> {
        let start = block.find(&format!("\n{name} = \""))? + name.len() + 5;
        Some((start, start + block.get(start..)?.find('"')?))
    };
    let blocks = lock.split("[[package]]").skip(1);
    let of = |block| {
        let text = |name| field(block, name).and_then(|(start, end)| str::get(block, start..end));
        Some(((text("name")?, text("version")?), text("checksum")?))
    };
    blocks.filter_map(of).collect()
}

fn document(graphs: &[Metadata], sums: &BTreeMap<(&str, &str), &str>) -> Value {
    let mut packages = BTreeMap::new();
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for graph in graphs {
        for (package, needs) in graph.linked(&ROOTS) {
            edges.entry(reference(package)).or_default().extend(needs.into_iter().map(reference));
            packages.insert(reference(package), package.clone());
        }
    }
    let components: Vec<_> = packages.values().map(|package| component(package, sums)).collect();
    let dependencies: Vec<_> = edges.iter().map(|(of, on)| json!({"ref": of, "dependsOn": on})).collect();
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {
            "type": "application", "bom-ref": "flux-operator", "name": "flux-operator", "version": super::VERSION,
            "licenses": [{"expression": env!("CARGO_PKG_LICENSE")}],
        }},
        "components": components,
        "dependencies": dependencies,
    })
}

fn component(package: &Package, sums: &BTreeMap<(&str, &str), &str>) -> Value {
    let reference = reference(package);
    let sum = sums.get(&(package.name.as_str(), package.version.as_str())).filter(|_| package.source.is_some());
    let fields = [
        ("type", Some(json!("library"))),
        ("bom-ref", Some(json!(reference))),
        ("name", Some(json!(package.name))),
        ("version", Some(json!(package.version))),
        ("purl", Some(json!(reference))),
        ("scope", Some(json!("required"))),
        // The slash is an old way to say `or`.
        ("licenses", package.license.as_ref().map(|text| json!([{"expression": text.replace('/', " OR ")}]))),
        ("externalReferences", package.repository.as_ref().map(|url| json!([{"type": "vcs", "url": url}]))),
        ("hashes", sum.map(|sum| json!([{"alg": "SHA-256", "content": sum}]))),
    ];
    fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

/// A package URL.
fn reference(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::tests::package;

    fn graph() -> Metadata {
        let edge = |pkg: &str, kind: Value| json!({"pkg": pkg, "dep_kinds": [{"kind": kind}]});
        let node = |id: &str, deps: Value| json!({"id": id, "features": [], "deps": deps});
        let registry = |name: &str| package(name, Some("registry"), &json!([]));
        let graph = json!({
            "packages": [package(ROOTS[0], None, &json!([])), registry("a"), registry("b"), registry("c")],
            "workspace_members": [ROOTS[0]], "target_directory": "/w/target",
            "resolve": {"nodes": [
                node(ROOTS[0], json!([edge("a", Value::Null), edge("c", "dev".into())])),
                node("a", json!([edge("b", "build".into())])), node("b", json!([])), node("c", json!([])),
            ]},
        });
        Metadata::parse(&graph.to_string()).unwrap()
    }

    #[test]
    fn what_is_linked_is_in_it_and_nothing_else() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"x\"\nchecksum = \"ab\"\n";
        let document = document(&[graph(), graph()], &sums(lock));
        let a = json!({
            "type": "library", "bom-ref": "pkg:cargo/a@1.0.0", "name": "a", "version": "1.0.0",
            "purl": "pkg:cargo/a@1.0.0", "scope": "required", "licenses": [{"expression": "MIT OR Apache-2.0"}],
            "hashes": [{"alg": "SHA-256", "content": "ab"}],
        });
        assert_eq!(document["components"][0], a);
        assert_eq!(document["components"].as_array().unwrap().len(), 2);
        let needs = json!({"ref": "pkg:cargo/flux-operator-cli@1.0.0", "dependsOn": ["pkg:cargo/a@1.0.0"]});
        assert_eq!(document["dependencies"][1], needs);
    }
}
