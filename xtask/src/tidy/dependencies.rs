//! What the pure crates must not pull in, however deep.

use super::Fault;
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

pub(super) fn check(metadata: &Metadata) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (member, manifest) in PURE {
        let reached = metadata.reached_from(member);
        for name in FORBIDDEN {
            if let Some(way) = reached.get(name) {
                faults.push(Fault::new(*manifest, format!("pulls in `{name}`: {}", way.join(" -> "))));
            }
        }
    }
    for (package, feature, why) in FEATURES {
        if metadata.features(package).any(|on| on == *feature) {
            faults.push(Fault::new("Cargo.toml", format!("feature `{feature}` of `{package}` is on: {why}")));
        }
    }
    faults
}
