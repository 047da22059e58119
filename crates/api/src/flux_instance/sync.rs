//! What Flux syncs the cluster from.

#![expect(unreachable_pub, reason = "KubeSchema copies the public struct into a function to derive its schema")]

use kube::KubeSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::{closed_set::closed_set, decode};

/// A source of cluster state, made into a Flux source and a Kustomization of the same name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("!has(self.provider) || self.provider != 'gcp' || self.kind in ['OCIRepository', 'Bucket']")
        .message("the provider `gcp` works only with the kinds OCIRepository and Bucket")
        .reason(Reason::FieldValueInvalid)
        .field_path(".provider"),
    validation = Rule::new("!has(self.provider) || self.provider != 'github' || self.kind == 'GitRepository'")
        .message("the provider `github` works only with the kind GitRepository")
        .reason(Reason::FieldValueInvalid)
        .field_path(".provider")
)]
#[serde(rename_all = "camelCase")]
pub struct Sync {
    /// Kind of the source: `OCIRepository`, `GitRepository` or `Bucket`.
    pub kind: SyncKind,

    /// Address of the source: of a Git repository `https://github.com/example/fleet.git`, of an OCI
    /// repository `oci://ghcr.io/example/fleet`, of a bucket its endpoint, `minio.example.com`.
    pub url: String,

    /// What to sync from the source: of a Git repository the ref name, `refs/heads/main`, of an OCI
    /// repository the tag, `latest`, of a bucket its name.
    pub r#ref: String,

    /// Directory within the source that holds the manifests, for example `clusters/production`.
    pub path: String,

    /// How often the source is checked, a sequence of numbers with a unit, such as `5m` or `1h30m`.
    /// Units are `ms`, `s`, `m`, `h`. Default `1m`. What the source holds is applied at once when
    /// it changed, and every ten minutes.
    #[serde(default = "default_interval", deserialize_with = "interval")]
    #[schemars(regex(pattern = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"))]
    pub interval: String,

    /// Name of the source and of the Kustomization; cannot be changed once set. Left out, the
    /// namespace of the instance, usually `flux-system`.
    #[serde(default, deserialize_with = "decode::non_empty", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    #[x_kube(
        validation = Rule::new("self == oldSelf")
            .message("the sync name cannot be changed")
            .reason(Reason::FieldValueForbidden)
    )]
    pub name: Option<String>,

    /// Name of a Secret in the namespace of the instance with the credentials for the source. The
    /// operator does not create it.
    #[serde(default, deserialize_with = "decode::non_empty", skip_serializing_if = "Option::is_none")]
    pub pull_secret: Option<String>,

    /// Provider whose own way of authentication is used: `aws`, `azure`, `gcp` by workload
    /// identity, `github` by a GitHub App, `generic` by the pull secret alone. Left out, as
    /// `generic`. `gcp` works with OCIRepository and Bucket, `github` with GitRepository; `aws`
    /// with GitRepository needs Flux 2.9 or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<SyncProvider>,
}

impl Sync {
    /// How often a source is checked when nothing else is said.
    pub const DEFAULT_INTERVAL: &str = "1m";

    /// A sync with its four required fields; every other field has its default.
    pub fn new(kind: SyncKind, url: impl Into<String>, reference: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            kind,
            url: url.into(),
            r#ref: reference.into(),
            path: path.into(),
            interval: default_interval(),
            name: None,
            pull_secret: None,
            provider: None,
        }
    }
}

closed_set! {
    /// The kind of a Flux source.
    pub enum SyncKind: "a sync kind" {
        /// An OCI artifact.
        OciRepository = "OCIRepository",
        /// A Git repository.
        GitRepository = "GitRepository",
        /// An S3-compatible bucket.
        Bucket = "Bucket",
    }
}

closed_set! {
    /// A provider with its own way of authentication.
    pub enum SyncProvider: "a sync provider" {
        /// None: the pull secret alone.
        Generic = "generic",
        /// Amazon Web Services.
        Aws = "aws",
        /// Microsoft Azure.
        Azure = "azure",
        /// Google Cloud.
        Gcp = "gcp",
        /// A GitHub App.
        GitHub = "github",
    }
}

fn default_interval() -> String {
    Sync::DEFAULT_INTERVAL.to_owned()
}

fn interval<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_else(default_interval))
}
