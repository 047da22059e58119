//! Instances from the whole space of fields, every one of them legal.

use flux_operator_api::{
    Cluster, ClusterSize, ClusterType, CommonMetadata, Component, Distribution, FluxInstance, FluxInstanceSpec,
    Kustomize, Patch, Selector, ShardStorage, Sharding, Storage, Sync, SyncKind, SyncProvider, Variant,
};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option::{of, weighted};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// Patches as people write them: the target's kind and name, and the text.
pub(crate) const PATCHES: &[(&str, &str, &str)] = &[
    ("Deployment", "", "- {op: add, path: /spec/template/spec/containers/0/args/-, value: --log-level=debug}"),
    ("Deployment", "(source|kustomize)-controller", "- {op: replace, path: /spec/replicas, value: 2}"),
    ("Deployment", ".*", r#"[{"op": "add", "path": "/metadata/annotations", "value": {"a": "1", "b/c": "true"}}]"#),
    (
        "Namespace",
        "",
        "- {op: test, path: /kind, value: Namespace}\n- {op: add, path: /metadata/labels/team, value: a}",
    ),
    ("ClusterRole", "crd-controller", "- {op: copy, from: /rules/0, path: /rules/-}\n- {op: remove, path: /rules/0}"),
    ("ServiceAccount", "helm-controller", "- {op: replace, path: /metadata/name, value: helm}"),
    ("NetworkPolicy", "", "kind: NetworkPolicy\nmetadata: {name: any}\n$patch: delete\n"),
    ("Service", "", "kind: Service\nmetadata: {name: any, labels: {zone: 0755}}\nspec: {type: LoadBalancer}\n"),
    (
        "Deployment",
        "source-controller",
        "kind: Deployment\nmetadata: {name: any}\nspec: {template: {spec: {containers: [{name: proxy, image: a/b:1}]}}}\n",
    ),
    (
        "Deployment",
        "helm-controller",
        "kind: Deployment\nmetadata: {name: any}\n\
         spec: {template: {spec: {containers: [{name: manager, env: [{name: A, value: '1'}], args: [x: null, 2]}]}}}\n",
    ),
    ("CustomResourceDefinition", ".*toolkit.*", "- {op: add, path: /metadata/annotations, value: {note: 'a: b'}}"),
    ("", "", "kind: Any\nmetadata: {name: any, annotations: {patched: yes, removed: null, date: 2020-01-01}}\n"),
];

/// A patch of the list above.
pub(crate) fn patch((kind, name, text): (&str, &str, &str)) -> Patch {
    let field = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Patch {
        patch: text.to_owned(),
        target: Some(Selector { kind: field(kind), name: field(name), ..Selector::default() }),
    }
}

pub(crate) fn name() -> impl Strategy<Value = String> {
    "[a-z]([a-z0-9-]{0,10}[a-z0-9])?"
}

/// Texts that look like something else in YAML.
fn label_value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9]{1,12}",
        select(&["true", "no", "1.0", "0755", "null", "2020-01-01", "12.30"][..]).prop_map(str::to_owned)
    ]
}

fn distribution() -> impl Strategy<Value = Distribution> {
    let versions = select(&["2.9.x", ">=2.6, <2.10", "*", "2.x", "2.6.x", "v2.9.90"][..]);
    let registries = [
        "ghcr.io/fluxcd",
        "fluxcd",
        "docker.io/fluxcd",
        "ghcr.io/controlplaneio-fluxcd/distroless",
        "localhost:5000/mirror/",
    ];
    (versions, select(registries.to_vec()), of(select(Variant::ALL)), of(name())).prop_map(
        |(version, registry, variant, secret)| Distribution {
            variant,
            image_pull_secret: secret,
            ..Distribution::new(version, registry)
        },
    )
}

fn components() -> impl Strategy<Value = Vec<Component>> {
    subsequence(Component::ALL, 0..=Component::ALL.len()).prop_shuffle()
}

fn cluster() -> impl Strategy<Value = Cluster> {
    let accounts = (of(name()), of(name()), of(name()));
    let identity = select(&[(false, false), (true, false), (true, true)][..]);
    let domain = select(&["cluster.local", "my.domain", "K8s.Example.Internal"][..]);
    let flavour = (select(ClusterType::ALL), of(select(ClusterSize::ALL)), domain);
    (flavour, any::<bool>(), any::<bool>(), identity, accounts).prop_map(
        |((r#type, size, domain), network_policy, multitenant, (objects, tenants), (default, decryption, remote))| {
            Cluster {
                r#type,
                size,
                domain: domain.to_owned(),
                network_policy,
                multitenant,
                tenant_default_service_account: default,
                object_level_workload_identity: objects,
                multitenant_workload_identity: tenants,
                tenant_default_decryption_service_account: decryption,
                tenant_default_kube_config_service_account: remote,
            }
        },
    )
}

fn sharding() -> impl Strategy<Value = Sharding> {
    let shards = btree_set(prop_oneof![name(), Just("1".to_owned()), Just("true".to_owned())], 1..3);
    let key = select(&["sharding.fluxcd.io/key", "team", "example.com/a_b.c"][..]);
    (shards, key, of(select(ShardStorage::ALL))).prop_map(|(shards, key, storage)| Sharding {
        key: key.to_owned(),
        storage,
        ..Sharding::new(shards)
    })
}

fn sync() -> impl Strategy<Value = Sync> {
    let reference =
        prop_oneof![name(), select(&["refs/heads/main", "123", "a: b", ">=1.0"][..]).prop_map(str::to_owned)];
    let rest = (select(&["1m", "90s", "1h30m", "500ms"][..]), of(name()), of(name()), of(select(SyncProvider::ALL)));
    (select(SyncKind::ALL), reference, rest).prop_map(|(kind, reference, (interval, name, pull_secret, provider))| {
        let fits = |provider: &SyncProvider| match provider {
            SyncProvider::Gcp => kind != SyncKind::GitRepository,
            SyncProvider::GitHub => kind == SyncKind::GitRepository,
            _ => true,
        };
        Sync {
            interval: interval.to_owned(),
            name,
            pull_secret,
            provider: provider.filter(fits),
            ..Sync::new(kind, "https://example.com/fleet", reference, "./clusters/a")
        }
    })
}

/// A legal instance. Whether it can be built depends on the version that its range selects.
pub(crate) fn instance() -> impl Strategy<Value = FluxInstance> {
    let storage = name().prop_map(|class| Storage::new(class, "10Gi"));
    let metadata = || btree_map("[a-z]{1,5}(\\.example\\.com/[a-z]{1,5})?", label_value(), 0..3);
    let metadata = (metadata(), metadata()).prop_map(|(labels, annotations)| CommonMetadata { annotations, labels });
    let patches = subsequence(PATCHES, 0..4).prop_shuffle();
    let what = (prop_oneof![Just("flux-system".to_owned()), name()], distribution(), components());
    let how = (of(metadata), weighted(0.8, cluster()), of(storage), weighted(0.4, sharding()), of(sync()), patches);
    (what, how).prop_map(
        |((namespace, distribution, components), (common_metadata, cluster, storage, sharding, sync, patches))| {
            let is_persistent = sharding.as_ref().is_some_and(Sharding::is_persistent);
            let patches: Vec<_> = patches.into_iter().map(patch).collect();
            let spec = FluxInstanceSpec {
                components,
                common_metadata,
                cluster,
                storage: storage.or_else(|| is_persistent.then(|| Storage::new("standard", "1Gi"))),
                sharding,
                kustomize: Some(Kustomize { patches }),
                sync,
                ..FluxInstanceSpec::new(distribution)
            };
            FluxInstance::new("flux", spec).in_namespace(namespace)
        },
    )
}

/// Texts of a few words, some of which mean something to one of the parsers.
pub(crate) fn words(words: &'static [&'static str], length: usize) -> impl Strategy<Value = String> {
    vec(prop_oneof![4 => select(words).prop_map(str::to_owned), 1 => "\\PC{0,3}"], 0..length)
        .prop_map(|words| words.concat())
}
