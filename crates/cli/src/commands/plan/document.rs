//! A plan as a document: for programs, and to be carried out.

use flux_operator_impact::{Counts, Risk};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Prediction;
use crate::error::Advise;

/// What the document says it is.
const API_VERSION: &str = "cli.fluxcd.controlplane.io/v1";
const KIND: &str = "Plan";

/// A plan. Two plans that are equal say the same of the same cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Document {
    api_version: String,
    kind: String,
    /// The FluxInstance that leads there.
    pub(crate) instance: Value,
    /// Where the distribution was.
    pub(crate) distribution: String,
    /// The revision it starts from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<String>,
    /// The revision it leads to.
    pub(crate) to: String,
    /// The UID of the namespace `kube-system`; none where no cluster was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cluster: Option<String>,
    /// The spec of the instance that was there.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub(crate) replaces: Value,
    /// `low`, `medium`, `high` or `blocked`.
    pub(crate) risk: String,
    pub(crate) summary: Value,
    /// A line for each object that changes.
    pub(crate) changes: Vec<Value>,
}

/// A file that is no plan.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DocumentError {
    #[error("is no plan")]
    Json(#[source] serde_json::Error),
    #[error("is no plan, but a `{kind}` of `{api_version}`")]
    Kind { api_version: String, kind: String },
    #[error("was made without a cluster")]
    Offline,
}

impl Document {
    /// The document of a prediction.
    pub(crate) fn of(prediction: &Prediction) -> Self {
        let Prediction { desired, from, assessment, cluster, instance } = prediction;
        let counts: Counts = assessment.counts();
        Self {
            api_version: API_VERSION.to_owned(),
            kind: KIND.to_owned(),
            instance: desired.instance.clone(),
            distribution: desired.distribution.clone(),
            from: from.clone(),
            to: desired.revision.clone(),
            cluster: cluster.clone(),
            replaces: instance.clone(),
            risk: assessment.risk().to_string(),
            summary: serde_json::to_value(counts).unwrap_or_default(),
            changes: assessment.lines.iter().map(|line| serde_json::to_value(line).unwrap_or_default()).collect(),
        }
    }

    /// Reads a document that can be carried out.
    ///
    /// # Errors
    /// The text is something else, or the plan is about no cluster.
    pub(crate) fn read(text: &str) -> Result<Self, DocumentError> {
        let document: Self = serde_json::from_str(text).map_err(DocumentError::Json)?;
        if document.api_version != API_VERSION || document.kind != KIND {
            return Err(DocumentError::Kind { api_version: document.api_version, kind: document.kind });
        }
        if document.cluster.is_none() {
            return Err(DocumentError::Offline);
        }
        Ok(document)
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.risk == Risk::Blocked.to_string()
    }

    pub(crate) fn into_value(self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The objects of which the two say different things.
    pub(crate) fn moved<'a>(&'a self, now: &'a Self) -> Vec<&'a str> {
        let object = |change: &'a Value| change.get("object").and_then(Value::as_str).unwrap_or_default();
        let (then, now) = (&self.changes, &now.changes);
        let gone = then.iter().filter(|change| !now.contains(change));
        let new = now.iter().filter(|change| !then.contains(change));
        let mut moved: Vec<&str> = gone.chain(new).map(object).collect();
        moved.sort_unstable();
        moved.dedup();
        moved
    }
}

impl Advise for DocumentError {
    fn hint(&self) -> Option<String> {
        Some("`flux-operator plan -f flux.yaml -o json` makes one".to_owned())
    }
}
