//! Horizontal scaling: one more set of controllers per shard.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::{closed_set::closed_set, labels};

/// Additional sets of controllers, one per shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sharding {
    /// Label that assigns a Flux resource to a shard. Default `sharding.fluxcd.io/key`.
    #[serde(default = "default_key", deserialize_with = "key")]
    pub key: String,

    /// Names of the shards, which are the values of the label: `shard1` runs a set of controllers
    /// that reconciles the resources labelled `sharding.fluxcd.io/key: shard1`. At least one.
    #[schemars(length(min = 1))]
    pub shards: Vec<String>,

    /// Where the source-controller of a shard keeps its artifacts: `ephemeral` in the pod,
    /// `persistent` on a volume of its own, made as `spec.storage` says. `ephemeral` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<ShardStorage>,
}

impl Sharding {
    /// Shards with the default key and ephemeral storage.
    pub fn new(shards: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { shards: shards.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Whether each shard has a volume of its own.
    pub fn is_persistent(&self) -> bool {
        self.storage == Some(ShardStorage::Persistent)
    }
}

/// The default key, no storage, and no shards yet, which no API server accepts.
impl Default for Sharding {
    fn default() -> Self {
        Self { key: default_key(), shards: Vec::new(), storage: None }
    }
}

closed_set! {
    /// Where the source-controller of a shard keeps its artifacts.
    #[derive(Default)]
    pub enum ShardStorage: "a shard storage" {
        /// In the pod.
        #[default]
        Ephemeral = "ephemeral",
        /// On a persistent volume per shard.
        Persistent = "persistent",
    }
}

fn default_key() -> String {
    labels::SHARDING_KEY.to_owned()
}

fn key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_else(default_key))
}
