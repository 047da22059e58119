//! Where a merge is, and what went wrong there.

use serde_json::Value;

use super::part::Part;

/// Why a patch and an object do not go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}`: {reason}")]
pub struct MergeError {
    /// The field, as a path from the object's root.
    path: String,
    reason: String,
}

/// Where a merge is, for errors.
#[derive(Clone, Copy)]
pub(super) struct Path<'p> {
    pub(super) parent: Option<&'p Path<'p>>,
    pub(super) step: &'p str,
}

impl Path<'_> {
    pub(super) fn join<'c>(&'c self, step: &'c str) -> Path<'c> {
        Path { parent: Some(self), step }
    }

    pub(super) fn fault(self, reason: impl Into<String>) -> MergeError {
        let mut steps = vec![self.step];
        let mut parent = self.parent;
        while let Some(path) = parent {
            steps.push(path.step);
            parent = path.parent;
        }
        let mut path = String::new();
        for step in steps.into_iter().rev().filter(|step| !step.is_empty()) {
            if !path.is_empty() && !step.starts_with('[') {
                path.push('.');
            }
            path.push_str(step);
        }
        MergeError { path: if path.is_empty() { ".".to_owned() } else { path }, reason: reason.into() }
    }

    pub(super) fn clash(self, part: &Part, existing: &Value) -> MergeError {
        let existing = match existing {
            Value::Array(_) => "a list",
            Value::Object(_) => "a mapping",
            _ => "a scalar",
        };
        self.fault(format!("the object has {existing} here, the patch has {}", part.shape()))
    }
}
