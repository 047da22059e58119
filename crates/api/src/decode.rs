//! How absence is decoded, so that a file read without an API server means what it means after
//! admission.
//!
//! Admission drops an explicit `null` and then applies the default of the schema. serde applies a
//! default only to a missing key, hence these few functions for `deserialize_with`.

use serde::{Deserialize, Deserializer};

/// What the schema says about booleans that are on unless switched off. Named so that the schema
/// can carry it.
pub(crate) const fn yes() -> bool {
    true
}

/// A boolean that is `true` when absent or `null`.
pub(crate) fn true_by_default<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(true))
}

/// A value whose `Default` stands for absence and `null`.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// An optional string. Empty means absent, as in every Kubernetes client that omits empty strings.
pub(crate) fn non_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()))
}
