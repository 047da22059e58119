//! Every rule of the API, broken one at a time and all at once.

use super::{bare_instance, instance, refused, text_refused};

const SYNC: &str = "sync:\n  url: oci://example.com/fleet\n  ref: main\n  path: .\n";

#[test]
fn the_instance_is_called_flux() {
    for (metadata, line, found) in [("{name: fluxcd}", 3, "`fluxcd`"), ("{}", 3, "none"), ("{name: null}", 3, "none")] {
        let text = instance("").replace("{name: flux}", metadata);
        text_refused(&text, &[&format!("line {line}: `metadata.name`: a FluxInstance is named `flux`, found {found}")]);
    }
    let text = instance("").replace("metadata: {name: flux}\n", "");
    text_refused(&text, &["line 1: `metadata.name`: a FluxInstance is named `flux`, found none"]);
}

#[test]
fn the_namespace_is_a_dns_label() {
    let rule = "expected a DNS label (lower-case letters, digits and `-`, at most 63 characters)";
    for namespace in ["Flux", "a.b", "-a", "a_b", &"a".repeat(64)] {
        let text = instance("").replace("{name: flux}", &format!("{{name: flux, namespace: {namespace}}}"));
        text_refused(&text, &[&format!("line 3: `metadata.namespace`: {rule}, found `{namespace}`")]);
    }
}

#[test]
fn required_fields() {
    text_refused(&bare_instance("wait: true"), &["line 4: `spec.distribution`: is required"]);
    text_refused(
        &bare_instance("distribution: {}"),
        &["line 5: `spec.distribution.registry`: is required", "line 5: `spec.distribution.version`: is required"],
    );
    text_refused(
        &bare_instance("distribution:\n  version: ''\n  registry: null"),
        &["line 6: `spec.distribution.version`: is required", "line 7: `spec.distribution.registry`: is required"],
    );
    refused("sharding: {}", &["line 6: `spec.sharding.shards`: is required"]);
    refused("storage: {}", &["line 6: `spec.storage.class`: is required", "line 6: `spec.storage.size`: is required"]);
    refused(
        "sync: {}",
        &[
            "line 6: `spec.sync.kind`: is required",
            "line 6: `spec.sync.path`: is required",
            "line 6: `spec.sync.ref`: is required",
            "line 6: `spec.sync.url`: is required",
        ],
    );
    refused(
        "kustomize:\n  patches:\n  - target: {kind: Deployment}",
        &["line 8: `spec.kustomize.patches[0].patch`: is required"],
    );
}

#[test]
fn closed_sets() {
    let distribution = |field| bare_instance(&format!("distribution:\n  version: 2.x\n  registry: fluxcd\n  {field}"));
    text_refused(
        &distribution("variant: upstream-alpin"),
        &["line 8: `spec.distribution.variant`: expected one of `upstream-alpine`, `enterprise-alpine`, \
         `enterprise-distroless`, `enterprise-distroless-fips`, found `upstream-alpin`; did you mean `upstream-alpine`?"],
    );
    let components = "expected one of `source-controller`, `kustomize-controller`, `helm-controller`, \
                      `notification-controller`, `image-reflector-controller`, `image-automation-controller`, \
                      `source-watcher`";
    refused(
        "components:\n- helm-controler\n- flagger",
        &[
            &format!(
                "line 7: `spec.components[0]`: {components}, found `helm-controler`; did you mean `helm-controller`?"
            ),
            &format!("line 8: `spec.components[1]`: {components}, found `flagger`"),
        ],
    );
    refused(
        "cluster: {type: OpenShift}",
        &["line 6: `spec.cluster.type`: expected one of `kubernetes`, `openshift`, `aws`, `azure`, `gcp`, found \
         `OpenShift`; did you mean `openshift`?"],
    );
    refused(
        "cluster: {size: tiny}",
        &["line 6: `spec.cluster.size`: expected one of `small`, `medium`, `large`, found `tiny`"],
    );
    refused(
        "sharding: {shards: [a], storage: disk}",
        &["line 6: `spec.sharding.storage`: expected one of `ephemeral`, `persistent`, found `disk`"],
    );
    refused(
        &format!("{SYNC}  kind: HelmRepository"),
        &[
            "line 10: `spec.sync.kind`: expected one of `OCIRepository`, `GitRepository`, `Bucket`, found `HelmRepository`",
        ],
    );
    refused(
        &format!("{SYNC}  kind: Bucket\n  provider: minio"),
        &["line 11: `spec.sync.provider`: expected one of `generic`, `aws`, `azure`, `gcp`, `github`, found `minio`"],
    );
}

#[test]
fn one_mistake_is_one_violation() {
    let error = "line 10: `spec.sync.kind`: expected one of `OCIRepository`, `GitRepository`, `Bucket`, found `Git`; did \
                 you mean `GitRepository`?";
    for provider in ["github", "gcp", "aws"] {
        refused(&format!("{SYNC}  kind: Git\n  provider: {provider}"), &[error]);
    }
    refused(
        "sharding: {shards: [a], storage: persistent}\nstorage: standard",
        &["line 7: `spec.storage`: expected a mapping, found `standard`"],
    );
    text_refused(
        &bare_instance("distribution: [2.x]"),
        &["line 5: `spec.distribution`: expected a mapping, found a list"],
    );
    refused(
        "storage: {class: [a], size: {b: c}}",
        &[
            "line 6: `spec.storage.class`: expected a text, found a list",
            "line 6: `spec.storage.size`: expected a text, found a mapping",
        ],
    );
    refused(
        "sync: {kind: null, url: a, ref: [b], path: c, provider: gcp}",
        &["line 6: `spec.sync.ref`: expected a text, found a list", "line 6: `spec.sync.kind`: is required"],
    );
    refused(
        "cluster: {multitenantWorkloadIdentity: true, objectLevelWorkloadIdentity: 'true'}",
        &["line 6: `spec.cluster.objectLevelWorkloadIdentity`: expected `true` or `false`, found the text `true`"],
    );
}

#[test]
fn rules_between_fields() {
    refused(
        "sharding: {shards: [a], storage: persistent}",
        &["line 4: `spec.storage`: has to be set if `spec.sharding.storage` is `persistent`"],
    );
    refused(
        "cluster:\n  multitenantWorkloadIdentity: true",
        &[
            "line 6: `spec.cluster.objectLevelWorkloadIdentity`: has to be true if `multitenantWorkloadIdentity` is true",
        ],
    );
    refused(
        "cluster:\n  multitenantWorkloadIdentity: true\n  objectLevelWorkloadIdentity: false",
        &[
            "line 8: `spec.cluster.objectLevelWorkloadIdentity`: has to be true if `multitenantWorkloadIdentity` is true",
        ],
    );
    refused(
        &format!("{SYNC}  kind: GitRepository\n  provider: gcp"),
        &["line 11: `spec.sync.provider`: `gcp` works only with the kinds `OCIRepository` and `Bucket`"],
    );
    for kind in ["OCIRepository", "Bucket"] {
        refused(
            &format!("{SYNC}  kind: {kind}\n  provider: github"),
            &["line 11: `spec.sync.provider`: `github` works only with the kind `GitRepository`"],
        );
    }
    for (kind, provider) in
        [("GitRepository", "aws"), ("GitRepository", "azure"), ("Bucket", "gcp"), ("OCIRepository", "generic")]
    {
        super::accepted(&format!("{SYNC}  kind: {kind}\n  provider: {provider}"));
    }
}

#[test]
fn patterns_and_bounds() {
    let distribution = |field| bare_instance(&format!("distribution:\n  version: 2.x\n  registry: fluxcd\n  {field}"));
    text_refused(
        &distribution("artifact: ghcr.io/org/manifests"),
        &["line 8: `spec.distribution.artifact`: expected an OCI address such as \
         `oci://ghcr.io/org/flux-manifests:latest`, found `ghcr.io/org/manifests`"],
    );
    refused("sharding: {shards: []}", &["line 6: `spec.sharding.shards`: expected at least one shard"]);
    for interval in ["1d", "1", "-1m", ".5h", "5us", "''"] {
        let found = interval.trim_matches('\'');
        refused(
            &format!("{SYNC}  kind: Bucket\n  interval: {interval}"),
            &[&format!("line 11: `spec.sync.interval`: expected a duration such as `1m` or `1h30m`, found `{found}`")],
        );
    }
    refused(
        &format!("{SYNC}  kind: Bucket\n  name: {}", "a".repeat(64)),
        &["line 11: `spec.sync.name`: has 64 characters, at most 63 are accepted"],
    );
    refused(
        &format!("{SYNC}  kind: Bucket\n  name: Fleet"),
        &["line 11: `spec.sync.name`: expected a DNS name (lower-case letters, digits, `-` and `.`, at most 253 \
         characters), found `Fleet`"],
    );
}

/// What the API server lets pass, and a build would fail on.
#[test]
fn what_a_build_would_fail_on() {
    text_refused(
        &bare_instance("distribution: {version: latest, registry: fluxcd}"),
        &["line 5: `spec.distribution.version`: `latest` is not a version or a range such as `2.x`, `2.9.4` or \
         `>=2.8.0 <2.10`"],
    );
    for registry in ["https://ghcr.io/fluxcd", "GHCR.io/Flux CD", "fluxcd:v1"] {
        let text = bare_instance(&format!("distribution: {{version: 2.x, registry: '{registry}'}}"));
        text_refused(
            &text,
            &[&format!(
                "line 5: `spec.distribution.registry`: expected a registry and path such as `ghcr.io/fluxcd`, found \
             `{registry}`"
            )],
        );
    }
    refused(
        "components: [helm-controller, source-watcher, helm-controller]",
        &["line 6: `spec.components[2]`: `helm-controller` is listed twice"],
    );
    refused(
        "cluster: {domain: cluster.local.}",
        &["line 6: `spec.cluster.domain`: expected a DNS domain such as `cluster.local`, without a dot at its ends, \
         found `cluster.local.`"],
    );
    refused(
        "storage: {class: a, size: 10GB}",
        &["line 6: `spec.storage.size`: expected a quantity such as `10Gi`, found `10GB`"],
    );
}

#[test]
fn shards() {
    let label = "expected a DNS label (lower-case letters, digits and `-`, at most 63 characters)";
    refused(
        "sharding:\n  shards:\n  - a\n  - B\n  - a\n  key: '-'",
        &[
            &format!("line 9: `spec.sharding.shards[1]`: {label}, found `B`"),
            "line 10: `spec.sharding.shards[2]`: `a` is listed twice",
            "line 11: `spec.sharding.key`: expected a label key such as `sharding.fluxcd.io/key`, found `-`",
        ],
    );
    // `kustomize-controller-<shard>` is a label, too.
    super::accepted(&format!("sharding: {{shards: [{}]}}", "a".repeat(42)));
    let long = "a".repeat(43);
    refused(
        &format!("sharding: {{shards: [{long}]}}"),
        &[&format!(
            "line 6: `spec.sharding.shards[0]`: a shard of these components has at most 42 characters, `{long}` has 43"
        )],
    );
    super::accepted("sharding: {shards: [1, true, roles]}");
}

#[test]
fn patches() {
    let patch = "kustomize:\n  patches:\n  - patch: '{}'\n";
    refused(
        &format!("{patch}  - patch: ''"),
        &["line 9: `spec.kustomize.patches[1].patch`: is required: a strategic merge patch, or a list of JSON patch \
         operations"],
    );
    refused(
        &format!("{patch}  - target:\n      kind: '('\n      labelSelector: a==\n    patch: text"),
        &[
            "line 10: `spec.kustomize.patches[1].target.kind`: `(` is no regular expression in RE2 syntax: a `(` has no `)`",
            "line 12: `spec.kustomize.patches[1].patch`: line 1: expected a mapping with `kind` and `metadata.name`, or a \
         list of JSON patch operations",
        ],
    );
}

#[test]
fn common_metadata_has_to_be_acceptable_to_kubernetes() {
    refused(
        "commonMetadata:\n  labels:\n    example.com/a: b c\n    -a: b\n  annotations:\n    example.com/b: any text\n    a b: c",
        &[
            "line 8: `spec.commonMetadata.labels.example.com/a`: expected a label value (at most 63 letters, digits, `-`, \
         `_` and `.` between letters or digits), found `b c`",
            "line 9: `spec.commonMetadata.labels.-a`: expected a label key such as `sharding.fluxcd.io/key`, found `-a`",
            "line 12: `spec.commonMetadata.annotations.a b`: expected a label key such as `sharding.fluxcd.io/key`, found \
         `a b`",
        ],
    );
}

#[test]
fn wrong_types() {
    refused(
        "components: source-controller",
        &["line 6: `spec.components`: expected a list, found `source-controller`"],
    );
    refused("components: {a: b}", &["line 6: `spec.components`: expected a list, found a mapping"]);
    refused("cluster: openshift", &["line 6: `spec.cluster`: expected a mapping, found `openshift`"]);
    refused("cluster: []", &["line 6: `spec.cluster`: expected a mapping, found a list"]);
    refused("cluster: {domain: [a]}", &["line 6: `spec.cluster.domain`: expected a text, found a list"]);
    refused("sharding: {shards: a}", &["line 6: `spec.sharding.shards`: expected a list, found `a`"]);
    refused(
        "commonMetadata: {labels: [a]}",
        &["line 6: `spec.commonMetadata.labels`: expected a mapping, found a list"],
    );
    refused(
        "commonMetadata: {labels: {a: {b: c}}}",
        &["line 6: `spec.commonMetadata.labels.a`: expected a text, found a mapping"],
    );
    refused("kustomize: {patches: [text]}", &["line 6: `spec.kustomize.patches[0]`: expected a mapping, found `text`"]);
    refused(
        "kustomize: {patches: [{patch: [{op: add}]}]}",
        &["line 6: `spec.kustomize.patches[0].patch`: expected a text, found a list"],
    );
    refused("components: [helm-controller, null]", &["line 6: `spec.components[1]`: expected a value, found nothing"]);
    let text = instance("").replace("{name: flux}", "[flux]");
    text_refused(&text, &["line 3: `metadata`: expected a mapping, found a list"]);
    let text = instance("").replace("{name: flux}", "{name: [flux]}");
    text_refused(&text, &["line 3: `metadata.name`: expected a text, found a list"]);
}

/// Positions are those of the file, also behind elements that cannot be used.
#[test]
fn elements_behind_bad_ones_keep_their_position() {
    refused(
        "components:\n- flager\n- helm-controller\n- null\n- helm-controller",
        &[
            "line 7: `spec.components[0]`: expected one of `source-controller`, `kustomize-controller`, \
         `helm-controller`, `notification-controller`, `image-reflector-controller`, `image-automation-controller`, \
         `source-watcher`, found `flager`",
            "line 9: `spec.components[2]`: expected a value, found nothing",
            "line 10: `spec.components[3]`: `helm-controller` is listed twice",
        ],
    );
    refused(
        "sharding:\n  shards:\n  - []\n  - B\n",
        &[
            "line 8: `spec.sharding.shards[0]`: expected a text, found a list",
            "line 9: `spec.sharding.shards[1]`: expected a DNS label (lower-case letters, digits and `-`, at most 63 \
         characters), found `B`",
        ],
    );
    refused(
        "kustomize:\n  patches:\n  - text\n  - patch: ''\n",
        &[
            "line 8: `spec.kustomize.patches[0]`: expected a mapping, found `text`",
            "line 9: `spec.kustomize.patches[1].patch`: is required: a strategic merge patch, or a list of JSON patch \
         operations",
        ],
    );
}

#[test]
fn everything_is_said_at_once_in_the_order_of_the_lines() {
    let text = instance(
        "storage: {class: a, size: b}\ncluster:\n  size: x\n  tpye: aws\ncomponents: helm-controller\nsync: {}",
    );
    let text = text.replace("{name: flux}", "{name: other}").replace("version: 2.x", "version: latest");
    let violations = super::plan(&text).unwrap_err();
    let places: Vec<_> = violations.iter().map(|violation| violation.split("`: ").next().unwrap()).collect();
    assert_eq!(
        places,
        [
            "line 3: `metadata.name",
            "line 5: `spec.distribution.version",
            "line 6: `spec.storage.size",
            "line 8: `spec.cluster.size",
            "line 9: `spec.cluster.tpye",
            "line 10: `spec.components",
            "line 11: `spec.sync.kind",
            "line 11: `spec.sync.path",
            "line 11: `spec.sync.ref",
            "line 11: `spec.sync.url",
        ]
    );
}
