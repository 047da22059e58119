//! Which objects of an installation a target selects while patches run.

use flux_operator_api::Selector;
use flux_operator_testkit::{golden, workspace};

use super::Target;
use crate::resource::Resource;
use crate::violation::Checker;
use crate::{Admission, InstancePlan, Release, compose};

/// source- and kustomize-controller with a shard `s1`, volumes and a sync, before any patch.
pub(in crate::kustomize) fn installation() -> Vec<Resource> {
    let text = "
        {apiVersion: fluxcd.controlplane.io/v1, kind: FluxInstance, metadata: {name: flux}, spec: {
          distribution: {version: 2.x, registry: ghcr.io/fluxcd},
          components: [source-controller, kustomize-controller],
          storage: {class: standard, size: 10Gi},
          sharding: {shards: [s1], storage: persistent},
          sync: {name: fleet, kind: GitRepository, url: https://git.example.com/fleet, ref: main, path: .}}}";
    let plan: InstancePlan = Admission::new().read(text).unwrap()[0].plan().unwrap();
    let mut release = Release::new("v2.9.90".parse().unwrap());
    for path in golden::files(&workspace::distribution().join("flux/v2.9.90")) {
        let name = path.file_name().unwrap().to_str().unwrap();
        release = release.with_manifest(name, std::fs::read_to_string(&path).unwrap());
    }
    let mut resources = compose::compose(&plan, &release).unwrap();
    compose::unfold(&plan, &mut resources);
    resources
}

/// The current names of the objects that a target selects, CRDs left out.
fn selected(selector: &Selector, resources: &[Resource]) -> Vec<String> {
    let mut checker = Checker::default();
    let target = Target::parse(selector, "target", &mut checker);
    checker.finish(Some(())).unwrap();
    let found = resources.iter().filter(|resource| target.matches(resource));
    found.filter(|resource| resource.kind() != "CustomResourceDefinition").map(Resource::subject).collect()
}

/// Reads a selector from `field: text` in flow style.
pub(in crate::kustomize) fn selector(text: &str) -> Selector {
    let node = crate::yaml::parse(&format!("{{{text}}}"), &crate::yaml::Limits::INPUT).unwrap().remove(0);
    serde_json::from_value(node.into_value(crate::yaml::Dialect::Yaml11).unwrap()).unwrap()
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    assert_eq!(selected(&selector(text), &installation()), expected, "{text}");
}

const DEPLOYMENTS: [&str; 4] = [
    "Deployment/source-controller",
    "Deployment/kustomize-controller",
    "Deployment/flux-system/source-controller-s1",
    "Deployment/flux-system/kustomize-controller-s1",
];

#[test]
fn an_empty_target_selects_everything() {
    let all = installation().into_iter().filter(|resource| resource.kind() != "CustomResourceDefinition").count();
    assert_eq!(selected(&Selector::default(), &installation()).len(), all);
    assert_eq!(selected(&selector("kind: '', name: '', labelSelector: ''"), &installation()).len(), all);
}

#[test]
fn every_condition_has_to_hold_for_the_whole_text() {
    check("kind: Deployment", &DEPLOYMENTS);
    check("kind: Deployment, group: apps, version: v1", &DEPLOYMENTS);
    check("kind: Deploy", &[]);
    check("kind: deployment", &[]);
    check("kind: (?i)deployment", &DEPLOYMENTS);
    check("kind: Deployment, version: v1beta1", &[]);
    check("kind: Deployment, name: source", &[]);
    check("kind: Deployment, name: 'source.*'", &[DEPLOYMENTS[0], DEPLOYMENTS[2]]);
    check("kind: Deployment, name: a|kustomize-controller", &[DEPLOYMENTS[1], DEPLOYMENTS[3]]);
    check("group: source.*", &["GitRepository/flux-system/fleet"]);
}

#[test]
fn names_are_the_original_and_the_current_one() {
    check("kind: Deployment, name: source-controller", &[DEPLOYMENTS[0], DEPLOYMENTS[2]]);
    check("kind: Deployment, name: source-controller-s1", &[DEPLOYMENTS[2]]);
    check("kind: ClusterRole, name: crd-controller", &["ClusterRole/crd-controller-flux-system"]);
    check("kind: ClusterRole, name: crd-controller-flux-system", &["ClusterRole/crd-controller-flux-system"]);
    check(
        "name: source-controller, kind: PersistentVolumeClaim",
        &["PersistentVolumeClaim/flux-system/source-controller-s1", "PersistentVolumeClaim/source-controller"],
    );
    check("name: fleet", &["GitRepository/flux-system/fleet", "Kustomization/flux-system/fleet"]);
    check("name: flux-system", &["Namespace/flux-system"]);
}

#[test]
fn a_name_held_only_in_between_does_not_count() {
    let mut resources = installation();
    let service = resources.iter_mut().find(|resource| resource.subject() == "Service/source-controller").unwrap();
    service.rename(None, Some("between"));
    service.rename(None, Some("last"));
    let found = |name: &str| selected(&selector(&format!("kind: Service, name: {name}")), &resources);
    assert_eq!(found("between"), [""; 0]);
    assert_eq!(found("last"), ["Service/last"]);
    assert_eq!(found("source-controller"), ["Service/last", "Service/flux-system/source-controller-s1"]);
}

#[test]
fn namespaces_are_effective_ones() {
    check("kind: Deployment, namespace: default", &DEPLOYMENTS);
    check("kind: Deployment, namespace: flux-system", &DEPLOYMENTS[2..]);
    check("kind: NetworkPolicy, namespace: flux-system", &[]);
    check("kind: ResourceQuota, namespace: flux-system", &["ResourceQuota/flux-system/critical-pods-flux-system"]);
    check("kind: ResourceQuota, namespace: default", &["ResourceQuota/flux-system/critical-pods-flux-system"]);
    check("kind: Kustomization, namespace: flux-system", &["Kustomization/flux-system/fleet"]);
    check("kind: Kustomization, namespace: default", &[]);
    check(
        "kind: '.*', namespace: _non_namespaceable_",
        &[
            "Namespace/flux-system",
            "ClusterRole/crd-controller-flux-system",
            "ClusterRole/flux-edit-flux-system",
            "ClusterRole/flux-view-flux-system",
            "ClusterRoleBinding/cluster-reconciler-flux-system",
            "ClusterRoleBinding/crd-controller-flux-system",
        ],
    );
}

#[test]
fn labels_and_annotations_are_those_of_the_moment() {
    let sources = &[DEPLOYMENTS[0], DEPLOYMENTS[2]];
    check("kind: Deployment, labelSelector: app.kubernetes.io/component=source-controller", sources);
    check("labelSelector: app.kubernetes.io/managed-by=flux-operator", &[]);
    check("kind: Deployment, annotationSelector: sharding.fluxcd.io/role=shard", &DEPLOYMENTS[2..]);
    check("kind: Deployment, annotationSelector: '!sharding.fluxcd.io/role'", &DEPLOYMENTS[..2]);
    check(
        "kind: Deployment, annotationSelector: sharding.fluxcd.io/role, labelSelector: 'control-plane, app!=x'",
        &DEPLOYMENTS[2..],
    );
    let mut resources = installation();
    for resource in &mut resources {
        resource.set_metadata("labels", "patched", "yes");
    }
    assert_eq!(selected(&selector("kind: Deployment, labelSelector: patched=yes"), &resources), DEPLOYMENTS);
}

#[test]
fn every_field_that_cannot_be_read_is_noted() {
    let mut checker = Checker::default();
    let bad = selector("kind: '(', name: '*', namespace: a, labelSelector: 'a=b/c', annotationSelector: ','");
    Target::parse(&bad, "spec.kustomize.patches[3].target", &mut checker);
    let violations = checker.finish(None::<()>).unwrap_err();
    let paths: Vec<_> = violations.iter().map(|violation| violation.path.as_str()).collect();
    let path = |field: &str| format!("spec.kustomize.patches[3].target.{field}");
    assert_eq!(paths, ["kind", "name", "labelSelector", "annotationSelector"].map(path));
}
