//! Scalars take the types of the schema, and what is not there has its default.

use flux_operator_api::Component;

use super::{accepted, bare_instance, instance, plan, refused};
use crate::plan::{Tenancy, WorkloadIdentity};

/// What a text field of the sync is taken for.
#[track_caller]
fn text(written: &str, expected: &str) {
    let plan = accepted(&format!("sync: {{kind: Bucket, url: a, path: b, ref: {written}}}"));
    assert_eq!(plan.sync.unwrap().reference, expected, "{written}");
}

#[test]
fn scalars_of_texts_become_their_text() {
    text("main", "main");
    text("2.80", "2.8");
    text("'2.80'", "2.80");
    text("0755", "493");
    text("1e3", "1000");
    text("1_000", "1000");
    text("0x1F", "31");
    text("-7", "-7");
    text(".5", "0.5");
    text("yes", "true");
    text("No", "false");
    text("on", "true");
    text("y", "true");
    text("\"yes\"", "yes");
    text("!!str 2.80", "2.80");
    text("12:30", "12:30");
    text("2020-01-01", "2020-01-01");
    text("1.2.3", "1.2.3");
}

#[test]
fn versions_are_read_as_numbers_too() {
    for (written, range) in [("2.80", "2.8"), ("'2.80'", "2.80"), ("2", "2"), ("2.8.3", "2.8.3"), ("v2.8", "v2.8")] {
        let text = bare_instance(&format!("distribution: {{version: {written}, registry: ghcr.io/fluxcd}}"));
        assert_eq!(plan(&text).unwrap().version_range().to_string(), range, "{written}");
    }
}

#[test]
fn booleans_are_those_of_yaml_1_1() {
    for (written, expected) in
        [("true", true), ("yes", true), ("On", true), ("no", false), ("OFF", false), ("n", false)]
    {
        assert_eq!(accepted(&format!("cluster: {{networkPolicy: {written}}}")).cluster.network_policy, expected);
    }
    for (written, found) in [
        ("'true'", "the text `true`"),
        ("maybe", "the text `maybe`"),
        ("1", "`1`"),
        ("[true]", "a list"),
        ("{}", "a mapping"),
    ] {
        let expected = format!("line 6: `spec.cluster.networkPolicy`: expected `true` or `false`, found {found}");
        refused(&format!("cluster: {{networkPolicy: {written}}}"), &[&expected]);
    }
}

#[test]
fn null_and_empty_text_are_like_nothing() {
    let minimal = format!("{:?}", accepted(""));
    for spec in [
        "components:",
        "components: []",
        "cluster: null\nsharding: ~\nstorage:\nsync: Null\nkustomize: NULL\ncommonMetadata: null",
        "cluster: {}",
        "cluster: {type: null, size: null, domain: null, networkPolicy: null, multitenant: null}",
        "cluster: {domain: '', tenantDefaultServiceAccount: ''}",
        "cluster: {objectLevelWorkloadIdentity: null, multitenantWorkloadIdentity: no}",
        "kustomize: {}",
        "kustomize: {patches: null}",
        "commonMetadata: {labels: null, annotations: {}}",
        "wait: null\nmigrateResources: false",
    ] {
        assert_eq!(format!("{:?}", accepted(spec)), minimal, "{spec}");
    }
}

#[test]
fn a_null_in_common_metadata_is_the_empty_text() {
    let plan = accepted("commonMetadata: {labels: {a: null, b: ''}, annotations: {c: ~}}");
    let entries = |map: &std::collections::BTreeMap<String, String>| format!("{map:?}");
    assert_eq!(entries(&plan.common_labels), r#"{"a": "", "b": ""}"#);
    assert_eq!(entries(&plan.common_annotations), r#"{"c": ""}"#);
}

#[test]
fn keys_are_read_like_values() {
    let plan = accepted("commonMetadata: {annotations: {n: a, 'y': b, 1.50: c, 0x10: d}}");
    let keys: Vec<_> = plan.common_annotations.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(keys, ["1.5=c", "16=d", "false=a", "y=b"]);
    let plan = accepted("commonMetadata: {labels: {a: 1, a: 2}}");
    assert_eq!(plan.common_labels["a"], "2");
}

#[test]
fn the_least_instance_has_every_default() {
    let plan = accepted("");
    assert_eq!((plan.name(), plan.namespace()), ("flux", "flux-system"));
    assert_eq!(plan.components, Component::CORE);
    assert!(plan.cluster.network_policy && !plan.cluster.is_openshift);
    assert_eq!((plan.cluster.size, plan.cluster.domain.as_str()), (None, "cluster.local"));
    assert_eq!(plan.cluster.tenancy, Tenancy::Single);
    assert_eq!(plan.cluster.workload_identity, WorkloadIdentity::Controllers);
    assert!(plan.sharding.is_none() && plan.storage.is_none() && plan.sync.is_none() && plan.patches.is_empty());
    assert!(plan.common_labels.is_empty() && plan.common_annotations.is_empty());
    assert_eq!(plan.distribution.image_pull_secret, None);
}

#[test]
fn parts_that_are_there_have_their_defaults() {
    let plan = accepted(
        "cluster: {size: small}\nsharding: {shards: [a]}\nsync: {kind: GitRepository, url: u, ref: r, path: p}\n\
         storage: {class: standard, size: 10Gi}",
    );
    assert!(plan.cluster.network_policy);
    let sharding = plan.sharding.unwrap();
    assert_eq!((sharding.key.as_str(), sharding.is_persistent), ("sharding.fluxcd.io/key", false));
    let sync = plan.sync.unwrap();
    assert_eq!((sync.name.as_str(), sync.interval.to_string().as_str()), ("flux-system", "1m0s"));
    assert_eq!((sync.pull_secret, sync.provider), (None, None));
}

#[test]
fn accounts_of_tenants_are_called_default() {
    let plan =
        accepted("cluster: {multitenant: true, objectLevelWorkloadIdentity: true, multitenantWorkloadIdentity: true}");
    let account = || "default".to_owned();
    assert_eq!(plan.cluster.tenancy, Tenancy::Multi { default_service_account: account() });
    let identity = WorkloadIdentity::Tenants { default: account(), decryption: account(), kube_config: account() };
    assert_eq!(plan.cluster.workload_identity, identity);
}

#[test]
fn the_sync_is_called_like_the_namespace() {
    let text = instance("sync: {kind: Bucket, url: u, ref: r, path: p, name: ''}");
    let plan = plan(&text.replace("{name: flux}", "{name: flux, namespace: gitops}")).unwrap();
    assert_eq!((plan.namespace(), plan.sync.as_ref().unwrap().name.as_str()), ("gitops", "gitops"));
}

#[test]
fn anchors_and_json_are_fine() {
    let plan = accepted("x-: &a\ncomponents: &c [helm-controller]".trim_start_matches("x-: &a\n"));
    assert_eq!(plan.components, [Component::HelmController]);
    let json = r#"{"apiVersion": "fluxcd.controlplane.io/v1", "kind": "FluxInstance", "metadata": {"name": "flux"},
        "spec": {"distribution": {"version": "2.x", "registry": "fluxcd"}, "components": ["source-watcher"]}}"#;
    assert_eq!(super::plan(json).unwrap().components, [Component::SourceWatcher]);
}
