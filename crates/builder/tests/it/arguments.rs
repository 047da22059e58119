//! The arguments of the controllers, whose order is part of the contract.

use crate::rendering::{ALL_COMPONENTS, Distribution, appended_args, args, instance, instance_in};

const EVENTS: &str = "--events-addr=http://notification-controller.flux-system.svc.cluster.local./";

/// Runs a check on the carried distribution and, where there is one, on the real one.
fn on_each(check: impl Fn(&Distribution, &str)) {
    check(Distribution::carried(), "2.9.90");
    if let Some(real) = Distribution::real() {
        check(real, "2.9.4");
    }
}

#[track_caller]
fn check(spec: &str, expected: &[(&str, &[&str])]) {
    on_each(|distribution, version| {
        let bundle = distribution.render(&instance(version, &format!("{ALL_COMPONENTS}{spec}")));
        for (controller, args) in expected {
            assert_eq!(appended_args(&bundle, controller), *args, "{controller} of {version}");
        }
    });
}

#[test]
fn the_first_ones_are_the_same_in_every_installation() {
    on_each(|distribution, version| {
        let bundle = distribution.render(&instance(version, ALL_COMPONENTS));
        let common =
            ["--watch-all-namespaces=true", "--log-level=info", "--log-encoding=json", "--enable-leader-election"];
        for controller in
            ["kustomize-controller", "helm-controller", "image-reflector-controller", "image-automation-controller"]
        {
            assert_eq!(args(&bundle, controller)[..5], [&[EVENTS], common.as_slice()].concat(), "{controller}");
        }
        assert_eq!(args(&bundle, "notification-controller")[..4], common);
        for controller in ["source-controller", "source-watcher"] {
            let address = format!("--storage-adv-addr={controller}.$(RUNTIME_NAMESPACE).svc.cluster.local.");
            let storage = ["--storage-path=/data", address.as_str()];
            assert_eq!(args(&bundle, controller)[..7], [&[EVENTS], common.as_slice(), &storage].concat());
        }
    });
}

#[test]
fn without_notification_controller_nobody_sends_events() {
    let spec = "components: [source-controller, kustomize-controller]";
    let bundle = Distribution::carried().render(&instance("2.9.90", spec));
    for controller in ["source-controller", "kustomize-controller"] {
        assert_eq!(args(&bundle, controller)[0], "--events-addr=");
    }
}

#[test]
fn small_with_tenants_and_their_identities() {
    check(
        "cluster: {size: small, multitenant: true, objectLevelWorkloadIdentity: true, \
         multitenantWorkloadIdentity: true, tenantDefaultServiceAccount: A, \
         tenantDefaultDecryptionServiceAccount: B, tenantDefaultKubeConfigServiceAccount: C}",
        &[
            (
                "source-controller",
                &[
                    "--helm-cache-max-size=10",
                    "--helm-cache-ttl=720m",
                    "--helm-cache-purge-interval=60m",
                    "--feature-gates=ObjectLevelWorkloadIdentity=true",
                    "--default-service-account=A",
                ],
            ),
            (
                "kustomize-controller",
                &[
                    "--concurrent=5",
                    "--requeue-dependency=10s",
                    "--no-cross-namespace-refs=true",
                    "--no-remote-bases=true",
                    "--default-service-account=A",
                    "--feature-gates=ExternalArtifact=true",
                    "--feature-gates=ObjectLevelWorkloadIdentity=true",
                    "--default-decryption-service-account=B",
                    "--default-kubeconfig-service-account=C",
                ],
            ),
            (
                "helm-controller",
                &[
                    "--concurrent=5",
                    "--requeue-dependency=10s",
                    "--no-cross-namespace-refs=true",
                    "--default-service-account=A",
                    "--feature-gates=ExternalArtifact=true",
                    "--feature-gates=ObjectLevelWorkloadIdentity=true",
                    "--default-kubeconfig-service-account=C",
                ],
            ),
            ("notification-controller", TENANT_CLOUD_ACCESS),
            ("image-reflector-controller", TENANT_CLOUD_ACCESS),
            ("image-automation-controller", TENANT_CLOUD_ACCESS),
            ("source-watcher", &["--no-cross-namespace-refs=true"]),
        ],
    );
}

const TENANT_CLOUD_ACCESS: &[&str] = &[
    "--no-cross-namespace-refs=true",
    "--feature-gates=ObjectLevelWorkloadIdentity=true",
    "--default-service-account=A",
];

#[test]
fn accounts_of_tenants_are_called_default_unless_named() {
    check(
        "cluster: {objectLevelWorkloadIdentity: true, multitenantWorkloadIdentity: true, multitenant: true}",
        &[(
            "kustomize-controller",
            &[
                "--no-cross-namespace-refs=true",
                "--no-remote-bases=true",
                "--default-service-account=default",
                "--feature-gates=ExternalArtifact=true",
                "--feature-gates=ObjectLevelWorkloadIdentity=true",
                "--default-decryption-service-account=default",
                "--default-kubeconfig-service-account=default",
            ],
        )],
    );
}

#[test]
fn identities_of_tenants_do_not_lock_anybody_down() {
    check(
        "cluster: {objectLevelWorkloadIdentity: true, multitenantWorkloadIdentity: true}",
        &[(
            "helm-controller",
            &[
                "--feature-gates=ExternalArtifact=true",
                "--feature-gates=ObjectLevelWorkloadIdentity=true",
                "--default-kubeconfig-service-account=default",
            ],
        )],
    );
}

#[test]
fn medium_and_large() {
    let gates = ["--feature-gates=ExternalArtifact=true", "--feature-gates=ObjectLevelWorkloadIdentity=false"];
    let identity = "--feature-gates=ObjectLevelWorkloadIdentity=false";
    for (size, concurrent, cache, sources) in
        [("medium", "10", "50", "--concurrent=5"), ("large", "20", "100", "--concurrent=10")]
    {
        let concurrent = format!("--concurrent={concurrent}");
        let reconcilers = [&[concurrent.as_str(), "--requeue-dependency=5s"], gates.as_slice()].concat();
        let cache = format!("--helm-cache-max-size={cache}");
        let fetching = [&cache, "--helm-cache-ttl=720m", "--helm-cache-purge-interval=60m", sources, identity];
        check(
            &format!("cluster: {{size: {size}}}"),
            &[
                ("kustomize-controller", &reconcilers),
                ("helm-controller", &reconcilers),
                ("source-controller", &fetching),
                ("notification-controller", &[identity]),
                ("source-watcher", &[]),
            ],
        );
    }
}

#[test]
fn a_shard_has_two_addresses_and_its_label() {
    on_each(|distribution, version| {
        let spec = format!(
            "{ALL_COMPONENTS}storage: {{class: standard, size: 10Gi}}\n\
             sharding: {{shards: [shard1], storage: persistent}}\n\
             cluster: {{domain: my.domain, size: medium, objectLevelWorkloadIdentity: true, \
             multitenantWorkloadIdentity: true, tenantDefaultServiceAccount: A}}"
        );
        let bundle = distribution.render(&instance_in("my-flux", version, "ghcr.io/fluxcd", &spec));
        let rest = [
            "--helm-cache-max-size=50",
            "--helm-cache-ttl=720m",
            "--helm-cache-purge-interval=60m",
            "--concurrent=5",
            "--feature-gates=ObjectLevelWorkloadIdentity=true",
            "--default-service-account=A",
        ];
        let first = [
            "--events-addr=http://notification-controller.my-flux.svc.my.domain./",
            "--watch-all-namespaces=true",
            "--log-level=info",
            "--log-encoding=json",
            "--enable-leader-election",
            "--storage-path=/data",
            "--storage-adv-addr=source-controller.$(RUNTIME_NAMESPACE).svc.my.domain.",
        ];
        let of_shard = [
            "--storage-adv-addr=source-controller-shard1.$(RUNTIME_NAMESPACE).svc.my.domain.",
            "--watch-label-selector=sharding.fluxcd.io/key=shard1",
        ];
        let of_main = ["--watch-label-selector=!sharding.fluxcd.io/key"];
        assert_eq!(args(&bundle, "source-controller-shard1"), [first.as_slice(), &of_shard, &rest].concat());
        assert_eq!(args(&bundle, "source-controller"), [first.as_slice(), &of_main, &rest].concat());
    });
}

#[test]
fn only_notification_controller_is_never_sharded() {
    let spec = format!("{ALL_COMPONENTS}sharding: {{key: example.com/team, shards: [a]}}");
    let bundle = Distribution::carried().render(&instance("2.9.90", &spec));
    for controller in [
        "source-controller",
        "kustomize-controller",
        "helm-controller",
        "image-reflector-controller",
        "image-automation-controller",
        "source-watcher",
    ] {
        let main = "--watch-label-selector=!example.com/team".to_owned();
        assert!(args(&bundle, controller).contains(&main), "{controller}");
        let shard = "--watch-label-selector=example.com/team=a".to_owned();
        assert!(args(&bundle, &format!("{controller}-a")).contains(&shard), "{controller}");
    }
    let watches = args(&bundle, "notification-controller").iter().any(|arg| arg.contains("label-selector"));
    assert!(!watches);
}
