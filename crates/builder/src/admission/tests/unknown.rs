//! Fields that nobody reads, at every level, with the field that may have been meant.

use super::{instance, refused, text_refused};

/// One unknown field: the spec that has it, its line and path, and the suggestion, if there is one.
#[track_caller]
fn check(spec: &str, line: usize, path: &str, suggestion: Option<&str>) {
    let hint = suggestion.map(|field| format!(", did you mean `{field}`?")).unwrap_or_default();
    refused(spec, &[&format!("line {line}: `{path}`: unknown field{hint}")]);
}

#[test]
fn of_the_document() {
    let text = format!("{}specs: {{}}\n", instance(""));
    text_refused(&text, &["line 6: `specs`: unknown field, did you mean `spec`?"]);
    text_refused(&format!("{}data: {{}}\n", instance("")), &["line 6: `data`: unknown field"]);
}

#[test]
fn of_the_metadata() {
    let metadata = "metadata: {name: flux, anotations: {a: b}, namspace: a}";
    text_refused(
        &instance("").replace("metadata: {name: flux}", metadata),
        &[
            "line 3: `metadata.anotations`: unknown field, did you mean `annotations`?",
            "line 3: `metadata.namspace`: unknown field, did you mean `namespace`?",
        ],
    );
}

#[test]
fn of_the_spec() {
    check("component: [source-controller]", 6, "spec.component", Some("components"));
    check("Cluster: {}", 6, "spec.Cluster", Some("cluster"));
    check("kustomise: {}", 6, "spec.kustomise", Some("kustomize"));
    check("commonMetaData: {}", 6, "spec.commonMetaData", Some("commonMetadata"));
    check("interval: 5m", 6, "spec.interval", None);
}

#[test]
fn below_the_spec() {
    check(
        "cluster:\n  type: kubernetes\n  networkpolicy: false",
        8,
        "spec.cluster.networkpolicy",
        Some("networkPolicy"),
    );
    check(
        "cluster: {tenantDefaultServiceaccount: a}",
        6,
        "spec.cluster.tenantDefaultServiceaccount",
        Some("tenantDefaultServiceAccount"),
    );
    check("sharding:\n  shards: [a]\n  keys: b", 8, "spec.sharding.keys", Some("key"));
    check("storage: {class: a, size: 1Gi, clas: b}", 6, "spec.storage.clas", Some("class"));
    check("kustomize:\n  patch: []", 7, "spec.kustomize.patch", Some("patches"));
    check("commonMetadata: {label: {a: b}}", 6, "spec.commonMetadata.label", Some("labels"));
    let sync = "sync:\n  kind: Bucket\n  url: a\n  ref: b\n  path: c\n";
    check(&format!("{sync}  pullsecret: d"), 11, "spec.sync.pullsecret", Some("pullSecret"));
    check(&format!("{sync}  branch: main"), 11, "spec.sync.branch", None);
}

#[test]
fn of_patches_and_their_targets() {
    let patch = "kustomize:\n  patches:\n  - patch: '{}'\n  - patch: '{}'\n";
    check(&format!("{patch}    options: {{}}"), 10, "spec.kustomize.patches[1].options", None);
    check(&format!("{patch}    targets: {{}}"), 10, "spec.kustomize.patches[1].targets", Some("target"));
    let target = format!("{patch}    target:\n      kind: Deployment\n");
    check(&format!("{target}      names: a"), 12, "spec.kustomize.patches[1].target.names", Some("name"));
    check(
        &format!("{target}      labelselector: a"),
        12,
        "spec.kustomize.patches[1].target.labelselector",
        Some("labelSelector"),
    );
}
