//! The `FluxReport`: what the operator sees of Flux in a cluster.
//!
//! Written by the operator alone; people and programs read it. What each field is computed from is
//! told in `docs/reporting.md`.

#![expect(unreachable_pub, reason = "KubeSchema copies the public struct into a function to derive its schema")]

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Conditions, closed_set::closed_set, decode};

/// What the operator sees: Flux, the cluster, the operator itself, controllers, objects of Flux by
/// kind, and what the cluster is synced from.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "fluxcd.controlplane.io",
    version = "v1",
    kind = "FluxReport",
    plural = "fluxreports",
    singular = "fluxreport",
    namespaced,
    status = "FluxReportStatus",
    derive = "PartialEq",
    category = "fluxcd",
    doc = "FluxReport tells what the operator sees of Flux: versions, controllers, objects by kind, and the sync of the \
           cluster. The operator writes the one named `flux` in its namespace, and nobody else needs to.",
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Flux", type_ = "string", json_path = ".spec.distribution.status"),
    printcolumn(name = "Version", type_ = "string", json_path = ".spec.distribution.version"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(
        name = "Status",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#
    ),
    validation = Rule::new("self.metadata.name == 'flux'")
        .message("a FluxReport has to be named `flux`, no other name is accepted")
        .reason(Reason::FieldValueInvalid)
)]
#[serde(rename_all = "camelCase")]
pub struct FluxReportSpec {
    /// Whether Flux is installed, in which version and by whom.
    pub distribution: ReportedDistribution,

    /// The cluster: version, platform, size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ReportedCluster>,

    /// The operator that wrote this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<ReportedOperator>,

    /// Controllers of Flux in the namespace of the operator, by name.
    #[serde(default, deserialize_with = "decode::or_default", skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<ReportedComponent>,

    /// Kinds that are reconciled, with the number of objects of each in all namespaces.
    #[serde(default, deserialize_with = "decode::or_default", skip_serializing_if = "Vec::is_empty")]
    pub reconcilers: Vec<ReportedReconciler>,

    /// What the cluster is synced from. Absent where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<ReportedSync>,
}

closed_set! {
    /// Whether Flux is installed.
    pub enum InstallationStatus: "a status of the distribution" {
        /// Its definitions are there.
        Installed = "Installed",
        /// They are not.
        NotInstalled = "Not Installed",
        /// Nobody has looked yet.
        Unknown = "Unknown",
    }
}

/// Whether Flux is installed, in which version and by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportedDistribution {
    /// Whether a subscription covers the distribution: `Unknown`, or `Issued` and by whom. This
    /// operator sells none and always says `Unknown`.
    pub entitlement: String,

    /// Whether Flux is installed: `Installed`, `Not Installed`, or `Unknown` before anybody looked.
    pub status: InstallationStatus,

    /// Version of Flux, such as `v2.8.3`, as its definitions tell it.
    #[serde(default, deserialize_with = "decode::non_empty", skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,

    /// Who installed Flux, such as `flux-operator` or `flux bootstrap`. Absent where that is not said.
    #[serde(default, deserialize_with = "decode::non_empty", skip_serializing_if = "Option::is_none")]
    pub managed_by: Option<String>,
}

/// Nobody has looked yet.
impl Default for ReportedDistribution {
    fn default() -> Self {
        Self {
            entitlement: ENTITLEMENT_UNKNOWN.to_owned(),
            status: InstallationStatus::Unknown,
            version: None,
            managed_by: None,
        }
    }
}

/// What [`ReportedDistribution::entitlement`] says where there is none.
pub const ENTITLEMENT_UNKNOWN: &str = "Unknown";

/// The cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportedCluster {
    /// Version of the API server, such as `v1.34.1`.
    pub server_version: String,

    /// Operating system and processor of the API server, such as `linux/amd64`.
    pub platform: String,

    /// Number of nodes. Absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub nodes: Option<i64>,
}

/// The operator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportedOperator {
    /// API version that the operator serves: `fluxcd.controlplane.io/v1`.
    pub api_version: String,

    /// Version of the operator, such as `v0.1.0`.
    pub version: String,

    /// Operating system and processor that the operator runs on, such as `linux/arm64`.
    pub platform: String,
}

/// A controller of Flux.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportedComponent {
    /// Name of its Deployment, such as `source-controller`.
    pub name: String,

    /// Whether the Deployment is as described.
    pub ready: bool,

    /// How the Deployment is doing, such as `Current Deployment is available. Replicas: 1`.
    pub status: String,

    /// Image of its first container, such as `ghcr.io/fluxcd/source-controller:v1.6.2`.
    pub image: String,
}

/// A kind that is reconciled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportedReconciler {
    /// API version of the kind, such as `source.toolkit.fluxcd.io/v1`.
    pub api_version: String,

    /// The kind, such as `GitRepository`.
    pub kind: String,

    /// How many objects there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats: Option<ReportedStats>,
}

/// Objects of a kind, counted in all namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportedStats {
    /// Number of objects that are reconciled, whether or not that succeeds.
    #[schemars(range(min = 0))]
    pub running: i64,

    /// Number of objects that are reconciled and fail. Those that wait for a dependency do not.
    #[schemars(range(min = 0))]
    pub failing: i64,

    /// Number of objects that are suspended.
    #[schemars(range(min = 0))]
    pub suspended: i64,

    /// Size of all artifacts, such as `1.5 MiB`. Absent where there are none.
    #[serde(default, deserialize_with = "decode::non_empty", skip_serializing_if = "Option::is_none")]
    pub total_size: Option<String>,
}

/// What the cluster is synced from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportedSync {
    /// The Kustomization that syncs the cluster, such as `kustomization/flux-system`.
    pub id: String,

    /// Path in the source, such as `clusters/production`.
    #[serde(default, deserialize_with = "decode::non_empty", skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,

    /// Whether neither the Kustomization nor its source fails.
    pub ready: bool,

    /// What the Kustomization says, and its source where that fails.
    pub status: String,

    /// Address of the source, such as `ssh://git@example.com/fleet`.
    #[serde(default, deserialize_with = "decode::non_empty", skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// How the reporting itself is going.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FluxReportStatus {
    /// State of the report: `Ready` is `False` where something could not be looked at.
    #[serde(default, deserialize_with = "decode::or_default", skip_serializing_if = "Conditions::is_empty")]
    pub conditions: Conditions,

    /// Token of the last handled request to report, from the annotation
    /// `reconcile.fluxcd.io/requestedAt`.
    #[serde(default, deserialize_with = "decode::non_empty", skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn nothing_is_written_where_nothing_is_known() {
        let spec = serde_json::to_value(FluxReportSpec::default()).unwrap();
        assert_eq!(spec, json!({"distribution": {"entitlement": "Unknown", "status": "Unknown"}}));
    }

    #[test]
    fn a_report_reads_as_it_was_written() {
        let spec: Value = json!({
            "distribution": {
                "entitlement": "Unknown", "status": "Not Installed", "version": "v2.8.3", "managedBy": "flux-operator",
            },
            "cluster": {"serverVersion": "v1.34.1", "platform": "linux/amd64", "nodes": 3},
            "operator": {"apiVersion": "fluxcd.controlplane.io/v1", "version": "v0.1.0", "platform": "linux/arm64"},
            "components": [{"name": "a", "ready": true, "status": "Current", "image": "i"}],
            "reconcilers": [{
                "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "Bucket",
                "stats": {"running": 2, "failing": 1, "suspended": 0, "totalSize": "1.5 KiB"},
            }],
            "sync": {"id": "kustomization/a", "path": "./", "ready": false, "status": "no", "source": "s"},
        });
        let read: FluxReportSpec = serde_json::from_value(spec.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), spec);
    }
}
