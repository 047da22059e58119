//! The `FluxInstance`: one Flux, described, and what became of it.
//!
//! [`FluxInstanceSpec`] is what a user writes, in parts that have a module each;
//! [`FluxInstanceStatus`] is what the operator answers. Doc comments on fields end up in the CRD
//! and are read through `kubectl explain`.
//!
//! An API server admits an object without `spec`; it does not decode, with `missing field`. Whoever
//! watches instances therefore does so through `kube::core::DeserializeGuard`, so that one such
//! object is reported and does not end the watch.

#![expect(unreachable_pub, reason = "KubeSchema copies the public struct into a function to derive its schema")]

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{annotations, decode};

mod cluster;
mod distribution;
mod kustomize;
mod sharding;
mod status;
mod storage;
mod sync;

pub use cluster::{Cluster, ClusterSize, ClusterType};
pub use distribution::{Component, Distribution, Variant};
pub use kustomize::{Kustomize, Patch, Selector};
pub use sharding::{ShardStorage, Sharding};
pub use status::{ComponentImage, FluxInstanceStatus};
pub use storage::Storage;
pub use sync::{Sync, SyncKind, SyncProvider};

/// The desired Flux: which version, from where, with which controllers, tuned how, and what it
/// syncs.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "fluxcd.controlplane.io",
    version = "v1",
    kind = "FluxInstance",
    plural = "fluxinstances",
    singular = "fluxinstance",
    namespaced,
    status = "FluxInstanceStatus",
    derive = "PartialEq",
    category = "fluxcd",
    category = "fluxcd-appliers",
    doc = "FluxInstance describes the Flux of a cluster: the operator installs it, keeps it as described and upgrades it. \
           There is one per cluster, named `flux`, in the namespace of the operator.",
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
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
    printcolumn(name = "Revision", type_ = "string", json_path = ".status.lastAttemptedRevision"),
    validation = Rule::new("self.metadata.name == 'flux'")
        .message("a FluxInstance has to be named `flux`, no other name is accepted")
        .reason(Reason::FieldValueInvalid)
)]
#[x_kube(
    validation = Rule::new("!has(self.sharding) || !has(self.sharding.storage) || \
        self.sharding.storage != 'persistent' || has(self.storage)")
        .message(".spec.storage has to be set if .spec.sharding.storage is `persistent`")
        .reason(Reason::FieldValueRequired)
        .field_path(".storage")
)]
#[serde(rename_all = "camelCase")]
pub struct FluxInstanceSpec {
    /// What to install and from where.
    pub distribution: Distribution,

    /// Controllers to install, in this order. Left out or empty, these four: `source-controller`,
    /// `kustomize-controller`, `helm-controller`, `notification-controller`. A controller may be
    /// listed once.
    #[serde(default, deserialize_with = "decode::or_default", skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Component>,

    /// Labels and annotations for every object of the instance. They replace equal keys and do not
    /// count as a new revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common_metadata: Option<CommonMetadata>,

    /// The cluster Flux runs in: flavour, size, DNS domain, tenancy. Left out, a plain Kubernetes
    /// cluster with network policies and without tenancy lockdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Cluster>,

    /// Additional sets of controllers, each reconciling the resources that carry its label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharding: Option<Sharding>,

    /// Persistent volume for the artifacts of source-controller. Left out, artifacts live in the
    /// pod and are fetched again after a restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,

    /// Patches applied to the built objects, as Kustomize would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kustomize: Option<Kustomize>,

    /// Whether to wait, after an apply, until every object is ready. `false` reports the instance
    /// as ready once everything is applied. Default `true`.
    #[serde(default = "decode::yes", deserialize_with = "decode::true_by_default")]
    pub wait: bool,

    /// Whether to migrate stored Flux resources to the storage version of their CRD after an apply.
    /// Default `true`.
    #[serde(default = "decode::yes", deserialize_with = "decode::true_by_default")]
    pub migrate_resources: bool,

    /// Source that Flux syncs the cluster from: generates a Flux source and a Kustomization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<Sync>,
}

impl FluxInstance {
    /// The instance, in a namespace.
    #[must_use]
    pub fn in_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.metadata.namespace = Some(namespace.into());
        self
    }

    /// Whether the annotation [`annotations::RECONCILE`] switches the instance off.
    pub fn is_disabled(&self) -> bool {
        let value = self.metadata.annotations.as_ref().and_then(|all| all.get(annotations::RECONCILE));
        value.is_some_and(|value| annotations::is_disabled(value))
    }
}

impl FluxInstanceSpec {
    /// The spec of an instance that says nothing but what to install: every other field has its
    /// default.
    pub fn new(distribution: Distribution) -> Self {
        Self { distribution, ..Self::default() }
    }

    /// The controllers to install: those listed, or [`Component::CORE`] when none is.
    pub fn effective_components(&self) -> &[Component] {
        if self.components.is_empty() { &Component::CORE } else { &self.components }
    }

    /// The cluster as described, or the default one when nothing is said about it. Fields of the
    /// two never mix.
    pub fn effective_cluster(&self) -> Cluster {
        self.cluster.clone().unwrap_or_default()
    }
}

/// Every default of the schema, and an empty [`Distribution`], which no build accepts.
impl Default for FluxInstanceSpec {
    fn default() -> Self {
        Self {
            distribution: Distribution::default(),
            components: Vec::new(),
            common_metadata: None,
            cluster: None,
            sharding: None,
            storage: None,
            kustomize: None,
            wait: true,
            migrate_resources: true,
            sync: None,
        }
    }
}

/// Metadata for every object of the instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommonMetadata {
    /// Annotations added to every object, for example `example.com/team: platform`.
    #[serde(default, deserialize_with = "decode::or_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,

    /// Labels added to every object, for example `example.com/team: platform`.
    #[serde(default, deserialize_with = "decode::or_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests;
