//! One write: what was decided, done.

use flux_operator_api::Object;
use http::StatusCode;
use jiff::Timestamp;
use kube::api::Patch;
use kube::core::request::Request as Requests;
use serde_json::Value;

use super::Engine;
use super::examine::{Examined, apply_request};
use super::failure::{Cause, Failure, Step};
use super::kinds::Kind;
use super::request::{RequestError, patch_params};
use super::wait::Awaited;
use crate::change::{Action, Change};
use crate::health::{self, Status};
use crate::plan::take_over::TakeOver;
use crate::plan::writer::last_writer;
use crate::plan::{Decision, Policy};
use crate::record::Entry;

/// How often a take-over is worked out anew because the object changed in between.
const CONFLICTS: usize = 5;

/// What was done with an object, and how to wait for it where it is not ready.
pub(super) struct Written {
    pub(super) change: Change,
    pub(super) awaited: Option<Awaited>,
}

impl Engine {
    /// Does what was decided.
    pub(super) async fn write(&self, examined: Examined, policy: &Policy) -> Result<Written, Failure> {
        let Examined { desired, digest, kind, live, decision } = examined;
        let id = desired.id();
        let (change, now) = match decision {
            Decision::Leave => (Change::new(id.clone(), Action::Unchanged), live),
            Decision::Skip(reason) => {
                match &live {
                    Some(live) => self.memory.skipped(&desired, live, digest, reason),
                    None => self.memory.forget(&id),
                }
                return Ok(Written { change: Change::new(id, Action::Skipped(reason)), awaited: None });
            }
            Decision::Create => {
                (Change::new(id.clone(), Action::Created), Some(self.apply_object(&kind, &desired).await?))
            }
            Decision::Configure { drift, take_over } => {
                let mut change = Change::new(id.clone(), Action::Configured);
                change.fields = drift.fields().to_vec();
                change.manager = live.as_ref().and_then(last_writer).map(str::to_owned);
                if let (Some(take_over), Some(live)) = (take_over, live) {
                    self.take_over(&kind, live, take_over, policy).await?;
                }
                (change, Some(self.apply_object(&kind, &desired).await?))
            }
            Decision::Outlast => {
                self.outlast(&desired).await?;
                (Change::new(id.clone(), Action::Created), Some(self.apply_object(&kind, &desired).await?))
            }
            Decision::Recreate => {
                self.recreate(&desired).await?;
                (Change::new(id.clone(), Action::Configured), Some(self.apply_object(&kind, &desired).await?))
            }
        };
        let Some(now) = now else {
            return Ok(Written { change, awaited: None });
        };
        self.memory.verified(&desired, &now, digest);
        if health::of(&now, Timestamp::now()).status == Status::Current {
            self.memory.ready(&id, &now);
            return Ok(Written { change, awaited: None });
        }
        Ok(Written { change, awaited: Some(Awaited { id, kind, latest: Some(now) }) })
    }

    async fn apply_object(&self, kind: &Kind, desired: &Object) -> Result<Object, Failure> {
        let answer = self.connection.object(apply_request(kind, desired, false)).await;
        answer.map_err(|error| Failure::about(desired, Step::Apply, error))
    }

    async fn take_over(&self, kind: &Kind, live: Object, take_over: TakeOver, policy: &Policy) -> Result<(), Failure> {
        let (mut live, mut take_over) = (live, Some(take_over));
        let mut conflicts = 0;
        while let Some(changes) = take_over {
            let Err(error) = self.patch(kind, &live, &changes).await else {
                return Ok(());
            };
            let has_changed = error.is_conflict() || error.has_code(StatusCode::UNPROCESSABLE_ENTITY);
            if !has_changed || conflicts == CONFLICTS {
                return Err(Failure::about(&live, Step::TakeOver, error));
            }
            conflicts += 1;
            let read = self.get(kind, &live.id()).await;
            let Some(now) = read.map_err(|error| Failure::about(&live, Step::TakeOver, error))? else {
                return Ok(());
            };
            take_over = TakeOver::of(&now, &policy.predecessors);
            live = now;
        }
        Ok(())
    }

    async fn patch(&self, kind: &Kind, live: &Object, take_over: &TakeOver) -> Result<Object, RequestError> {
        let version = live.pointer("/metadata/resourceVersion").and_then(Value::as_str);
        let patch = take_over.patch(version.unwrap_or_default());
        let patch: Patch<Value> =
            Patch::Json(serde_json::from_value(patch).map_err(|error| RequestError::Unreadable(error.into()))?);
        let params = patch_params();
        let request = Requests::new(kind.path(live.namespace())).patch(live.name(), &params, &patch);
        self.connection.object(request.map_err(RequestError::unreadable)?).await
    }

    /// Deletes an object that stands in the way of its own new form, and waits until it is gone.
    async fn recreate(&self, desired: &Object) -> Result<(), Failure> {
        let entry = Entry::from(desired);
        let deletion = self.delete(std::slice::from_ref(&entry)).await;
        match deletion.failures.into_iter().next() {
            Some(failure) => Err(failure),
            None if deletion.terminating.is_empty() => Ok(()),
            None => self.outlast(desired).await,
        }
    }

    /// Waits until an object that is being deleted is gone.
    async fn outlast(&self, desired: &Object) -> Result<(), Failure> {
        let entry = Entry::from(desired);
        let timeout = self.options.stage_timeout;
        match self.wait_gone(std::slice::from_ref(&entry), timeout).await {
            Err(error) => Err(Failure::about(desired, Step::Delete, error)),
            Ok(left) if left.is_empty() => Ok(()),
            Ok(_) => Err(Failure::new(entry.id, Step::Delete, Cause::Terminating(timeout))),
        }
    }
}

impl Decision {
    pub(super) fn is_write(&self) -> bool {
        matches!(self, Self::Create | Self::Configure { .. } | Self::Recreate | Self::Outlast)
    }
}
