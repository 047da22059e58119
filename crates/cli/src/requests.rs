//! Asking objects to reconcile, to pause, to go on; and waiting for what they answer.

use std::ops::ControlFlow;

use flux_operator_api::{Object, ObjectId, annotations};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::time::timeout_at;

use crate::cluster::{Cluster, ClusterError, ServedKind};
use crate::error::{Advise, Complaint, Failure};
use crate::kinds::{FluxKind, Suspension};
use crate::readiness::{Progress, is_suspended, judge};
use crate::sources::{self, Reference};

/// Why somebody waited in vain.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WaitError {
    #[error("{why}")]
    Failed { why: String, suspended: bool },
    #[error("timed out waiting for {subject} to become {goal}")]
    TimedOut {
        subject: String,
        goal: &'static str,
        #[source]
        last: Last,
    },
    #[error("timed out waiting for {0} to be deleted")]
    NotDeleted(String),
}

/// How an object was doing last.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Last(String);

/// What the reconciliation of an object shall be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) force: bool,
    pub(crate) wait: bool,
    pub(crate) with_source: bool,
}

impl Cluster {
    /// Asks an object to reconcile now. Returns the token that its status will have afterwards.
    pub(crate) async fn request(
        &self,
        kind: &ServedKind,
        object: &Object,
        force: bool,
    ) -> Result<String, ClusterError> {
        let token = token();
        let patch = json!({"metadata": {"annotations": asked(&token, force)}});
        self.merge(kind, object, patch).await.map(|_| token)
    }

    /// Asks an object to reconcile, tells how that goes, and waits if that is wanted.
    ///
    /// # Errors
    /// Also that the object is suspended, if that is to be waited for, or fails.
    pub(crate) async fn reconcile(
        &self,
        kind: &ServedKind,
        namespace: &str,
        name: &str,
        request: Request,
    ) -> Result<(), Failure> {
        let object = self.get(kind, namespace, name).await?;
        if request.with_source {
            for source in sources::sources(&object) {
                self.reconcile_source(&source).await?;
            }
        }
        let token = self.request(kind, &object, request.force).await?;
        self.story.sent("Reconciliation triggered");
        if request.wait {
            self.story.waiting("Waiting for reconciliation...");
            let message = self.ready(kind, namespace, name, Some(&token)).await?;
            self.story.done(message);
        }
        Ok(())
    }

    /// Has a source fetched, and waits for it.
    pub(crate) async fn reconcile_source(&self, source: &Reference) -> Result<(), Failure> {
        let Some(flux_kind) = source.flux_kind() else { return Ok(()) };
        let kind = &self.served(flux_kind).await?;
        let object = self.get(kind, &source.namespace, &source.name).await?;
        if sources::is_static(&object) || !flux_kind.is_reconciled {
            self.story.item(format_args!("{source} needs no fetching"));
            return Ok(());
        }
        let token = self.request(kind, &object, false).await?;
        self.story.sent(format_args!("Reconciliation of {source} triggered"));
        let message = self.ready(kind, &source.namespace, &source.name, Some(&token)).await?;
        self.story.done(message);
        Ok(())
    }

    /// Waits until an object is ready, and returns what it says about it.
    ///
    /// # Errors
    /// It fails, is suspended, or takes longer than the command may. With a request also that it
    /// does not exist; without one, its creation is waited for.
    pub(crate) async fn ready(
        &self,
        kind: &ServedKind,
        namespace: &str,
        name: &str,
        request: Option<&str>,
    ) -> Result<String, Failure> {
        let id = kind.id(namespace, name);
        let mut last = "it does not exist".to_owned();
        let spinner = self.story.spinner();
        let watched = self.watch_one(kind, namespace, name, |object| {
            let Some(object) = object else {
                return match request {
                    Some(_) => ControlFlow::Break(Err(Complaint::new(ClusterError::NotFound(id.to_string())))),
                    None => ControlFlow::Continue(()),
                };
            };
            match judge(object, request, Timestamp::now()) {
                Progress::Ready(message) => ControlFlow::Break(Ok(message)),
                Progress::Failed(why) => {
                    let failed = WaitError::Failed { why, suspended: is_suspended(object) };
                    ControlFlow::Break(Err(Complaint::about(id.to_string(), failed)))
                }
                Progress::Waiting(why) => {
                    spinner.tell(&why);
                    last = why;
                    ControlFlow::Continue(())
                }
            }
        });
        if let Ok(seen) = timeout_at(self.deadline(), watched).await {
            return Ok(seen??);
        }
        let subject = path(&id);
        Err(Complaint::new(WaitError::TimedOut { subject, goal: "ready", last: Last(last) }).into())
    }

    /// Waits until an object is suspended.
    pub(crate) async fn suspended(&self, kind: &ServedKind, namespace: &str, name: &str) -> Result<(), Failure> {
        let watched = self.watch_one(kind, namespace, name, |object| match object {
            Some(object) if is_suspended(object) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        });
        let subject = path(&kind.id(namespace, name));
        let last = Last("it is not suspended".to_owned());
        let in_time = timeout_at(self.deadline(), watched).await;
        let late = WaitError::TimedOut { subject, goal: "suspended", last };
        Ok(in_time.map_err(|_| Complaint::new(late))??)
    }

    /// Waits until an object is gone.
    pub(crate) async fn gone(&self, kind: &ServedKind, namespace: &str, name: &str) -> Result<(), Failure> {
        let _spinner = self.story.spinner();
        let watched = self.watch_one(kind, namespace, name, |object| match object {
            Some(_) => ControlFlow::Continue(()),
            None => ControlFlow::Break(()),
        });
        let in_time = timeout_at(self.deadline(), watched).await;
        Ok(in_time.map_err(|_| Complaint::new(WaitError::NotDeleted(path(&kind.id(namespace, name)))))??)
    }

    /// Suspends an object.
    pub(crate) async fn suspend(
        &self,
        flux_kind: &FluxKind,
        kind: &ServedKind,
        object: &Object,
    ) -> Result<(), ClusterError> {
        let patch = match flux_kind.suspension {
            Suspension::Annotation(key) => json!({"metadata": {"annotations": {key: annotations::DISABLED}}}),
            Suspension::Field | Suspension::Never => json!({"spec": {"suspend": true}}),
        };
        self.merge(kind, object, patch).await.map(drop)
    }

    /// Has an object go on, at once. Returns the token of the request.
    pub(crate) async fn resume(
        &self,
        flux_kind: &FluxKind,
        kind: &ServedKind,
        object: &Object,
    ) -> Result<String, ClusterError> {
        let token = token();
        let mut annotations = asked(&token, false);
        let mut patch = json!({});
        match flux_kind.suspension {
            Suspension::Annotation(key) => drop(annotations.insert(key.to_owned(), "enabled".into())),
            Suspension::Field | Suspension::Never => patch = json!({"spec": {"suspend": null}}),
        }
        if let Some(fields) = patch.as_object_mut() {
            fields.insert("metadata".to_owned(), json!({"annotations": annotations}));
        }
        self.merge(kind, object, patch).await.map(|_| token)
    }
}

/// Another one each time: this moment.
fn token() -> String {
    format!("{:.9}", Timestamp::now())
}

fn asked(token: &str, force: bool) -> Map<String, Value> {
    let keys = [annotations::REQUESTED_AT].into_iter().chain(force.then_some(annotations::FORCE_AT));
    keys.map(|key| (key.to_owned(), token.into())).collect()
}

/// `<namespace>/<name>`.
fn path(id: &ObjectId) -> String {
    if id.is_namespaced() { format!("{}/{}", id.namespace, id.name) } else { id.name.clone() }
}

impl Advise for WaitError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Failed { suspended: true, .. } => "`flux-operator resume` lets it go on".to_owned(),
            Self::Failed { .. } => return None,
            Self::TimedOut { .. } => {
                "give it more time with `--timeout 5m`, or look at `flux-operator events`".to_owned()
            }
            Self::NotDeleted(_) => "`kubectl get -o yaml` shows the finalizers that hold it".to_owned(),
        })
    }
}
