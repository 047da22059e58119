//! What the pure crates must not pull in, however deep.

use std::collections::BTreeMap;

use super::Fault;
use crate::cargo;
use crate::metadata::Metadata;

/// The crates that decide and never act, with their manifests.
const PURE: &[(&str, &str)] =
    &[("flux-operator-api", "crates/api/Cargo.toml"), ("flux-operator-builder", "crates/builder/Cargo.toml")];

/// What would let them act: an async runtime, a connection, randomness.
const FORBIDDEN: &[&str] = &[
    "getrandom",
    "hyper",
    "kube-client",
    "kube-runtime",
    "oci-client",
    "rand",
    "rand_core",
    "reqwest",
    "rustls",
    "tokio",
];

/// Features that change what the builder prints wherever anybody asks for them.
const FEATURES: &[(&str, &str, &str)] =
    &[("serde_json", "preserve_order", "fields would no longer be sorted, and every revision would change")];

pub(super) fn check(metadata: &Metadata) -> anyhow::Result<Vec<Fault>> {
    let mut faults = Vec::new();
    for (member, manifest) in PURE {
        // Of this package alone: in the whole workspace, features that other crates ask for are on.
        let arguments = ["tree", "--package", member, "--edges", "normal", "--target", "all", "--prefix", "depth"];
        let tree = cargo::read(&mut cargo::cargo(arguments))?;
        let reached = reached(&tree);
        for name in FORBIDDEN {
            if let Some(way) = reached.get(*name) {
                faults.push(Fault::new(*manifest, format!("pulls in `{name}`: {}", way.join(" -> "))));
            }
        }
    }
    for (package, feature, why) in FEATURES {
        if metadata.features(package).any(|on| on == *feature) {
            faults.push(Fault::new("Cargo.toml", format!("feature `{feature}` of `{package}` is on: {why}")));
        }
    }
    Ok(faults)
}

/// The packages of a tree whose lines start with their depth, and one way to each: the names from
/// the root to the package.
fn reached(tree: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut ways = BTreeMap::new();
    let mut way: Vec<&str> = Vec::new();
    for line in tree.lines() {
        let name = line.trim_start_matches(|c: char| c.is_ascii_digit());
        let Ok(depth) = line[..line.len() - name.len()].parse() else {
            continue;
        };
        way.truncate(depth);
        way.push(name.split(' ').next().unwrap_or(name));
        ways.entry(*way.last().unwrap_or(&name)).or_insert_with(|| way.clone());
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_one_way_to_each_package() {
        let reached = reached("0a v0.1.0 (/w/a)\n1b v1.0.0\n2c v2.0.0\n1d v1.0.0 (*)\n\n2c v2.0.0 (*)\n");
        assert_eq!(reached["c"], ["a", "b", "c"]);
        assert_eq!(reached["d"], ["a", "d"]);
    }
}
