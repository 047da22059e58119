//! User patches, in the form Kustomize knows, less its `path` and `options`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decode;

/// Changes made to the built objects, as Kustomize would.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kustomize {
    /// Patches, applied in this order, after everything the other fields ask for.
    #[serde(default, deserialize_with = "decode::or_default", skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<Patch>,
}

/// One patch and the objects it is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Patch {
    /// A strategic merge patch or a list of JSON 6902 operations, in YAML or JSON. A strategic
    /// merge patch without `target` is for the object it names.
    pub patch: String,

    /// The objects to patch: those that match every field given here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Selector>,
}

/// A choice of objects. Fields other than the selectors are regular expressions that have to match
/// the whole value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Selector {
    /// API group, a regular expression such as `apps`. Left out, any group.
    #[serde(default, deserialize_with = "decode::non_empty", skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,

    /// API version, a regular expression such as `v1`. Left out, any version.
    #[serde(default, deserialize_with = "decode::non_empty", skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,

    /// Kind, a regular expression such as `Deployment`. Left out, any kind.
    #[serde(default, deserialize_with = "decode::non_empty", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,

    /// Name, a regular expression such as `(kustomize|helm)-controller`. Left out, any name.
    #[serde(default, deserialize_with = "decode::non_empty", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,

    /// Namespace, a regular expression such as `flux-system`. Left out, any namespace.
    #[serde(default, deserialize_with = "decode::non_empty", skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,

    /// Labels the object has to have, a selector such as `app.kubernetes.io/component in
    /// (source-controller)`. Left out, any labels.
    #[serde(default, deserialize_with = "decode::non_empty", skip_serializing_if = "Option::is_none")]
    pub label_selector: Option<String>,

    /// Annotations the object has to have, a selector such as `!sharding.fluxcd.io/role`. Left out,
    /// any annotations.
    #[serde(default, deserialize_with = "decode::non_empty", skip_serializing_if = "Option::is_none")]
    pub annotation_selector: Option<String>,
}
