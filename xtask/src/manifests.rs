//! What is in `deploy`: that it can be read, is complete, and lets the operator do what it has to.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use flux_operator_builder::Admission;
use flux_operator_builder::yaml::{self, Dialect, Limits};
use serde_json::Value;

use crate::cargo;

/// Files below a folder, by their paths from there.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = PathBuf::from(path.file_name().unwrap());
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|below| name.join(below)));
        } else {
            found.insert(name);
        }
    }
    found
}

fn documents(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    yaml::read_documents(&text, Dialect::Manifest, &Limits::DISTRIBUTION)
        .unwrap_or_else(|error| panic!("`{}`: {error}", path.display()))
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn texts<'a>(value: &'a Value, key: &str) -> Vec<&'a str> {
    value[key].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Every object of the kustomization.
fn objects() -> Vec<Value> {
    let folder = cargo::path("deploy");
    let [kustomization] = documents(&folder.join("kustomization.yaml")).try_into().unwrap();
    texts(&kustomization, "resources").iter().flat_map(|file| documents(&folder.join(file))).collect()
}

fn object(kind: &str) -> Value {
    let mut found = objects().into_iter().filter(|object| object["kind"] == kind);
    found.next().unwrap_or_else(|| panic!("expected a {kind}"))
}

#[test]
fn kustomizations_list_every_file() {
    for folder in ["deploy", "deploy/components/network-policy"] {
        let path = cargo::path(folder);
        let [kustomization] = documents(&path.join("kustomization.yaml")).try_into().unwrap();
        let listed: BTreeSet<_> = texts(&kustomization, "resources").into_iter().map(PathBuf::from).collect();
        let mut there = files(&path);
        there.retain(|file| {
            !["components", "samples", "kustomization.yaml"].iter().any(|other| file.starts_with(other))
        });
        assert_eq!(listed, there, "{folder}");
    }
}

#[test]
fn every_object_has_its_place() {
    for object in objects() {
        let name = text(&object, "/metadata/name");
        let is_namespaced =
            ["Deployment", "Role", "RoleBinding", "Service", "ServiceAccount"].contains(&text(&object, "/kind"));
        let expected = if is_namespaced { "flux-system" } else { "" };
        assert!(!name.is_empty() && !text(&object, "/apiVersion").is_empty(), "{object}");
        assert_eq!(text(&object, "/metadata/namespace"), expected, "{name}");
    }
}

#[test]
fn names_that_are_referred_to_exist() {
    let account = object("ServiceAccount");
    let deployment = object("Deployment");
    assert_eq!(deployment.pointer("/spec/template/spec/serviceAccountName"), account.pointer("/metadata/name"));
    for (binding, role) in [("ClusterRoleBinding", "ClusterRole"), ("RoleBinding", "Role")] {
        let (binding, role) = (object(binding), object(role));
        assert_eq!(binding.pointer("/roleRef/kind"), role.pointer("/kind"));
        assert_eq!(binding.pointer("/roleRef/name"), role.pointer("/metadata/name"));
        for field in ["name", "namespace"] {
            assert_eq!(binding["subjects"][0][field], account["metadata"][field]);
        }
    }
    let labels = deployment.pointer("/spec/template/metadata/labels");
    assert_eq!(deployment.pointer("/spec/selector/matchLabels"), labels);
    let service = object("Service");
    assert_eq!(service.pointer("/spec/selector"), labels);
    let ports = deployment.pointer("/spec/template/spec/containers/0/ports").and_then(Value::as_array).unwrap();
    assert!(ports.iter().any(|port| port["name"] == service["spec"]["ports"][0]["targetPort"]));
}

/// An operator that may not write a kind that it renders would fail in the middle of an installation.
#[test]
fn whatever_is_rendered_may_be_written() {
    let mut resources = BTreeSet::from([("apiextensions.k8s.io".to_owned(), "customresourcedefinitions".to_owned())]);
    for file in files(&cargo::path("testdata/golden")) {
        if file.extension().is_some_and(|extension| extension == "yaml") {
            resources.extend(documents(&cargo::path("testdata/golden").join(file)).iter().map(resource));
        }
    }
    assert!(resources.len() > 10, "{resources:?}");
    let role = object("ClusterRole");
    for (group, resource) in &resources {
        for verb in ["get", "list", "watch", "create", "patch", "delete"] {
            // It may be somebody else's, and what else is in it is.
            if (resource.as_str(), verb) == ("namespaces", "delete") {
                continue;
            }
            assert!(allows(&role, group, resource, verb), "{verb} {resource} of `{group}`");
        }
    }
}

#[test]
fn what_is_not_rendered_may_be_done_where_it_has_to() {
    let (cluster, namespace) = (object("ClusterRole"), object("Role"));
    let cases = [
        (&cluster, "fluxcd.controlplane.io", "fluxinstances/status", "patch", true),
        (&cluster, "fluxcd.controlplane.io", "fluxreports", "create", true),
        (&cluster, "fluxcd.controlplane.io", "fluxreports", "update", true),
        (&cluster, "fluxcd.controlplane.io", "fluxreports/status", "patch", true),
        (&cluster, "notification.toolkit.fluxcd.io", "receivers", "watch", true),
        (&cluster, "apiextensions.k8s.io", "customresourcedefinitions/status", "patch", true),
        (&cluster, "rbac.authorization.k8s.io", "clusterroles", "escalate", true),
        (&cluster, "rbac.authorization.k8s.io", "clusterroles", "bind", true),
        (&cluster, "helm.toolkit.fluxcd.io", "helmreleases", "patch", true),
        (&cluster, "", "namespaces", "delete", false),
        (&cluster, "", "nodes", "watch", true),
        (&cluster, "", "secrets", "get", false),
        (&namespace, "", "secrets", "get", true),
        (&namespace, "", "secrets", "list", false),
        (&namespace, "", "events", "create", true),
        (&namespace, "", "events", "patch", true),
        (&namespace, "coordination.k8s.io", "leases", "update", true),
    ];
    for (role, group, resource, verb, expected) in cases {
        assert_eq!(allows(role, group, resource, verb), expected, "{verb} {resource} of `{group}`");
    }
}

fn allows(role: &Value, group: &str, resource: &str, verb: &str) -> bool {
    let has =
        |rule: &Value, key: &str, word: &str| texts(rule, key).iter().any(|found| *found == word || *found == "*");
    let rules = role["rules"].as_array().unwrap();
    rules
        .iter()
        .any(|rule| has(rule, "apiGroups", group) && has(rule, "resources", resource) && has(rule, "verbs", verb))
}

/// Group and plural of an object's kind: regular for every kind of Kubernetes and Flux that is rendered.
fn resource(object: &Value) -> (String, String) {
    let group = text(object, "/apiVersion").rsplit_once('/').map_or("", |(group, _)| group);
    let kind = text(object, "/kind").to_lowercase();
    let plural = kind.strip_suffix('y').map_or_else(|| format!("{kind}s"), |stem| format!("{stem}ies"));
    (group.to_owned(), plural)
}

#[test]
fn the_sample_is_a_legal_instance() {
    let text = fs::read_to_string(cargo::path("deploy/samples/flux-instance.yaml")).unwrap();
    let admission = Admission::default();
    let manifests = admission.read(&text).unwrap();
    assert_eq!(manifests.len(), 1);
    manifests[0].plan().unwrap();
}
