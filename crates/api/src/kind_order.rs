//! The order in which kinds are applied.

/// Kinds that other kinds need before them, first to last.
const FIRST: &[&str] = &[
    "CustomResourceDefinition",
    "Namespace",
    "ClusterRole",
    "ClusterClass",
    "RuntimeClass",
    "PriorityClass",
    "StorageClass",
    "VolumeSnapshotClass",
    "IngressClass",
    "GatewayClass",
    "ClusterRoleBinding",
    "ResourceQuota",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ConfigMap",
    "Secret",
    "Service",
    "LimitRange",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];

/// Kinds that would get in the way of everything else.
const LAST: &[&str] = &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// The rank of a kind: lower ranks are applied first and deleted last.
///
/// Definitions come before their instances, permissions and configuration before the workloads
/// that use them, admission webhooks after the workloads that serve them. Kinds that are not
/// listed share one rank between the two groups.
///
/// ```
/// use flux_operator_api::kind_order::rank;
///
/// assert!(rank("CustomResourceDefinition") < rank("Deployment"));
/// assert!(rank("Deployment") < rank("GitRepository"));
/// assert!(rank("GitRepository") < rank("ValidatingWebhookConfiguration"));
/// ```
pub fn rank(kind: &str) -> usize {
    let position = |kinds: &[&str]| kinds.iter().position(|known| *known == kind);
    position(FIRST).or_else(|| Some(FIRST.len() + 1 + position(LAST)?)).unwrap_or(FIRST.len())
}
