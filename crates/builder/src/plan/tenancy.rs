//! What tenants may do, and as whom.

use flux_operator_api::Cluster;

use crate::violation::Checker;

/// Whether the controllers are locked down for tenants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tenancy {
    /// One team, no lockdown.
    Single,
    /// Tenants' resources are reconciled as a service account of their own.
    Multi {
        /// The account of resources that name none.
        default_service_account: String,
    },
}

/// Whether Flux resources access cloud providers as service accounts that they name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WorkloadIdentity {
    /// Only the controllers' own identity.
    Controllers,
    /// Each resource may name a service account.
    Objects,
    /// Each resource does; these are the accounts of those that name none.
    Tenants { default: String, decryption: String, kube_config: String },
}

impl Tenancy {
    pub(super) fn read(cluster: &Cluster) -> Self {
        if cluster.multitenant {
            Self::Multi { default_service_account: cluster.effective_service_account().to_owned() }
        } else {
            Self::Single
        }
    }
}

impl WorkloadIdentity {
    pub(super) fn read(cluster: &Cluster, checker: &mut Checker) -> Self {
        match (cluster.object_level_workload_identity, cluster.multitenant_workload_identity) {
            (false, true) => {
                checker.note(
                    "spec.cluster.objectLevelWorkloadIdentity",
                    "has to be true if `multitenantWorkloadIdentity` is true",
                );
                Self::Controllers
            }
            (false, false) => Self::Controllers,
            (true, false) => Self::Objects,
            (true, true) => Self::Tenants {
                default: cluster.effective_service_account().to_owned(),
                decryption: cluster.effective_decryption_service_account().to_owned(),
                kube_config: cluster.effective_kube_config_service_account().to_owned(),
            },
        }
    }
}
