//! Where Flux runs: flavour, size, DNS domain, tenancy.

#![expect(unreachable_pub, reason = "KubeSchema copies the public struct into a function to derive its schema")]
#![expect(clippy::struct_excessive_bools, reason = "each is a field of the API")]

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::{closed_set::closed_set, decode};

/// Service account of tenants when none is named.
const DEFAULT_SERVICE_ACCOUNT: &str = "default";

/// The cluster Flux runs in. `Default` is the cluster of an instance that says nothing about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("(has(self.objectLevelWorkloadIdentity) && self.objectLevelWorkloadIdentity) || \
        !has(self.multitenantWorkloadIdentity) || !self.multitenantWorkloadIdentity")
        .message(".objectLevelWorkloadIdentity has to be true if .multitenantWorkloadIdentity is true")
        .reason(Reason::FieldValueInvalid)
        .field_path(".objectLevelWorkloadIdentity")
)]
#[serde(rename_all = "camelCase")]
pub struct Cluster {
    /// Flavour of the cluster. `openshift` adapts the controllers to its security constraints;
    /// `aws`, `azure` and `gcp` are the same as `kubernetes`. Default `kubernetes`.
    #[serde(default, deserialize_with = "decode::or_default")]
    pub r#type: ClusterType,

    /// Vertical scaling profile: concurrency, CPU and memory of the controllers for a `small`,
    /// `medium` or `large` number of applications. Left out, the controllers keep what the
    /// distribution gives them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<ClusterSize>,

    /// DNS domain of the cluster, part of the addresses at which the controllers reach each other.
    /// Default `cluster.local`.
    #[serde(default = "default_domain", deserialize_with = "domain")]
    pub domain: String,

    /// Whether to install network policies that let in only what the controllers need. Default
    /// `true`.
    #[serde(default = "decode::yes", deserialize_with = "decode::true_by_default")]
    pub network_policy: bool,

    /// Whether to lock tenants down: no references across namespaces, no remote bases, and
    /// reconciliation as a service account of the tenant. Default `false`.
    #[serde(default, deserialize_with = "decode::or_default", skip_serializing_if = "is_false")]
    #[schemars(extend("default" = false))]
    pub multitenant: bool,

    /// Service account that tenants' resources are reconciled as when they name none. Takes effect
    /// with `multitenant` or `multitenantWorkloadIdentity`. Default `default`, example `flux`.
    #[serde(default, deserialize_with = "decode::non_empty", skip_serializing_if = "Option::is_none")]
    pub tenant_default_service_account: Option<String>,

    /// Whether Flux resources may name the service account they access a cloud provider with. Needs
    /// Flux 2.6 or later. Off when left out.
    #[serde(default, deserialize_with = "decode::or_default", skip_serializing_if = "is_false")]
    pub object_level_workload_identity: bool,

    /// Whether tenants access cloud providers as their own service account. Needs Flux 2.7 or later
    /// and `objectLevelWorkloadIdentity`. Default `false`.
    #[serde(default, deserialize_with = "decode::or_default", skip_serializing_if = "is_false")]
    #[schemars(extend("default" = false))]
    pub multitenant_workload_identity: bool,

    /// Service account that tenants' Kustomizations decrypt secrets with when they name none. Takes
    /// effect with `multitenantWorkloadIdentity`. Default `default`, example `flux-decryption`.
    #[serde(default, deserialize_with = "decode::non_empty", skip_serializing_if = "Option::is_none")]
    pub tenant_default_decryption_service_account: Option<String>,

    /// Service account that tenants reach remote clusters with when they name none. Takes effect
    /// with `multitenantWorkloadIdentity`. Default `default`, example `flux-remote`.
    #[serde(default, deserialize_with = "decode::non_empty", skip_serializing_if = "Option::is_none")]
    pub tenant_default_kube_config_service_account: Option<String>,
}

impl Cluster {
    /// DNS domain of a cluster that names none.
    pub const DEFAULT_DOMAIN: &str = "cluster.local";

    /// The DNS domain, [`Self::DEFAULT_DOMAIN`] when empty: admission lets an explicit empty string
    /// pass.
    pub fn effective_domain(&self) -> &str {
        if self.domain.is_empty() { Self::DEFAULT_DOMAIN } else { &self.domain }
    }

    /// Service account for tenants' resources that name none.
    pub fn effective_service_account(&self) -> &str {
        name_or_default(self.tenant_default_service_account.as_deref())
    }

    /// Service account for decryption by tenants' Kustomizations that name none.
    pub fn effective_decryption_service_account(&self) -> &str {
        name_or_default(self.tenant_default_decryption_service_account.as_deref())
    }

    /// Service account for access to remote clusters by tenants' resources that name none.
    pub fn effective_kube_config_service_account(&self) -> &str {
        name_or_default(self.tenant_default_kube_config_service_account.as_deref())
    }
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            r#type: ClusterType::Kubernetes,
            size: None,
            domain: default_domain(),
            network_policy: true,
            multitenant: false,
            tenant_default_service_account: None,
            object_level_workload_identity: false,
            multitenant_workload_identity: false,
            tenant_default_decryption_service_account: None,
            tenant_default_kube_config_service_account: None,
        }
    }
}

closed_set! {
    /// The flavour of a cluster.
    #[derive(Default)]
    pub enum ClusterType: "a cluster type" {
        /// Any conformant cluster.
        #[default]
        Kubernetes = "kubernetes",
        /// Red Hat OpenShift, whose security constraints the controllers are adapted to.
        OpenShift = "openshift",
        /// Amazon EKS; as [`Self::Kubernetes`].
        Aws = "aws",
        /// Azure AKS; as [`Self::Kubernetes`].
        Azure = "azure",
        /// Google GKE; as [`Self::Kubernetes`].
        Gcp = "gcp",
    }
}

closed_set! {
    /// A vertical scaling profile. No size is a profile of its own and not the same as
    /// [`Self::Small`].
    pub enum ClusterSize: "a cluster size" {
        /// Few applications.
        Small = "small",
        /// A typical number of applications.
        Medium = "medium",
        /// Many applications.
        Large = "large",
    }
}

fn default_domain() -> String {
    Cluster::DEFAULT_DOMAIN.to_owned()
}

fn domain<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_else(default_domain))
}

fn name_or_default(name: Option<&str>) -> &str {
    name.filter(|name| !name.is_empty()).unwrap_or(DEFAULT_SERVICE_ACCOUNT)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
const fn is_false(value: &bool) -> bool {
    !*value
}
