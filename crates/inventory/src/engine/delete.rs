//! Taking objects away.

use flux_operator_api::Object;
use futures::StreamExt as _;
use http::Request;
use kube::api::{DeleteParams, GetParams, PropagationPolicy};
use kube::core::params::Preconditions;
use kube::core::request::Request as Requests;
use serde_json::Value;

use super::Engine;
use super::failure::{Failure, Step};
use super::kinds::Kind;
use super::request::RequestError;
use crate::change::{Action, Change, ChangeSet};
use crate::plan::order;
use crate::record::Entry;

/// What a deletion came to.
#[derive(Debug, Default)]
pub struct Deletion {
    /// What was done, object by object.
    pub changes: ChangeSet,
    /// Objects that are on their way, but still there: a finalizer or a grace period holds them.
    pub terminating: Vec<Entry>,
    /// Objects that could not be deleted, and why.
    pub failures: Vec<Failure>,
}

impl Deletion {
    /// Those of these objects that could not be deleted.
    pub fn failed<'e>(&self, objects: &'e [Entry]) -> impl Iterator<Item = &'e Entry> {
        objects.iter().filter(|entry| self.failures.iter().any(|failure| failure.id == entry.id))
    }
}

/// How often a deletion is tried again because the object changed in between.
const CONFLICTS: usize = 5;

enum Deleted {
    Gone,
    Terminating,
    Kept(Action),
}

impl Engine {
    /// Deletes objects, users of a kind before the kind, several of a kind at a time.
    ///
    /// An object is deleted only with the owner's labels, unless it is marked to be kept, and only
    /// if it is the very one that was looked at: one that was created anew under the same name in
    /// between stays. What is not there counts as deleted. Every object is tried, whatever happens
    /// to the others.
    ///
    /// # Cancellation
    /// Safe: what was not deleted yet is deleted by the next call.
    pub async fn delete(&self, objects: &[Entry]) -> Deletion {
        self.delete_with(objects, PropagationPolicy::Background).await
    }

    /// As [`delete`](Self::delete), and says what becomes of what belongs to an object: with
    /// [`PropagationPolicy::Foreground`] an object stays, terminating, until all of it is gone. Of a
    /// Deployment, these are its pods.
    pub async fn delete_with(&self, objects: &[Entry], propagation: PropagationPolicy) -> Deletion {
        let mut entries = objects.to_vec();
        order::sort_for_deletion(&mut entries);
        let mut deletion = Deletion::default();
        for of_kind in entries.chunk_by(|left, right| left.id.kind == right.id.kind && left.id.group == right.id.group)
        {
            let deletions =
                futures::stream::iter(of_kind.iter().map(|entry| self.delete_entry(entry, propagation.clone())));
            let results: Vec<_> = deletions.buffered(self.window()).collect().await;
            for (entry, result) in of_kind.iter().zip(results) {
                let action = match result {
                    Ok(Deleted::Gone) => Action::Deleted,
                    Ok(Deleted::Terminating) => {
                        deletion.terminating.push(entry.clone());
                        Action::Deleted
                    }
                    Ok(Deleted::Kept(action)) => action,
                    Err(error) => {
                        deletion.failures.push(Failure::new(entry.id.clone(), Step::Delete, error));
                        Action::Unknown
                    }
                };
                deletion.changes.push(Change::new(entry.id.clone(), action));
            }
        }
        deletion
    }

    async fn delete_entry(&self, entry: &Entry, propagation: PropagationPolicy) -> Result<Deleted, RequestError> {
        let Some(kind) = self.kinds.of_entry(&self.connection, entry).await? else {
            return Ok(Deleted::Gone);
        };
        let mut conflicts = 0;
        loop {
            let live = match self.connection.object(metadata_request(&kind, entry)?).await {
                Err(error) if error.is_not_found() => return Ok(self.gone(entry)),
                live => live?,
            };
            if let Some(reason) = self.owner.keeps(&live) {
                self.memory.forget(&entry.id);
                return Ok(Deleted::Kept(Action::Skipped(reason)));
            }
            if live.pointer("/metadata/deletionTimestamp").is_some() {
                self.memory.forget(&entry.id);
                return Ok(Deleted::Terminating);
            }
            match self.connection.json::<Value>(delete_request(&kind, entry, &live, propagation.clone())?).await {
                Ok(answer) if answer.pointer("/metadata/deletionTimestamp").is_some() => {
                    self.memory.forget(&entry.id);
                    return Ok(Deleted::Terminating);
                }
                Ok(_) => return Ok(self.gone(entry)),
                Err(error) if error.is_not_found() => return Ok(self.gone(entry)),
                // Changed since it was read: it may be somebody else's by now.
                Err(error) if error.is_conflict() && conflicts < CONFLICTS => conflicts += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn gone(&self, entry: &Entry) -> Deleted {
        self.memory.forget(&entry.id);
        Deleted::Gone
    }
}

fn metadata_request(kind: &Kind, entry: &Entry) -> Result<Request<Vec<u8>>, RequestError> {
    let path = kind.path(Some(&entry.id.namespace));
    Requests::new(path).get_metadata(&entry.id.name, &GetParams::default()).map_err(RequestError::unreadable)
}

fn delete_request(
    kind: &Kind,
    entry: &Entry,
    live: &Object,
    propagation: PropagationPolicy,
) -> Result<Request<Vec<u8>>, RequestError> {
    let text = |pointer: &str| live.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let preconditions =
        Preconditions { uid: text("/metadata/uid"), resource_version: text("/metadata/resourceVersion") };
    let params = DeleteParams {
        propagation_policy: Some(propagation),
        preconditions: Some(preconditions),
        ..DeleteParams::default()
    };
    Requests::new(kind.path(Some(&entry.id.namespace)))
        .delete(&entry.id.name, &params)
        .map_err(RequestError::unreadable)
}
