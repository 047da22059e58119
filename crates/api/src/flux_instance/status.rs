//! What the operator answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Conditions, History, ResourceInventory, decode};

/// What became of the instance: conditions, revisions, installed components, objects, past
/// attempts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FluxInstanceStatus {
    /// Token of the last handled request to reconcile, from the annotation
    /// `reconcile.fluxcd.io/requestedAt`.
    #[serde(default, deserialize_with = "decode::non_empty", skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,

    /// Token of the last handled request to force, from the annotation
    /// `reconcile.fluxcd.io/forceAt`.
    #[serde(default, deserialize_with = "decode::non_empty", skip_serializing_if = "Option::is_none")]
    pub last_handled_force_at: Option<String>,

    /// State of the instance: `Ready`, and while there is something to report, `Reconciling` or
    /// `Stalled`.
    #[serde(default, deserialize_with = "decode::or_default", skip_serializing_if = "Conditions::is_empty")]
    pub conditions: Conditions,

    /// Revision of the last build, applied or not: version and digest, such as `v2.8.3@sha256:…`.
    #[serde(default, deserialize_with = "decode::non_empty", skip_serializing_if = "Option::is_none")]
    pub last_attempted_revision: Option<String>,

    /// Revision that was last applied in full: version and digest, such as `v2.8.3@sha256:…`.
    #[serde(default, deserialize_with = "decode::non_empty", skip_serializing_if = "Option::is_none")]
    pub last_applied_revision: Option<String>,

    /// Digest of the distribution artifact that was last applied in full, such as `sha256:…`.
    /// Absent when the manifests came with the operator.
    #[serde(default, deserialize_with = "decode::non_empty", skip_serializing_if = "Option::is_none")]
    pub last_artifact_revision: Option<String>,

    /// Installed controllers and their images, in the order of `spec.components`.
    #[serde(default, deserialize_with = "decode::or_default", skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<ComponentImage>,

    /// Objects in the cluster that belong to the instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<ResourceInventory>,

    /// Past attempts, newest first. Attempts with equal digest and status share an entry.
    #[serde(default, deserialize_with = "decode::or_default", skip_serializing_if = "History::is_empty")]
    pub history: History,
}

/// An installed controller and its image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComponentImage {
    /// Name of the controller, such as `source-controller`.
    pub name: String,

    /// Image without tag and digest, such as `ghcr.io/fluxcd/source-controller`.
    pub repository: String,

    /// Tag of the image, such as `v1.6.2`.
    pub tag: String,

    /// Digest of the image, such as `sha256:…`. Absent when the image is pinned to its tag only.
    #[serde(default, deserialize_with = "decode::non_empty", skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}
