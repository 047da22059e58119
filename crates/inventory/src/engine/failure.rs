//! What went wrong, with the object it went wrong with.

use std::fmt;
use std::time::Duration;

use flux_operator_api::{Object, ObjectId};

use super::kinds::KindError;
use super::request::RequestError;
use super::store::StoreError;
use crate::mask;

/// Why a run is not complete.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The inventory could not be stored. Nothing was written after that.
    #[error("the inventory cannot be stored")]
    Store(#[source] StoreError),
    /// Objects failed; what comes after them was not tried. Never empty.
    #[error("{}", listed(.0))]
    Objects(Vec<Failure>),
    /// A stage was applied and did not become ready in time.
    #[error("{0}")]
    NotReady(String),
    /// A stage was applied and is not waited for any longer, because there is something newer to do.
    #[error("the wait for a stage was given up, there is something newer to do")]
    Interrupted,
}

/// One object and what went wrong with it.
///
/// The text has the reason of the API server and, unlike other errors, also what the API server
/// said: failures are listed, and a list has no chain of causes.
#[derive(Debug)]
pub struct Failure {
    /// The object.
    pub id: ObjectId,
    /// What was tried.
    pub step: Step,
    /// Why it failed. Without the values of a Secret.
    pub cause: Box<Cause>,
}

/// Why something failed with an object.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// Its kind cannot be found.
    #[error(transparent)]
    Kind(#[from] KindError),
    /// A request had no usable answer.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// It was deleted, and something still holds it after that time: look at its finalizers.
    #[error("it is still being deleted after {}s; something holds it, see its finalizers", .0.as_secs())]
    Terminating(Duration),
}

/// What was tried with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// To find out what applying it would do.
    DryRun,
    /// To read it.
    Read,
    /// To take it over from another field manager.
    TakeOver,
    /// To apply it.
    Apply,
    /// To delete it.
    Delete,
}

impl ApplyError {
    /// Whether the next run may well succeed without a change of the objects.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(_) | Self::NotReady(_) | Self::Interrupted => true,
            Self::Objects(failures) => failures.iter().any(Failure::is_transient),
        }
    }
}

impl Failure {
    pub(super) fn new(id: ObjectId, step: Step, cause: impl Into<Cause>) -> Self {
        Self { id, step, cause: Box::new(cause.into()) }
    }

    /// A failure whose text may repeat parts of the object.
    pub(super) fn about(object: &Object, step: Step, cause: RequestError) -> Self {
        let cause = match cause {
            RequestError::Refused(mut status) => {
                status.message = mask::message(&status.message, object);
                for cause in status.details.iter_mut().flat_map(|details| &mut details.causes) {
                    cause.message = mask::message(&cause.message, object);
                }
                RequestError::Refused(status)
            }
            other => other,
        };
        Self::new(object.id(), step, cause)
    }

    /// Whether the same may well succeed later without a change of the object.
    pub fn is_transient(&self) -> bool {
        match &*self.cause {
            // Whoever installs the CRD may be about to.
            Cause::Kind(KindError::Unknown { .. }) | Cause::Terminating(_) => true,
            Cause::Kind(KindError::Request(error)) | Cause::Request(error) => error.is_transient(),
        }
    }

    /// The reason that the API server gives, such as `Forbidden` or `Invalid`.
    pub fn reason(&self) -> Option<&str> {
        match &*self.cause {
            Cause::Kind(KindError::Request(error)) | Cause::Request(error) => {
                error.status().map(|status| status.reason.as_str())
            }
            Cause::Kind(KindError::Unknown { .. }) | Cause::Terminating(_) => None,
        }
        .filter(|reason| !reason.is_empty())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} failed", self.id, self.step)?;
        if let Some(reason) = self.reason() {
            write!(f, " ({reason})")?;
        }
        let mut cause: Option<&dyn std::error::Error> = Some(&*self.cause);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DryRun => "dry-run",
            Self::Read => "read",
            Self::TakeOver => "take-over",
            Self::Apply => "apply",
            Self::Delete => "delete",
        })
    }
}

fn listed(failures: &[Failure]) -> String {
    failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_failure_names_the_object_the_step_and_the_reason() {
        let refused = |reason: &str| RequestError::Refused(Status::failure("no such field", reason).boxed());
        let id = || ObjectId::new("apps", "Deployment", "flux-system", "a");
        let failures = vec![
            Failure::new(id(), Step::DryRun, refused("Invalid")),
            Failure::new(id(), Step::Apply, refused("")),
            Failure::new(
                ObjectId::new("example.com", "Widget", "apps", "w"),
                Step::DryRun,
                KindError::Unknown { api_version: "example.com/v1".to_owned(), kind: "Widget".to_owned() },
            ),
        ];
        assert_eq!(
            ApplyError::Objects(failures).to_string(),
            "Deployment/flux-system/a dry-run failed (Invalid): no such field; \
             Deployment/flux-system/a apply failed: no such field; \
             Widget/apps/w dry-run failed: the cluster has no kind `Widget` in `example.com/v1`; install the CRD first",
        );
    }

    #[test]
    fn a_failure_of_a_secret_has_none_of_its_values() {
        let metadata = json!({"name": "a", "namespace": "apps"});
        let secret =
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"k": "canary-4711"}});
        let mut status = Status::failure("data[k]: Invalid value: \"canary-4711\"", "Invalid");
        status.details = serde_json::from_value(json!({"causes": [{"message": "canary-4711 is bad"}]})).unwrap();
        let failure =
            Failure::about(&Object::try_from(secret).unwrap(), Step::Apply, RequestError::Refused(status.boxed()));
        assert!(!format!("{failure} {failure:?}").contains("canary"), "{failure:?}");
        assert!(failure.to_string().contains("data[k]: Invalid value"), "{failure}");
    }
}
