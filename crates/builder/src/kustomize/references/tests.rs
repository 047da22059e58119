//! Which references follow a renamed object.

use flux_operator_api::Object;
use serde_json::{Value, json};

use super::fix;
use crate::resource::{Layer, Resource};

const NAMESPACE: &str = "gitops";
const SHARD: Layer = Layer::Shard(0);

fn resource(layer: Layer, value: Value) -> Resource {
    Resource::new(Object::try_from(value).unwrap(), layer)
}

/// An object of a kind that was renamed, step by step.
fn renamed(layer: Layer, api_version: &str, kind: &str, names: &[&str]) -> Resource {
    let value = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": names[0]}});
    let mut resource = resource(layer, value);
    for name in &names[1..] {
        resource.rename(None, Some(name));
    }
    resource
}

fn account(names: &[&str]) -> Resource {
    renamed(Layer::Main, "v1", "ServiceAccount", names)
}

fn claim(layer: Layer, names: &[&str]) -> Resource {
    renamed(layer, "v1", "PersistentVolumeClaim", names)
}

fn deployment(layer: Layer, account: &str, claim: &str) -> Resource {
    let volumes =
        json!([{"name": "tmp", "emptyDir": {}}, {"name": "data", "persistentVolumeClaim": {"claimName": claim}}]);
    let pod = json!({"serviceAccountName": account, "volumes": volumes});
    let metadata = json!({"name": "controller"});
    resource(
        layer,
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"template": {"spec": pod}}}),
    )
}

fn binding(role: &Value, subjects: &Value) -> Resource {
    let (api_version, kind) = ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding");
    let metadata = json!({"name": "binding"});
    resource(
        Layer::Roles,
        json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "roleRef": role, "subjects": subjects}),
    )
}

/// Fixes the references of the first resource to the others, and gives it back.
fn fixed(first: Resource, others: Vec<Resource>) -> Resource {
    let mut resources = vec![first];
    resources.extend(others);
    fix(NAMESPACE, &mut resources);
    resources.remove(0)
}

#[track_caller]
fn check_account(reference: &str, accounts: &[Resource], expected: &str) {
    for layer in [Layer::Main, SHARD] {
        let fixed = fixed(deployment(layer, reference, "data"), accounts.to_vec());
        assert_eq!(fixed.get("spec").unwrap()["template"]["spec"]["serviceAccountName"], expected);
    }
}

#[track_caller]
fn check_claim(layer: Layer, reference: &str, claims: &[Resource], expected: &str) {
    let fixed = fixed(deployment(layer, "default", reference), claims.to_vec());
    let volumes = &fixed.get("spec").unwrap()["template"]["spec"]["volumes"];
    assert_eq!(volumes[1]["persistentVolumeClaim"]["claimName"], expected);
    assert_eq!(volumes[0], json!({"name": "tmp", "emptyDir": {}}));
}

#[track_caller]
fn check_subject(subject: &Value, expected: &Value) {
    let role = json!({"kind": "ClusterRole", "name": "cluster-admin"});
    let subjects = json!([{"kind": "Group", "name": "a"}, subject]);
    let fixed = fixed(binding(&role, &subjects), vec![account(&["a", "b"])]);
    assert_eq!(fixed.get("subjects").unwrap()[1], *expected);
}

#[test]
fn accounts_are_found_by_every_name_they_had() {
    let accounts = [account(&["old", "between", "new"]), account(&["other"])];
    check_account("old", &accounts, "new");
    check_account("between", &accounts, "new");
    check_account("new", &accounts, "new");
    check_account("other", &accounts, "other");
    check_account("elsewhere", &accounts, "elsewhere");
}

#[test]
fn every_kind_with_pods_is_followed() {
    let pod = json!({"serviceAccountName": "old"});
    for (api_version, kind, spec) in [
        ("apps/v1", "StatefulSet", json!({"template": {"spec": pod}})),
        ("apps/v1", "DaemonSet", json!({"template": {"spec": pod}})),
        ("batch/v1", "Job", json!({"template": {"spec": pod}})),
        ("batch/v1", "CronJob", json!({"jobTemplate": {"spec": {"template": {"spec": pod}}}})),
        ("v1", "Pod", pod.clone()),
    ] {
        let workload = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}, "spec": spec});
        let fixed = fixed(resource(Layer::Main, workload), vec![account(&["old", "new"])]);
        assert_eq!(fixed.get("spec").unwrap().to_string(), spec.to_string().replace("old", "new"), "{kind}");
    }
}

#[test]
fn claims_are_those_of_the_same_layer_if_it_has_one() {
    let both = [claim(SHARD, &["data", "data-s1"]), claim(Layer::Main, &["data"])];
    check_claim(Layer::Main, "data", &both, "data");
    check_claim(SHARD, "data", &both, "data-s1");
    check_claim(SHARD, "data-s1", &both, "data-s1");
    check_claim(Layer::Shard(1), "data", &both[1..], "data");
    check_claim(Layer::Main, "data", &both[..1], "data-s1");
    check_claim(Layer::Main, "data", &[claim(Layer::Main, &["data", "renamed"])], "renamed");
    check_claim(Layer::Main, "data", &[account(&["data", "renamed"])], "data");
}

#[test]
fn roles_are_followed_by_their_kind() {
    let rbac = "rbac.authorization.k8s.io/v1";
    let roles = || {
        vec![
            renamed(Layer::Roles, rbac, "ClusterRole", &["edit", "edit-gitops"]),
            renamed(Layer::Roles, rbac, "Role", &["edit", "small-edit"]),
        ]
    };
    for (kind, name, expected) in [
        ("ClusterRole", "edit", "edit-gitops"),
        ("Role", "edit", "small-edit"),
        ("ClusterRole", "cluster-admin", "cluster-admin"),
        ("Other", "edit", "edit"),
    ] {
        let fixed = fixed(binding(&json!({"kind": kind, "name": name}), &json!([])), roles());
        assert_eq!(fixed.get("roleRef").unwrap()["name"], expected, "{kind} {name}");
    }
}

#[test]
fn an_object_is_found_by_a_kind_it_had() {
    let mut role = renamed(Layer::Roles, "rbac.authorization.k8s.io/v1", "ClusterRole", &["edit", "edit-gitops"]);
    role.edit(|object| -> Result<(), ()> {
        object["kind"] = "Role".into();
        Ok(())
    })
    .unwrap();
    let role_ref = json!({"kind": "ClusterRole", "name": "edit"});
    assert_eq!(fixed(binding(&role_ref, &json!([])), vec![role]).get("roleRef").unwrap()["name"], "edit-gitops");
}

#[test]
fn subjects_are_accounts_of_the_installation() {
    let account = |name: &str, namespace: Option<&str>| match namespace {
        Some(namespace) => json!({"kind": "ServiceAccount", "name": name, "namespace": namespace}),
        None => json!({"kind": "ServiceAccount", "name": name}),
    };
    let expected = account("b", Some(NAMESPACE));
    for namespace in [Some(NAMESPACE), Some("default"), Some(""), None] {
        check_subject(&account("a", namespace), &expected);
        check_subject(&account("b", namespace), &expected);
    }
    for untouched in [
        account("a", Some("elsewhere")),
        account("c", None),
        account("c", Some("default")),
        json!({"kind": "User", "name": "a"}),
        json!({"kind": "Group", "name": "a", "namespace": NAMESPACE}),
    ] {
        check_subject(&untouched, &untouched);
    }
}

#[test]
fn custom_resources_and_arguments_are_not_followed() {
    let sync = json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": {"name": "a"},
        "spec": {"serviceAccountName": "old", "sourceRef": {"kind": "GitRepository", "name": "old"}, "args": ["old"]},
    });
    let source = renamed(Layer::Main, "source.toolkit.fluxcd.io/v1", "GitRepository", &["old", "new"]);
    let fixed = fixed(resource(Layer::Main, sync.clone()), vec![source, account(&["old", "new"])]);
    assert_eq!(fixed.get("spec"), Some(&sync["spec"]));
}
