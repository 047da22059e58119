//! What a user's patches can change in the end, and what later stages take back.

use std::fmt::Write as _;

use flux_operator_builder::Bundle;
use serde_json::{Value, json};

use crate::rendering::{ALL_COMPONENTS, Distribution, at, ids, instance, object};

/// An instance with more than `flux-system`-less objects: shards, volumes, a sync.
const FULL: &str = "storage: {class: fast, size: 1Gi}\nsharding: {shards: [s1], storage: persistent}\n\
                    sync: {kind: GitRepository, url: https://git.example.com/fleet, ref: main, path: .}\n";

/// Renders with patches: each the target in flow style and the text.
fn try_patched(spec: &str, patches: &[(&str, &str)]) -> Result<Bundle, String> {
    let mut spec = format!("{spec}kustomize:\n  patches:\n");
    for (target, text) in patches {
        let text = text.replace('\n', "\n      ");
        let _ = writeln!(spec, "  - target: {{{target}}}\n    patch: |\n      {text}");
    }
    Distribution::carried().try_render(&instance("2.9.90", &spec))
}

#[track_caller]
fn patched(spec: &str, patches: &[(&str, &str)]) -> Bundle {
    try_patched(spec, patches).unwrap_or_else(|error| panic!("{error}"))
}

fn image(bundle: &Bundle, deployment: &str, container: usize) -> Value {
    at(bundle, "Deployment", deployment, &format!("/spec/template/spec/containers/{container}/image"))
}

#[test]
fn images_of_the_distribution_are_replaced_wherever_a_patch_puts_them() {
    let bundle = patched(
        "",
        &[
            (
                "kind: Deployment, name: helm-controller",
                "kind: x\nmetadata: {name: x}\nspec: {template: {spec: {\n  \
                 initContainers: [{name: i, image: 'fluxcd/source-controller:v0.0.1'}],\n  \
                 containers: [{name: a, image: fluxcd/kustomize-controller}, {name: b, image: 'fluxcd/helm-controller-x:v1'}]}}}",
            ),
            (
                "kind: Deployment, name: source-controller",
                "- {op: replace, path: /spec/template/spec/containers/0/image, value: 'docker.io/fluxcd/source-controller:v2'}",
            ),
        ],
    );
    let replaced = image(&bundle, "helm-controller", 0);
    assert!(
        replaced.as_str().unwrap().starts_with("ghcr.io/fluxcd/kustomize-controller:v1.90.1@sha256:"),
        "{replaced}"
    );
    assert_eq!(image(&bundle, "helm-controller", 1), "fluxcd/helm-controller-x:v1");
    let init = at(&bundle, "Deployment", "helm-controller", "/spec/template/spec/initContainers/0/image");
    assert!(init.as_str().unwrap().starts_with("ghcr.io/fluxcd/source-controller:v1.90.0@sha256:"), "{init}");
    // An image of one's own stays and is what is reported; without a tag, it is the latest.
    assert_eq!(image(&bundle, "source-controller", 0), "docker.io/fluxcd/source-controller:v2");
    let reported = &bundle.components()[0];
    assert_eq!(reported.repository, "index.docker.io/fluxcd/source-controller");
    assert_eq!((reported.tag.as_str(), reported.digest.as_deref()), ("v2", None));
    let image = "- {op: replace, path: /spec/template/spec/containers/0/image, value: example.com/a/b}";
    let bundle = patched("", &[("kind: Deployment, name: helm-controller", image)]);
    assert_eq!(
        (bundle.components()[2].repository.as_str(), bundle.components()[2].tag.as_str()),
        ("example.com/a/b", "latest")
    );
}

#[test]
fn namespaces_and_the_name_of_the_namespace_are_set_again() {
    let bundle = patched(
        FULL,
        &[
            ("kind: Namespace", "- {op: replace, path: /metadata/name, value: elsewhere}"),
            ("kind: Deployment|GitRepository", "- {op: add, path: /metadata/namespace, value: elsewhere}"),
        ],
    );
    assert!(ids(&bundle).iter().all(|id| !id.contains("elsewhere")), "{:#?}", ids(&bundle));
    object(&bundle, "Namespace", "flux-system");
}

#[test]
fn the_common_labels_and_annotations_are_set_again() {
    let own = "{app.kubernetes.io/managed-by: me, app.kubernetes.io/version: v1, mine: 'yes', \
               kustomize.toolkit.fluxcd.io/ssa: Merge}";
    let patch = format!("kind: x\nmetadata:\n  name: x\n  labels: {own}\n  annotations: {own}");
    let bundle = patched("", &[("", &patch), ("kind: Service", "- {op: remove, path: /metadata/labels}")]);
    for found in bundle.objects() {
        let labels: Vec<_> = found.labels().collect();
        assert!(labels.contains(&("app.kubernetes.io/managed-by", "flux-operator")), "{}", found.id());
        assert!(labels.contains(&("app.kubernetes.io/version", "v2.9.90")), "{}", found.id());
        assert_eq!(labels.contains(&("mine", "yes")), found.kind() != "Service", "{}", found.id());
        let annotations: Vec<_> = found.annotations().collect();
        assert!(annotations.contains(&("kustomize.toolkit.fluxcd.io/ssa", "Ignore")), "{}", found.id());
        assert!(annotations.contains(&("app.kubernetes.io/version", "v1")), "{}", found.id());
    }
}

#[test]
fn a_renamed_account_is_followed_by_bindings_and_shards() {
    let rename = |kind: &str, name: &str, to: &str| {
        (format!("kind: {kind}, name: {name}"), format!("- {{op: replace, path: /metadata/name, value: {to}}}"))
    };
    let patches = [
        rename("ServiceAccount", "source-controller", "fetcher"),
        rename("ClusterRole", "crd-controller", "reader"),
        rename("PersistentVolumeClaim", "source-controller-s1", "shard-data"),
        rename("GitRepository", "flux-system", "fleet"),
    ];
    let patches: Vec<_> = patches.iter().map(|(target, text)| (target.as_str(), text.as_str())).collect();
    let bundle = patched(FULL, &patches);
    for name in ["source-controller", "source-controller-s1"] {
        assert_eq!(at(&bundle, "Deployment", name, "/spec/template/spec/serviceAccountName"), "fetcher");
    }
    let subjects = at(&bundle, "ClusterRoleBinding", "crd-controller-flux-system", "/subjects");
    let names: Vec<_> = subjects.as_array().unwrap().iter().filter_map(|subject| subject["name"].as_str()).collect();
    assert!(names.contains(&"fetcher") && !names.contains(&"source-controller"), "{names:?}");
    assert_eq!(at(&bundle, "ClusterRoleBinding", "crd-controller-flux-system", "/roleRef/name"), "reader");
    let claim = |deployment, index| {
        let pointer = format!("/spec/template/spec/volumes/{index}/persistentVolumeClaim/claimName");
        at(&bundle, "Deployment", deployment, &pointer)
    };
    assert_eq!(claim("source-controller", 2), "source-controller");
    assert_eq!(claim("source-controller-s1", 0), "shard-data");
    // References inside custom resources are not followed.
    assert_eq!(at(&bundle, "Kustomization", "flux-system", "/spec/sourceRef/name"), "flux-system");
}

#[test]
fn what_is_only_configuration_of_the_build_is_left_out() {
    let annotate = |value: &str| {
        let patch =
            format!("kind: x\nmetadata: {{name: x, annotations: {{config.kubernetes.io/local-config: '{value}'}}}}");
        patched("", &[("kind: ResourceQuota", &patch)]).objects().iter().any(|object| object.kind() == "ResourceQuota")
    };
    assert!(!annotate("true"));
    assert!(!annotate("anything"));
    assert!(annotate("false"));
}

#[test]
fn a_component_that_was_patched_away_has_an_empty_entry() {
    let delete = "kind: x\nmetadata: {name: x}\n$patch: delete";
    let rename = "- {op: replace, path: /metadata/name, value: other}";
    let container = "- {op: replace, path: /spec/template/spec/containers/0/name, value: other}";
    let none = "- {op: replace, path: /spec/template/spec/containers, value: []}";
    for patch in [delete, rename, container, none] {
        let bundle = patched("", &[("kind: Deployment, name: helm-controller", patch)]);
        let names: Vec<_> = bundle.components().iter().map(|image| image.name.as_str()).collect();
        assert_eq!(names, ["source-controller", "kustomize-controller", "", "notification-controller"], "{patch}");
        let entry = &bundle.components()[2];
        assert_eq!((entry.repository.as_str(), entry.tag.as_str(), &entry.digest), ("", "", &None));
    }
}

#[test]
fn a_controller_without_a_usable_image_is_refused() {
    let target = "kind: Deployment, name: helm-controller";
    let cases = [
        (
            "- {op: remove, path: /spec/template/spec/containers}",
            "Deployment/flux-system/helm-controller has no `spec.template.spec.containers`; a patch may have removed them",
        ),
        (
            "- {op: remove, path: /spec/template/spec/containers/0/image}",
            "container `manager` of Deployment/flux-system/helm-controller has no usable image",
        ),
        (
            "- {op: replace, path: /spec/template/spec/containers/0/image, value: 'a/b@sha256:1'}",
            "container `manager` of Deployment/flux-system/helm-controller has no usable image",
        ),
    ];
    for (patch, expected) in cases {
        let error = try_patched("", &[(target, patch)]).unwrap_err();
        assert_eq!(error.lines().next(), Some(expected), "{patch}");
    }
}

#[test]
fn two_objects_of_one_name_are_refused() {
    let rename = "- {op: replace, path: /metadata/name, value: same}";
    let error = try_patched("", &[("kind: ServiceAccount", rename)]).unwrap_err();
    assert_eq!(
        error,
        "the installation has ServiceAccount/flux-system/same twice; a patch may have renamed one of them"
    );
}

#[test]
fn later_patches_hit_what_earlier_ones_put_first() {
    let sidecar =
        "kind: x\nmetadata: {name: x}\nspec: {template: {spec: {containers: [{name: proxy, image: a/b, args: []}]}}}";
    let append = "- {op: add, path: /spec/template/spec/containers/0/args/-, value: --debug}";
    let target = "kind: Deployment, name: helm-controller";
    let bundle = patched("", &[(target, sidecar), (target, append)]);
    let containers = at(&bundle, "Deployment", "helm-controller", "/spec/template/spec/containers");
    assert_eq!(containers[0], json!({"name": "proxy", "image": "a/b", "args": ["--debug"]}));
    assert_eq!(containers[1]["name"], "manager");
}

#[test]
fn a_patch_for_everything_reaches_definitions_shards_and_the_sync() {
    let spec = format!("{ALL_COMPONENTS}{FULL}");
    let bundle = patched(&spec, &[("", "- {op: add, path: /metadata/labels, value: {team: a}}")]);
    let plain = Distribution::carried().render(&instance("2.9.90", &spec));
    assert_eq!(ids(&bundle), ids(&plain));
    assert!(bundle.objects().iter().all(|object| object.labels().any(|label| label == ("team", "a"))));
    assert_ne!(bundle.revision(), plain.revision());
}

#[test]
fn a_patch_without_effect_leaves_the_revision_alone() {
    let plain = Distribution::carried().render(&instance("2.9.90", ""));
    let bundle =
        patched("", &[("kind: Namespace", "- {op: test, path: /kind, value: Namespace}"), ("name: none", "{}")]);
    assert_eq!(bundle.revision(), plain.revision());
}
