//! Which objects an installation has, in which order, and what all of them carry.

use serde_json::{Value, json};

use crate::rendering::{ALL_COMPONENTS, Distribution, at, ids, instance, instance_in, object, texts};

/// The core four in `flux-system` on 2.9, in the order in which they are applied.
const MINIMAL: &[&str] = &[
    "CustomResourceDefinition/alerts.notification.toolkit.fluxcd.io",
    "CustomResourceDefinition/buckets.source.toolkit.fluxcd.io",
    "CustomResourceDefinition/externalartifacts.source.toolkit.fluxcd.io",
    "CustomResourceDefinition/gitrepositories.source.toolkit.fluxcd.io",
    "CustomResourceDefinition/helmcharts.source.toolkit.fluxcd.io",
    "CustomResourceDefinition/helmreleases.helm.toolkit.fluxcd.io",
    "CustomResourceDefinition/helmrepositories.source.toolkit.fluxcd.io",
    "CustomResourceDefinition/kustomizations.kustomize.toolkit.fluxcd.io",
    "CustomResourceDefinition/ocirepositories.source.toolkit.fluxcd.io",
    "CustomResourceDefinition/providers.notification.toolkit.fluxcd.io",
    "CustomResourceDefinition/receivers.notification.toolkit.fluxcd.io",
    "Namespace/flux-system",
    "ClusterRole/crd-controller-flux-system",
    "ClusterRole/flux-edit-flux-system",
    "ClusterRole/flux-view-flux-system",
    "ClusterRoleBinding/cluster-reconciler-flux-system",
    "ClusterRoleBinding/crd-controller-flux-system",
    "ResourceQuota/flux-system/critical-pods-flux-system",
    "ServiceAccount/flux-system/helm-controller",
    "ServiceAccount/flux-system/kustomize-controller",
    "ServiceAccount/flux-system/notification-controller",
    "ServiceAccount/flux-system/source-controller",
    "Service/flux-system/notification-controller",
    "Service/flux-system/source-controller",
    "Service/flux-system/webhook-receiver",
    "Deployment/flux-system/helm-controller",
    "Deployment/flux-system/kustomize-controller",
    "Deployment/flux-system/notification-controller",
    "Deployment/flux-system/source-controller",
    "NetworkPolicy/flux-system/allow-egress",
    "NetworkPolicy/flux-system/allow-scraping",
    "NetworkPolicy/flux-system/allow-webhooks",
];

/// The carried distribution and, where there is one, the real one, each with its newest 2.9.
fn newest() -> impl Iterator<Item = (&'static Distribution, &'static str)> {
    let real = Distribution::real().map(|real| (real, "2.9.4"));
    [(Distribution::carried(), "2.9.90")].into_iter().chain(real)
}

#[test]
fn the_least_instance_is_32_objects_in_order() {
    for (distribution, version) in newest() {
        let bundle = distribution.render(&instance(version, ""));
        assert_eq!(ids(&bundle), MINIMAL, "{version}");
    }
}

#[test]
fn without_network_policies_it_is_29() {
    for (distribution, version) in newest() {
        let bundle = distribution.render(&instance(version, "cluster: {networkPolicy: false}"));
        assert_eq!(ids(&bundle), MINIMAL[..29], "{version}");
    }
}

#[test]
fn before_external_artifacts_it_is_31() {
    let Some(real) = Distribution::real() else { return };
    let bundle = real.render(&instance("2.3.0", ""));
    let expected: Vec<_> = MINIMAL.iter().filter(|id| !id.contains("externalartifacts")).collect();
    assert_eq!(ids(&bundle).iter().collect::<Vec<_>>(), expected);
}

#[test]
fn two_persistent_shards_of_everything_and_a_sync_are_64() {
    let spec = format!(
        "{ALL_COMPONENTS}storage: {{class: standard, size: 10Gi}}\n\
         sharding: {{shards: [shard1, shard2], storage: persistent}}\n\
         sync: {{kind: GitRepository, url: https://git.example.com/fleet, ref: refs/heads/main, path: .}}"
    );
    for (distribution, version) in newest() {
        assert_eq!(distribution.render(&instance(version, ALL_COMPONENTS)).objects().len(), 43);
        // Per shard six Deployments and two Services; three volume claims; source and Kustomization.
        assert_eq!(distribution.render(&instance(version, &spec)).objects().len(), 43 + 2 * 8 + 3 + 2);
    }
}

#[test]
fn the_role_loses_the_rule_for_tokens_and_gains_one_for_the_operator() {
    for (distribution, version) in newest() {
        let bundle = distribution.render(&instance(version, ""));
        let rules = at(&bundle, "ClusterRole", "crd-controller-flux-system", "/rules");
        let rules = rules.as_array().unwrap();
        assert_eq!(rules.len(), 13, "{version}");
        assert!(rules.iter().all(|rule| rule["resources"] != json!(["serviceaccounts/token"])), "{version}");
        let operator = json!({"apiGroups": ["fluxcd.controlplane.io"], "resources": ["*"], "verbs": ["*"]});
        assert_eq!(rules.last(), Some(&operator), "{version}");
    }
}

#[test]
fn a_namespace_of_its_own_reaches_names_and_subjects() {
    for (distribution, version) in newest() {
        let bundle = distribution.render(&instance_in("gitops", version, "ghcr.io/fluxcd", ""));
        let expected: Vec<_> = MINIMAL.iter().map(|id| id.replace("flux-system", "gitops")).collect();
        assert_eq!(ids(&bundle), expected);
        for binding in ["cluster-reconciler-gitops", "crd-controller-gitops"] {
            let subjects = at(&bundle, "ClusterRoleBinding", binding, "/subjects");
            let subjects = subjects.as_array().unwrap();
            assert!(subjects.iter().all(|subject| subject["namespace"] == "gitops"), "{subjects:?}");
        }
        let role = |binding| at(&bundle, "ClusterRoleBinding", binding, "/roleRef/name");
        assert_eq!(role("crd-controller-gitops"), "crd-controller-gitops");
        assert_eq!(role("cluster-reconciler-gitops"), "cluster-admin");
    }
}

#[test]
fn the_binding_lists_controllers_that_are_not_installed() {
    let bundle = Distribution::carried().render(&instance("2.9.90", "components: [notification-controller]"));
    let subjects = at(&bundle, "ClusterRoleBinding", "crd-controller-flux-system", "/subjects");
    assert_eq!(subjects.as_array().map(Vec::len), Some(7));
    let accounts = ids(&bundle).into_iter().filter(|id| id.starts_with("ServiceAccount/"));
    assert_eq!(accounts.collect::<Vec<_>>(), ["ServiceAccount/flux-system/notification-controller"]);
}

#[test]
fn a_volume_claim_comes_with_storage_even_without_source_controller() {
    let spec = "components: [helm-controller]\nstorage: {class: standard, size: 10Gi}";
    let bundle = Distribution::carried().render(&instance("2.9.90", spec));
    let claim = at(&bundle, "PersistentVolumeClaim", "source-controller", "/spec");
    let expected = json!({
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "standard",
        "resources": {"requests": {"storage": "10Gi"}},
    });
    assert_eq!(claim, expected);
    let volumes = at(&bundle, "Deployment", "helm-controller", "/spec/template/spec/volumes");
    assert_eq!(volumes.as_array().map(Vec::len), Some(1));
}

#[test]
fn every_object_carries_the_common_metadata_and_its_owner() {
    let spec = "commonMetadata:\n  labels: {app.kubernetes.io/part-of: platform, team: a}\n  \
                annotations: {kustomize.toolkit.fluxcd.io/ssa: Merge}";
    let bundle = Distribution::carried().render(&instance("2.9.90", spec));
    for object in bundle.objects() {
        let label = |key| object.labels().find(|(known, _)| *known == key).map(|(_, value)| value);
        let annotation = |key| object.annotations().find(|(known, _)| *known == key).map(|(_, value)| value);
        for (key, expected) in [
            ("app.kubernetes.io/managed-by", "flux-operator"),
            ("app.kubernetes.io/instance", "flux-system"),
            ("app.kubernetes.io/version", "v2.9.90"),
            ("app.kubernetes.io/part-of", "platform"),
            ("fluxcd.controlplane.io/name", "flux"),
            ("fluxcd.controlplane.io/namespace", "flux-system"),
            ("team", "a"),
        ] {
            assert_eq!(label(key), Some(expected), "{}", object.id());
        }
        assert_eq!(annotation("kustomize.toolkit.fluxcd.io/prune"), Some("Disabled"), "{}", object.id());
        assert_eq!(annotation("kustomize.toolkit.fluxcd.io/ssa"), Some("Merge"), "{}", object.id());
    }
}

#[test]
fn common_labels_never_reach_selectors_and_templates() {
    let spec = "commonMetadata: {labels: {team: a}}\nsharding: {shards: [s]}";
    let bundle = Distribution::carried().render(&instance("2.9.90", spec));
    for deployment in bundle.objects().iter().filter(|object| object.kind() == "Deployment") {
        for pointer in ["/spec/selector/matchLabels", "/spec/template/metadata/labels"] {
            let labels = deployment.pointer(pointer).and_then(Value::as_object).unwrap();
            for key in ["team", "app.kubernetes.io/managed-by", "fluxcd.controlplane.io/name"] {
                assert!(!labels.contains_key(key), "{}: {pointer} has {key}", deployment.id());
            }
        }
    }
}

#[test]
fn shards_share_accounts_and_have_services_and_volumes_of_their_own() {
    let spec = format!(
        "{ALL_COMPONENTS}storage: {{class: fast, size: 1Gi}}\nsharding: {{shards: [s, default], storage: persistent}}"
    );
    let bundle = Distribution::carried().render(&instance("2.9.90", &spec));
    for shard in ["s", "default"] {
        let name = format!("source-controller-{shard}");
        let deployment = |pointer| at(&bundle, "Deployment", &name, pointer);
        assert_eq!(deployment("/spec/template/spec/serviceAccountName"), "source-controller");
        assert_eq!(deployment("/spec/selector/matchLabels"), json!({"app": name}));
        assert_eq!(deployment("/spec/template/metadata/labels/app"), name.as_str());
        assert_eq!(deployment("/spec/template/metadata/labels/app.kubernetes.io~1component"), "source-controller");
        assert_eq!(deployment("/spec/template/metadata/annotations/sharding.fluxcd.io~1role"), "shard");
        assert_eq!(at(&bundle, "Service", &name, "/spec/selector"), json!({"app": name}));
        assert_eq!(
            deployment("/spec/template/spec/volumes"),
            json!([
                {"name": format!("persistent-data-{shard}"), "persistentVolumeClaim": {"claimName": name}},
                {"name": "tmp", "emptyDir": {}},
            ])
        );
        let mount = json!({"name": format!("persistent-data-{shard}"), "mountPath": "/data"});
        assert_eq!(deployment("/spec/template/spec/containers/0/volumeMounts/0"), mount);
        let role = |kind| at(&bundle, kind, &name, "/metadata/annotations/sharding.fluxcd.io~1role");
        assert!(["Deployment", "Service", "PersistentVolumeClaim"].into_iter().all(|kind| role(kind) == "shard"));
    }
    let names = |kind: &str| ids(&bundle).iter().filter(|id| id.starts_with(kind)).count();
    assert_eq!(names("Deployment/"), 7 + 2 * 6);
    assert_eq!(names("PersistentVolumeClaim/"), 3);
    assert_eq!(names("ServiceAccount/"), 7);
    // The main controller keeps its own volume, beside the one it does not use any more.
    let main = at(&bundle, "Deployment", "source-controller", "/spec/template/spec/volumes");
    let volumes: Vec<_> = main.as_array().unwrap().iter().map(|volume| volume["name"].clone()).collect();
    assert_eq!(volumes, ["data", "tmp", "persistent-data"]);
    assert_eq!(main[2]["persistentVolumeClaim"]["claimName"], "source-controller");
}

#[test]
fn ephemeral_shards_have_no_volume_even_with_storage() {
    let spec = "storage: {class: fast, size: 1Gi}\nsharding: {shards: [s]}";
    let bundle = Distribution::carried().render(&instance("2.9.90", spec));
    let claims: Vec<_> = ids(&bundle).into_iter().filter(|id| id.starts_with("PersistentVolumeClaim/")).collect();
    assert_eq!(claims, ["PersistentVolumeClaim/flux-system/source-controller"]);
    let volumes = at(&bundle, "Deployment", "source-controller-s", "/spec/template/spec/volumes/0");
    assert_eq!(volumes, json!({"name": "data", "emptyDir": {}}));
}

#[test]
fn open_shift_takes_the_security_settings_away() {
    let bundle = Distribution::carried().render(&instance("2.9.90", "cluster: {type: openshift}"));
    for deployment in bundle.objects().iter().filter(|object| object.kind() == "Deployment") {
        assert_eq!(deployment.pointer("/spec/template/spec/securityContext"), None);
        let context = deployment.pointer("/spec/template/spec/containers/0/securityContext").unwrap();
        let keys: Vec<_> = context.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["allowPrivilegeEscalation", "capabilities", "readOnlyRootFilesystem"]);
    }
    let labels = object(&bundle, "Namespace", "flux-system").labels();
    assert!(labels.into_iter().all(|(key, _)| !key.starts_with("pod-security.kubernetes.io/")));
}

#[test]
fn clouds_are_plain_kubernetes() {
    let render = |kind| {
        let bundle = Distribution::carried().render(&instance("2.9.90", &format!("cluster: {{type: {kind}}}")));
        let mut text = String::new();
        bundle.write_yaml(&mut text);
        (bundle.revision(), text)
    };
    let kubernetes = render("kubernetes");
    for kind in ["aws", "azure", "gcp"] {
        assert_eq!(render(kind), kubernetes, "{kind}");
    }
}

#[test]
fn sync_objects_say_what_the_instance_says() {
    for (sync, source) in [
        (
            "{kind: GitRepository, url: https://g/f, ref: refs/heads/main, path: ./a, interval: 90s, provider: generic}",
            json!({"interval": "1m30s", "url": "https://g/f", "ref": {"name": "refs/heads/main"}, "provider": "generic"}),
        ),
        (
            "{kind: OCIRepository, url: oci://r/f, ref: 'a: b', path: ./a, pullSecret: s}",
            json!({"interval": "1m0s", "url": "oci://r/f", "ref": {"tag": "a: b"}, "secretRef": {"name": "s"}}),
        ),
        (
            "{kind: Bucket, url: minio, ref: '123', path: ./a, interval: 1.5h, provider: gcp}",
            json!({"interval": "1h30m0s", "endpoint": "minio", "bucketName": "123", "provider": "gcp"}),
        ),
    ] {
        let spec = format!("cluster: {{multitenant: true}}\nsync: {sync}");
        let bundle = Distribution::carried().render(&instance("2.9.90", &spec));
        let kind = sync.split([' ', ',']).nth(1).unwrap();
        let found = object(&bundle, kind, "flux-system");
        assert_eq!(found.api_version(), "source.toolkit.fluxcd.io/v1");
        assert_eq!(found.get("spec"), Some(&source));
        let expected = json!({
            "interval": "10m0s", "path": "./a", "prune": true, "serviceAccountName": "kustomize-controller",
            "sourceRef": {"kind": kind, "name": "flux-system"},
        });
        assert_eq!(at(&bundle, "Kustomization", "flux-system", "/spec"), expected);
    }
}

#[test]
fn alerts_and_receivers_learn_the_kinds_of_the_operator() {
    let kinds = ["FluxInstance", "ResourceSet", "ResourceSetInputProvider"];
    for (crd, list) in [("alerts", "eventSources"), ("receivers", "resources")] {
        let name = format!("{crd}.notification.toolkit.fluxcd.io");
        let pointer = format!(
            "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/{list}/items/properties/kind/enum"
        );
        for (distribution, version) in newest() {
            let bundle = distribution.render(&instance(version, ""));
            let found = texts(&bundle, "CustomResourceDefinition", &name, &pointer);
            assert!(found.len() > 3 && found.ends_with(&kinds.map(str::to_owned)), "{version} {crd}: {found:?}");
        }
    }
}
