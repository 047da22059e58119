//! Which kinds of Kubernetes have a rule of their own, and which kinds report back.

use flux_operator_api::Object;
use jiff::Timestamp;

use super::{Health, assignments, definitions, jobs, pods, workloads};

/// What is special about one kind.
#[derive(Debug)]
pub(super) struct KindRule {
    /// A custom resource may have the same kind in another group, and then none of this.
    pub(super) group: &'static str,
    pub(super) kind: &'static str,
    /// Whether a controller reports back, so that a written object may have to be waited for.
    pub(super) reports_back: bool,
    pub(super) health: fn(&Object, Timestamp) -> Health,
}

/// Every kind with a rule of its own.
pub(super) const RULES: &[KindRule] = &[
    reports("apiextensions.k8s.io", "CustomResourceDefinition", |object, _| definitions::definition(object)),
    reports("apps", "Deployment", |object, _| workloads::deployment(object)),
    reports("apps", "StatefulSet", |object, _| workloads::stateful_set(object)),
    reports("apps", "ReplicaSet", |object, _| workloads::replica_set(object)),
    reports("apps", "DaemonSet", |object, _| workloads::daemon_set(object)),
    reports("", "Pod", pods::pod),
    reports("batch", "Job", |object, _| jobs::job(object)),
    reports("", "PersistentVolumeClaim", |object, _| assignments::claim(object)),
    reports("", "Service", |object, _| assignments::service(object)),
    // Its conditions say whether pods may be evicted just now, which is nothing to wait for.
    reports("policy", "PodDisruptionBudget", exists),
    is_data("", "ConfigMap"),
    is_data("", "Secret"),
    // Makes jobs on its schedule and is never finished.
    is_data("batch", "CronJob"),
];

/// Kinds of Kubernetes without a rule of their own whose controllers report the generation they
/// have seen.
const OBSERVED: &[(&str, &str)] = &[
    ("", "ReplicationController"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
    ("autoscaling", "HorizontalPodAutoscaler"),
];

/// The groups of Kubernetes itself, see the [API reference]. Their names do not give them away: the
/// Gateway API, for one, has `gateway.networking.k8s.io`. A group that is missing here costs a
/// needless look at its objects.
///
/// [API reference]: https://kubernetes.io/docs/reference/kubernetes-api/
const GROUPS: &[&str] = &[
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

const fn reports(group: &'static str, kind: &'static str, health: fn(&Object, Timestamp) -> Health) -> KindRule {
    KindRule { group, kind, reports_back: true, health }
}

const fn is_data(group: &'static str, kind: &'static str) -> KindRule {
    KindRule { group, kind, reports_back: false, health: exists }
}

/// The rule of a kind, if it has one.
pub(super) fn find(group: &str, kind: &str) -> Option<&'static KindRule> {
    RULES.iter().find(|rule| rule.group == group && rule.kind == kind)
}

/// Whether a controller reports back on objects of this kind. Kinds that are not known may have one.
pub(super) fn reports_back(group: &str, kind: &str) -> bool {
    match find(group, kind) {
        Some(rule) => rule.reports_back,
        None => !GROUPS.contains(&group) || OBSERVED.contains(&(group, kind)),
    }
}

/// For what is done once it is stored.
pub(super) fn exists(object: &Object, _: Timestamp) -> Health {
    Health::current(format!("{} exists", object.kind()))
}
