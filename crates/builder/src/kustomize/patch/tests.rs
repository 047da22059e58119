//! Which form a patch has, and what it does to an installation.

mod form;

use flux_operator_api::Selector;
use serde_json::{Value, json};

use super::Patch;
use crate::kustomize::target::tests::{installation, selector};
use crate::resource::Resource;
use crate::violation::Checker;

/// Reads a patch; its target is in flow style, without the outer braces.
fn read(target: Option<&str>, text: &str) -> Result<Patch, String> {
    let mut checker = Checker::default();
    let patch = flux_operator_api::Patch { patch: text.to_owned(), target: target.map(selector) };
    let patch = Patch::parse(&patch, "patches[0]".to_owned(), &mut checker);
    checker.finish(patch).map_err(|violations| violations.to_string())
}

fn apply(target: Option<&str>, text: &str, resources: &mut Vec<Resource>) -> Result<(), String> {
    let applied = read(target, text)?.apply(resources);
    applied.map_err(|error| format!("{error}: {}", error.source))
}

/// The installation after patches, each with its target.
#[track_caller]
fn patched(patches: &[(Option<&str>, &str)]) -> Vec<Resource> {
    let mut resources = installation();
    for (target, text) in patches {
        apply(*target, text, &mut resources).unwrap();
    }
    resources
}

#[track_caller]
fn refused(target: Option<&str>, text: &str, expected: &str) {
    assert_eq!(apply(target, text, &mut installation()).unwrap_err(), expected, "{text}");
}

#[track_caller]
fn find<'r>(subject: &str, resources: &'r [Resource]) -> &'r Resource {
    let found = resources.iter().find(|resource| resource.subject() == subject);
    found.unwrap_or_else(|| panic!("no {subject} in {:#?}", subjects(resources)))
}

fn subjects(resources: &[Resource]) -> Vec<String> {
    resources.iter().map(Resource::subject).collect()
}

fn labels(subject: &str, resources: &[Resource]) -> Value {
    find(subject, resources).metadata("labels").cloned().unwrap_or_default()
}

/// The subjects of the objects that have the label `patched`.
fn marked(resources: &[Resource]) -> Vec<String> {
    let is_marked = |resource: &&Resource| resource.metadata("labels").is_some_and(|all| all.get("patched").is_some());
    resources.iter().filter(is_marked).map(Resource::subject).collect()
}

const MARK: &str = "- {op: add, path: /metadata/labels, value: {patched: 'yes'}}";

#[test]
fn a_patch_sees_what_the_ones_before_it_did() {
    let resources = patched(&[
        (Some("kind: Namespace"), "- {op: add, path: /metadata/labels/team, value: a}"),
        (Some("labelSelector: team=a"), "kind: x\nmetadata: {name: x, labels: {seen: 'yes'}}"),
        (Some("labelSelector: team=b"), "kind: x\nmetadata: {name: x, labels: {seen: 'no'}}"),
    ]);
    assert_eq!(labels("Namespace/flux-system", &resources)["seen"], "yes");
}

#[test]
fn a_merge_changes_neither_name_nor_namespace_nor_kind() {
    let text = "apiVersion: v2\nkind: Other\nmetadata: {name: other, namespace: elsewhere, labels: {patched: 'yes'}}";
    for subject in ["Namespace/flux-system", "Service/source-controller", "Service/flux-system/source-controller-s1"] {
        let name = subject.rsplit('/').next().unwrap();
        let target = format!("kind: Namespace|Service, name: {name}");
        let mut resources = installation();
        let before = find(subject, &resources).identity();
        apply(Some(&target), text, &mut resources).unwrap();
        let patched = find(subject, &resources);
        assert_eq!(patched.identity(), before);
        assert_eq!(patched.metadata("labels").unwrap()["patched"], "yes");
    }
    let resources =
        patched(&[(Some("kind: Namespace"), "kind: x\nmetadata: {name: other}"), (Some("name: other"), MARK)]);
    assert_eq!(marked(&resources), [""; 0]);
}

#[test]
fn a_json_patch_changes_them_for_the_patches_behind_it() {
    let rename = "- {op: replace, path: /metadata/name, value: renamed}";
    let resources = patched(&[(Some("kind: GitRepository"), rename), (Some("name: renamed"), MARK)]);
    assert_eq!(marked(&resources), ["GitRepository/flux-system/renamed"]);
    let resources = patched(&[(Some("kind: GitRepository"), rename), (Some("name: fleet, kind: GitRepository"), MARK)]);
    assert_eq!(marked(&resources), ["GitRepository/flux-system/renamed"]);

    let kind = "- {op: replace, path: /kind, value: Other}\n- {op: replace, path: /apiVersion, value: example.com/v2}\n\
                - {op: replace, path: /metadata/namespace, value: elsewhere}";
    let target = "group: example.com, version: v2, kind: Other, namespace: elsewhere";
    let resources = patched(&[(Some("kind: GitRepository"), kind), (Some(target), MARK)]);
    assert_eq!(marked(&resources), ["Other/elsewhere/fleet"]);
    let resources = patched(&[(Some("kind: GitRepository"), kind), (Some("kind: GitRepository"), MARK)]);
    assert_eq!(marked(&resources), [""; 0]);
}

#[test]
fn an_object_that_was_removed_is_gone_for_the_patches_behind_it() {
    let delete = "kind: x\nmetadata: {name: x}\n$patch: delete";
    let without_target = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: source-controller}\n$patch: delete";
    for resources in [
        patched(&[
            (Some("kind: ServiceAccount, name: source-controller"), delete),
            (Some("kind: ServiceAccount"), MARK),
        ]),
        patched(&[(None, without_target), (Some("kind: ServiceAccount"), MARK)]),
    ] {
        assert_eq!(marked(&resources), ["ServiceAccount/kustomize-controller"]);
    }
    assert!(patched(&[(Some(""), delete)]).is_empty());
}

#[test]
fn what_makes_an_object_one_cannot_be_taken_away() {
    let target = Some("kind: GitRepository");
    for (operations, missing) in [
        ("- {op: remove, path: /kind}", "kind"),
        ("- {op: remove, path: /apiVersion}", "apiVersion"),
        ("- {op: replace, path: /apiVersion, value: null}", "apiVersion"),
        ("- {op: remove, path: /metadata/name}", "metadata.name"),
        ("- {op: replace, path: /metadata/name, value: ''}", "metadata.name"),
        ("- {op: replace, path: /metadata/name, value: 7}", "metadata.name"),
        ("- {op: remove, path: /metadata}", "metadata.name"),
        ("- {op: replace, path: '', value: {}}", "apiVersion"),
    ] {
        let expected = format!(
            "`patches[0]` cannot be applied to GitRepository/flux-system/fleet: leaves the object without `{missing}`"
        );
        refused(target, operations, &expected);
    }
}

#[test]
fn annotations_become_texts_and_labels_have_to_be_texts() {
    let annotations = "- op: add\n  path: /metadata/annotations\n  \
                       value: {a: 1, b: 1.50, c: yes, d: null, e: [1], f: {g: h}, i: text, j: 0755}";
    let resources = patched(&[(Some("kind: GitRepository"), annotations)]);
    let expected = json!({"a": "1", "b": "1.5", "c": "true", "d": "null", "e": "", "f": "", "i": "text", "j": "493"});
    assert_eq!(find("GitRepository/flux-system/fleet", &resources).metadata("annotations"), Some(&expected));

    for (value, shown) in [("7", "7"), ("yes", "true"), ("null", "null"), ("[a]", r#"["a"]"#)] {
        let expected = format!(
            "`patches[0]` cannot be applied to Namespace/flux-system: sets the label `team` to `{shown}`, labels are \
             texts: put the value in quotes"
        );
        refused(
            Some("kind: Namespace"),
            &format!("- {{op: add, path: /metadata/labels/team, value: {value}}}"),
            &expected,
        );
    }
    for map in ["labels", "annotations"] {
        for value in ["text", "[a]", "7"] {
            let expected = format!(
                "`patches[0]` cannot be applied to Namespace/flux-system: leaves `metadata.{map}` as something else \
                 than a mapping"
            );
            let operation = format!("- {{op: replace, path: /metadata/{map}, value: {value}}}");
            refused(Some("kind: Namespace"), &operation, &expected);
        }
    }
    // Those of templates keep their types, and having none is fine.
    let target = Some("kind: Deployment, name: source-controller-s1");
    let resources = patched(&[
        (target, "- {op: add, path: /spec/template/metadata/labels/n, value: 7}"),
        (target, "- {op: remove, path: /metadata/labels}"),
    ]);
    let deployment = find("Deployment/flux-system/source-controller-s1", &resources);
    assert_eq!(deployment.get("spec").unwrap()["template"]["metadata"]["labels"]["n"], 7);
    assert_eq!(deployment.metadata("labels"), None);
}

#[test]
fn a_json_patch_can_add_an_annotation_to_an_object_that_has_none() {
    let subject = "ServiceAccount/source-controller";
    let target = Some("kind: ServiceAccount, name: source-controller");
    for (operations, expected) in [
        ("- {op: add, path: /metadata/annotations/a, value: b}", Some(json!({"a": "b"}))),
        ("- {op: replace, path: /metadata/annotations/a, value: b}", Some(json!({"a": "b"}))),
        ("- {op: add, path: /metadata/annotations, value: {a: b}}", Some(json!({"a": "b"}))),
        ("- {op: remove, path: /metadata/annotations}", None),
        ("- {op: add, path: /automountServiceAccountToken, value: true}", None),
    ] {
        let resources = patched(&[(target, operations)]);
        assert_eq!(find(subject, &resources).metadata("annotations"), expected.as_ref(), "{operations}");
    }
}

#[test]
fn line_breaks_at_the_end_of_a_patch_are_not_part_of_it() {
    let target = Some("kind: GitRepository");
    for (text, expected) in [
        ("- op: add\n  path: /spec/a\n  value: |\n    x\n    y\n\n", "x\ny"),
        ("- op: add\n  path: /spec/a\n  value: |\n    x\n    y\n- {op: remove, path: /spec/url}\n", "x\ny\n"),
        ("kind: x\nmetadata: {name: x}\nspec:\n  a: |\n    x\n    y\n", "x\ny"),
    ] {
        let resources = patched(&[(target, text)]);
        let found = find("GitRepository/flux-system/fleet", &resources);
        assert_eq!(found.get("spec").unwrap()["a"], expected, "{text}");
    }
}

#[test]
fn a_merge_spells_labels_and_annotations_as_written() {
    let text = "kind: x\nmetadata:\n  name: x\n  labels: {a: 0755, pod-security.kubernetes.io/warn: null}\n  \
                annotations: {b: True, c: null}";
    let resources = patched(&[(Some("kind: Namespace"), text)]);
    let namespace = find("Namespace/flux-system", &resources);
    let expected = json!({"a": "0755", "pod-security.kubernetes.io/warn-version": "latest"});
    assert_eq!(namespace.metadata("labels"), Some(&expected));
    let expected = json!({"b": "True", "fluxcd.controlplane.io/prune": "disabled"});
    assert_eq!(namespace.metadata("annotations"), Some(&expected));
}

#[test]
fn without_a_target_the_document_names_one_object() {
    let document = |kind: &str, name: &str, namespace: &str| {
        let namespace = if namespace.is_empty() { String::new() } else { format!(", namespace: {namespace}") };
        format!("apiVersion: {kind}\nmetadata: {{name: {name}{namespace}, labels: {{patched: 'yes'}}}}")
    };
    let check = |kind, name, namespace, expected: &str| {
        let mut resources = installation();
        let result = apply(None, &document(kind, name, namespace), &mut resources);
        assert_eq!(result.map(|()| marked(&resources)), Ok(vec![expected.to_owned()]), "{name} in `{namespace}`");
    };
    let absent = |kind, name, namespace, object: &str| {
        let expected = format!(
            "`patches[0]` cannot be applied: there is no {object}; objects are patched before they get a namespace: \
             leave it out, or add a `target`"
        );
        refused(None, &document(kind, name, namespace), &expected);
    };
    let deployment = "apps/v1\nkind: Deployment";
    let shard = "Deployment/flux-system/source-controller-s1";
    check("v1\nkind: ServiceAccount", "source-controller", "", "ServiceAccount/source-controller");
    check("v1\nkind: ServiceAccount", "source-controller", "default", "ServiceAccount/source-controller");
    check(deployment, "source-controller-s1", "flux-system", shard);
    // The namespace of a kind without one does not count; the one of a sync object does.
    check("v1\nkind: Namespace", "flux-system", "anything", "Namespace/flux-system");
    let role = "rbac.authorization.k8s.io/v1\nkind: ClusterRole";
    check(role, "flux-edit", "", "ClusterRole/flux-edit-flux-system");
    check(role, "flux-edit-flux-system", "", "ClusterRole/flux-edit-flux-system");
    let sync = "kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization";
    check(sync, "fleet", "flux-system", "Kustomization/flux-system/fleet");
    absent(sync, "fleet", "", "Kustomization/fleet");
    absent(
        "v1\nkind: ServiceAccount",
        "source-controller",
        "flux-system",
        "ServiceAccount/flux-system/source-controller",
    );
    absent(
        "apps/v1beta1\nkind: Deployment",
        "kustomize-controller-s1",
        "flux-system",
        "Deployment/flux-system/kustomize-controller-s1",
    );
    absent("v1\nkind: Deployment", "helm-controller", "", "Deployment/helm-controller");
    // An identity held only in between counts here: in the namespace, not yet with the shard's name.
    refused(
        None,
        &document(deployment, "source-controller", ""),
        "`patches[0]` cannot be applied: Deployment/source-controller is the name of 2 objects \
         (Deployment/source-controller, Deployment/flux-system/source-controller-s1); add a `target`",
    );
    check(deployment, "source-controller", "flux-system", shard);
}

#[test]
fn documents_without_a_target_apply_in_order() {
    let text = "
apiVersion: v1
kind: Namespace
metadata: {name: flux-system, labels: {patched: 'yes'}}
---
# A list is as good as its items.
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ServiceAccount
  metadata: {name: source-controller}
  $patch: delete
- apiVersion: v1
  kind: ServiceAccount
  metadata: {name: kustomize-controller, labels: {patched: 'yes'}}
";
    let resources = patched(&[(None, text)]);
    assert_eq!(marked(&resources), ["Namespace/flux-system", "ServiceAccount/kustomize-controller"]);
    let again = format!("{text}---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: source-controller}}\n");
    let error = apply(None, &again, &mut installation()).unwrap_err();
    assert!(error.contains("there is no ServiceAccount/source-controller;"), "{error}");
}

#[test]
fn operations_for_nothing_are_never_looked_at() {
    let text = "- {op: removes, path: /a}";
    assert_eq!(apply(Some("name: nothing"), text, &mut installation()), Ok(()));
    refused(
        Some("kind: Namespace"),
        text,
        "`patches[0]` cannot be applied to Namespace/flux-system: operation 0, `removes` at `/a`: expected `op` to be \
         `add`, `remove`, `replace`, `move`, `copy` or `test`, found `removes`",
    );
}

#[test]
fn errors_name_the_first_object_that_does_not_fit() {
    refused(
        Some("kind: Deployment|Namespace"),
        "- {op: replace, path: /spec/replicas, value: 2}",
        "`patches[0]` cannot be applied to Namespace/flux-system: operation 0, `replace` at `/spec/replicas`: `/spec` \
         does not exist",
    );
    refused(
        Some("name: source-controller-s1"),
        "kind: x\nmetadata: {name: x}\nspec: {ports: {a: b}}",
        "`patches[0]` cannot be applied to Service/flux-system/source-controller-s1: `spec.ports`: the object has a \
         list here, the patch has a mapping",
    );
}

#[test]
fn lists_follow_the_kind_of_each_object() {
    let text = "kind: x\nmetadata: {name: x, finalizers: [new]}";
    let resources = patched(&[
        (Some("name: fleet|flux-system"), "- {op: add, path: /metadata/finalizers, value: [old]}"),
        (Some(""), text),
    ]);
    let finalizers = |subject| find(subject, &resources).metadata("finalizers").cloned().unwrap();
    assert_eq!(finalizers("Namespace/flux-system"), json!(["new", "old"]));
    assert_eq!(finalizers("Kustomization/flux-system/fleet"), json!(["new"]));
}

#[test]
fn nothing_is_a_patch_that_does_nothing() {
    let before = subjects(&installation());
    for text in ["# later", "null", "{}", "[]", "---\n---\n"] {
        assert_eq!(subjects(&patched(&[(None, text), (Some(""), text)])), before);
    }
    assert_eq!(Selector::default(), selector(""));
}
