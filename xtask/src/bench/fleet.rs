//! The instances that are rendered.

use std::fmt::Write as _;

use flux_operator_api::Component;
use flux_operator_builder::ReleaseVersion;

/// What an instance has to say and no more.
pub(super) fn minimal(version: &ReleaseVersion) -> String {
    instance("flux-system", version.as_str(), "")
}

/// As above, whatever versions there are.
pub(super) fn minimal_of_any_version() -> String {
    instance("flux-system", "2.x", "")
}

/// Every component, and shards of those that have some.
pub(super) fn sharded(version: &ReleaseVersion, shards: usize) -> String {
    let mut spec = components(Component::ALL);
    if shards > 0 {
        spec.push_str("  sharding:\n    shards:\n");
        for shard in 1..=shards {
            let _ = writeln!(spec, "    - shard{shard}");
        }
    }
    instance("flux-system", version.as_str(), &spec)
}

/// Files with one instance each, in namespaces of their own and no two alike: six kinds of spec,
/// each with details that count up.
pub(super) fn varied(count: usize) -> impl Iterator<Item = (String, String)> {
    (0..count).map(|number| {
        let spec = match number % 6 {
            0 => String::new(),
            1 => components(Component::ALL),
            2 => tuned(number),
            3 => format!("{}{}", tuned(number), synced(number)),
            4 => patched(number),
            _ => format!("  sharding: {{ shards: [a{number}, b{number}] }}\n"),
        };
        let namespace = format!("fleet-{number:04}");
        (format!("{namespace}.yaml"), instance(&namespace, "2.x", &spec))
    })
}

fn instance(namespace: &str, version: &str, spec: &str) -> String {
    format!(
        "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\nmetadata:\n  name: flux\n  namespace: {namespace}\n\
         spec:\n  distribution:\n    version: \"{version}\"\n    registry: ghcr.io/fluxcd\n{spec}"
    )
}

fn components(components: &[Component]) -> String {
    let lines = components.iter().map(|component| format!("  - {component}\n"));
    format!("  components:\n{}", lines.collect::<String>())
}

fn tuned(number: usize) -> String {
    let size = ["small", "medium", "large"].iter().cycle().nth(number / 6 % 3).copied().unwrap_or_default();
    format!(
        "  cluster:\n    type: openshift\n    size: {size}\n    domain: c{number}.example.com\n    multitenant: true\n  \
         storage: {{ class: standard, size: {}Gi }}\n",
        number + 1
    )
}

fn synced(number: usize) -> String {
    format!(
        "  sync:\n    kind: GitRepository\n    url: https://git.example.com/fleet.git\n    ref: refs/heads/main\n    \
         path: clusters/c{number}\n    pullSecret: git-auth\n"
    )
}

fn patched(number: usize) -> String {
    format!(
        "  kustomize:\n    patches:\n    - target: {{ kind: Deployment, name: (kustomize|helm)-controller }}\n      \
         patch: |\n        - op: add\n          path: /spec/template/spec/containers/0/args/-\n          \
         value: --concurrent={}\n",
        number + 2
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use flux_operator_builder::Admission;

    use super::*;

    #[test]
    fn instances_are_legal_and_differ() {
        let admission = Admission::new();
        let mut texts = BTreeSet::new();
        let version: ReleaseVersion = "v2.9.0".parse().unwrap();
        let others = [minimal(&version), minimal_of_any_version(), sharded(&version, 3)];
        for text in varied(30).map(|(_, text)| text).chain(others) {
            let manifests = admission.read(&text).unwrap();
            assert!(manifests[0].plan().is_ok(), "{:?}\n{text}", manifests[0].plan());
            assert!(texts.insert(text));
        }
    }
}
