//! Every rule by example. The examples are in `cases`: an object, its status and its message.

mod laws;

use std::collections::BTreeSet;

use flux_operator_api::{Object, ObjectId};
use flux_operator_builder::yaml::{Dialect, Limits, read_documents};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::kinds::RULES;
use super::{needs_watching, of};

const CASES: &[(&str, &str)] = &[
    ("any_kind", include_str!("cases/any_kind.yaml")),
    ("assignments", include_str!("cases/assignments.yaml")),
    ("custom_resources", include_str!("cases/custom_resources.yaml")),
    ("daemon_sets", include_str!("cases/daemon_sets.yaml")),
    ("data", include_str!("cases/data.yaml")),
    ("definitions", include_str!("cases/definitions.yaml")),
    ("deployments", include_str!("cases/deployments.yaml")),
    ("jobs", include_str!("cases/jobs.yaml")),
    ("malformed", include_str!("cases/malformed.yaml")),
    ("pods", include_str!("cases/pods.yaml")),
    ("replica_sets", include_str!("cases/replica_sets.yaml")),
    ("stateful_sets", include_str!("cases/stateful_sets.yaml")),
];

/// The moment at which the cases are looked at.
fn now() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

/// The cases of all files, each with the name of its file.
fn cases() -> impl Iterator<Item = (&'static str, Value)> {
    CASES.iter().flat_map(|(file, text)| {
        let documents = read_documents(text, Dialect::Manifest, &Limits::INPUT);
        documents.unwrap_or_else(|error| panic!("{file}: {error}")).into_iter().map(move |case| (*file, case))
    })
}

fn object(case: &Value) -> Object {
    Object::try_from(case["object"].clone()).unwrap_or_else(|error| panic!("{}: {error}", case["name"]))
}

#[track_caller]
fn check(file: &str, case: &Value) {
    let health = of(&object(case), now());
    let found = json!({"status": health.status.to_string(), "message": health.message});
    let expected = json!({"status": case["status"], "message": case["message"]});
    assert_eq!(found, expected, "{file}: {}", case["name"]);
}

#[test]
fn every_case_is_as_told() {
    for (file, case) in cases() {
        check(file, &case);
    }
}

#[test]
fn every_case_has_its_own_name() {
    let mut names = BTreeSet::new();
    for (file, case) in cases() {
        let keys: Vec<_> = case.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["message", "name", "object", "status"], "{file}: {}", case["name"]);
        assert!(names.insert((file, case["name"].to_string())), "{file}: {} is there twice", case["name"]);
    }
}

#[test]
fn every_kind_with_a_rule_has_a_case() {
    let objects: Vec<_> = cases().map(|(_, case)| object(&case)).collect();
    for rule in RULES {
        let is_shown = objects.iter().any(|object| object.group() == rule.group && object.kind() == rule.kind);
        assert!(is_shown, "no case for {rule:?}");
    }
}

#[test]
fn only_what_a_controller_reports_on_needs_watching() {
    let check = |group: &str, kind: &str, expected: bool| {
        let id = ObjectId::new(group, kind, "apps", "a");
        assert_eq!(needs_watching(&id), expected, "{kind}.{group}");
    };
    for kind in ["Deployment", "StatefulSet", "ReplicaSet", "DaemonSet"] {
        check("apps", kind, true);
    }
    check("", "Pod", true);
    check("", "PersistentVolumeClaim", true);
    check("", "Service", true);
    check("", "ReplicationController", true);
    check("batch", "Job", true);
    check("policy", "PodDisruptionBudget", true);
    check("autoscaling", "HorizontalPodAutoscaler", true);
    check("apiextensions.k8s.io", "CustomResourceDefinition", true);
    check("kustomize.toolkit.fluxcd.io", "Kustomization", true);
    check("gateway.networking.k8s.io", "Gateway", true);
    check("example.com", "ConfigMap", true);
    for kind in ["ConfigMap", "Secret", "Namespace", "ServiceAccount", "ResourceQuota", "LimitRange"] {
        check("", kind, false);
    }
    for kind in ["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"] {
        check("rbac.authorization.k8s.io", kind, false);
    }
    check("networking.k8s.io", "NetworkPolicy", false);
    check("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", false);
    check("batch", "CronJob", false);
}
