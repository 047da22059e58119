//! What is known of a change before it is made.

use flux_operator_impact::Assessment;
use serde_json::Value;

use super::Desired;
use crate::error::{Complaint, Differs, Failure};

/// A change, foreseen and assessed.
#[derive(Debug)]
pub(crate) struct Prediction {
    /// What the change leads to.
    pub(crate) desired: Desired,
    /// The revision it starts from; none where nothing is installed.
    pub(crate) from: Option<String>,
    pub(crate) assessment: Assessment,
    /// Which cluster it is about: the UID of its namespace `kube-system`.
    pub(crate) cluster: Option<String>,
    /// The spec of the instance in the cluster; null where there is none.
    pub(crate) instance: Value,
}

impl Prediction {
    /// How a command ends that only tells: well where nothing would change.
    pub(crate) fn end(&self) -> Result<(), Failure> {
        if self.assessment.is_empty() { Ok(()) } else { Err(Complaint::new(Differs).into()) }
    }
}
