//! The volume of source-controller.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A persistent volume for the artifacts of source-controller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// Storage class of the volume, for example `standard`.
    pub class: String,

    /// Size of the volume, for example `10Gi`.
    pub size: String,
}

impl Storage {
    /// A volume of `size`, for example `10Gi`, and storage class `class`.
    pub fn new(class: impl Into<String>, size: impl Into<String>) -> Self {
        Self { class: class.into(), size: size.into() }
    }
}
