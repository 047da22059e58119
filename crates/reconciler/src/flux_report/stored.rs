//! The report in the API server, and how it is written.
//!
//! A write replaces the whole spec, so that nothing of an older report stays, whoever wrote that. It
//! is valid for the version that was seen last.

use std::time::Duration;

use flux_operator_api::{
    Condition, ConditionStatus, ConditionType, FIELD_MANAGER, FluxReportStatus, GoDuration, Reason, annotations,
    identity,
};
use flux_operator_inventory::{Connection, RequestError, patch_params};
use http::Request;
use jiff::Timestamp;
use kube::api::{DynamicObject, GetParams, Patch, PostParams};
use kube::core::request::Request as Requests;
use kube::core::{ApiResource, GroupVersionKind, ObjectMeta, Resource as _};
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::observed::Key;

/// A report as it is stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Stored {
    metadata: ObjectMeta,
    spec: Value,
    status: FluxReportStatus,
}

/// The kind, for requests.
pub(super) fn resource() -> ApiResource {
    let gvk = GroupVersionKind::gvk(identity::GROUP, identity::VERSION, identity::REPORT_KIND);
    ApiResource::from_gvk(&gvk)
}

impl From<DynamicObject> for Stored {
    /// A status that cannot be read is none: it is written anew.
    fn from(object: DynamicObject) -> Self {
        let DynamicObject { mut metadata, mut data, .. } = object;
        metadata.managed_fields = None;
        let mut take = |field: &str| data.get_mut(field).map(Value::take).unwrap_or_default();
        let (spec, status) = (take("spec"), FluxReportStatus::deserialize(take("status")).unwrap_or_default());
        Self { metadata, spec, status }
    }
}

impl Stored {
    pub(super) fn key(&self) -> Key {
        Key::of(&self.metadata)
    }

    /// Whether it was seen later than another one. Resource versions are numbers that grow, see
    /// <https://kep.k8s.io/5504>.
    pub(super) fn is_after(&self, other: &Self) -> bool {
        let number = |stored: &Self| stored.metadata.resource_version.as_deref()?.parse::<u64>().ok();
        match (number(self), number(other)) {
            (Some(this), Some(other)) => this > other,
            _ => true,
        }
    }

    fn annotation(&self, key: &str) -> Option<&str> {
        self.metadata.annotations.as_ref()?.get(key).map(String::as_str)
    }

    /// Whether it is to be left alone.
    pub(super) fn is_disabled(&self) -> bool {
        self.annotation(annotations::RECONCILE).is_some_and(annotations::is_disabled)
    }

    /// How often it is to be looked over, where it says so in a way that can be read.
    pub(super) fn every(&self) -> Option<Duration> {
        let every: GoDuration = self.annotation(annotations::RECONCILE_EVERY)?.parse().ok()?;
        every.to_std().filter(|every| !every.is_zero())
    }

    /// Whether somebody wants to see what there is now, and has not yet.
    pub(super) fn is_asked_for(&self) -> bool {
        let token = self.annotation(annotations::REQUESTED_AT);
        token.is_some() && token != self.status.last_handled_reconcile_at.as_deref()
    }

    /// Whether its user has changed how it is written, or it is another one.
    pub(super) fn differs_for_its_user(&self, before: &Self) -> bool {
        let of = |it: &Self| (it.metadata.uid.clone(), it.metadata.annotations.clone().unwrap_or_default());
        of(self) != of(before)
    }

    /// Whether it says something else than this.
    pub(super) fn says_otherwise(&self, spec: &Value) -> bool {
        self.spec != *spec
    }

    /// The status after a look; none where it is the same but for how long the look took.
    fn status_after(&self, look: &Look) -> Option<FluxReportStatus> {
        let mut status = self.status.clone();
        let ready = look.condition();
        let is_same = status.conditions.find(ConditionType::Ready).is_some_and(|before| {
            let is_success = ready.status == ConditionStatus::True;
            before.status == ready.status
                && before.reason == ready.reason
                && (is_success || before.message == ready.message)
        });
        if !is_same {
            status.conditions.set(ready);
        }
        if let Some(token) = self.annotation(annotations::REQUESTED_AT) {
            status.last_handled_reconcile_at = Some(token.to_owned());
        }
        (status != self.status).then_some(status)
    }
}

/// What came of looking.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) problems: Vec<String>,
    pub(super) took: Duration,
    pub(super) now: Timestamp,
}

impl Look {
    /// Without a generation: only the operator changes the spec, so that nothing is ever out of date.
    fn condition(&self) -> Condition {
        let (status, reason, message) = if self.problems.is_empty() {
            let took = GoDuration::try_from(self.took).map(|took| took.to_string()).unwrap_or_default();
            (ConditionStatus::True, Reason::Succeeded, format!("Reporting finished in {took}"))
        } else {
            (ConditionStatus::False, Reason::Failed, self.problems.join("; "))
        };
        Condition::new(ConditionType::Ready, status, reason, message, self.now)
    }
}

/// Writes the report of a namespace.
pub(super) struct Writer {
    connection: Connection,
    path: String,
    namespace: String,
}

impl Writer {
    pub(super) fn new(connection: Connection, namespace: &str) -> Self {
        let path = DynamicObject::url_path(&resource(), Some(namespace));
        Self { connection, path, namespace: namespace.to_owned() }
    }

    /// Reads the report; none where there is none.
    pub(super) async fn read(&self) -> Result<Option<Stored>, RequestError> {
        let request = Requests::new(&self.path).get(identity::REPORT_NAME, &GetParams::default());
        match self.send(request.map_err(RequestError::unreadable)?).await {
            Ok(stored) => Ok(Some(stored)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a report with this spec.
    pub(super) async fn create(&self, spec: &Value) -> Result<Stored, RequestError> {
        let metadata = json!({"name": identity::REPORT_NAME, "namespace": self.namespace});
        let body = object(&metadata, spec);
        let request = Requests::new(&self.path).create(&params(), body.to_string().into_bytes());
        self.send(request.map_err(RequestError::unreadable)?).await
    }

    /// Gives the report this spec. Labels and annotations of others stay.
    pub(super) async fn replace(&self, stored: &Stored, spec: &Value) -> Result<Stored, RequestError> {
        let metadata = serde_json::to_value(&stored.metadata).map_err(RequestError::unreadable)?;
        let body = object(&metadata, spec).to_string().into_bytes();
        let request = Requests::new(&self.path).replace(identity::REPORT_NAME, &params(), body);
        self.send(request.map_err(RequestError::unreadable)?).await
    }

    /// Tells in the status what came of looking, if that makes a difference.
    pub(super) async fn tell(&self, stored: &Stored, look: &Look) -> Result<Option<Stored>, RequestError> {
        let Some(status) = stored.status_after(look) else {
            return Ok(None);
        };
        let metadata = json!({"resourceVersion": stored.metadata.resource_version});
        let patch = Patch::Merge(json!({"metadata": metadata, "status": status}));
        let requests = Requests::new(&self.path);
        let request = requests.patch_subresource("status", identity::REPORT_NAME, &patch_params(), &patch);
        self.send(request.map_err(RequestError::unreadable)?).await.map(Some)
    }

    async fn send(&self, request: Request<Vec<u8>>) -> Result<Stored, RequestError> {
        Ok(self.connection.json::<DynamicObject>(request).await?.into())
    }
}

fn object(metadata: &Value, spec: &Value) -> Value {
    json!({
        "apiVersion": identity::API_VERSION, "kind": identity::REPORT_KIND, "metadata": metadata, "spec": spec,
    })
}

fn params() -> PostParams {
    PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(annotations: &[(&str, &str)], status: &Value) -> Stored {
        let annotations: serde_json::Map<_, _> =
            annotations.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
        let metadata = json!({"name": "flux", "namespace": "n", "annotations": annotations});
        let object = json!({
            "apiVersion": identity::API_VERSION, "kind": "FluxReport", "metadata": metadata, "spec": {},
            "status": status,
        });
        serde_json::from_value::<DynamicObject>(object).unwrap().into()
    }

    fn look(problems: &[&str], millis: u64) -> Look {
        Look {
            problems: problems.iter().map(|problem| (*problem).to_owned()).collect(),
            took: Duration::from_millis(millis),
            now: Timestamp::UNIX_EPOCH,
        }
    }

    /// Reason and message of the condition.
    fn said(status: &FluxReportStatus) -> (&str, &str) {
        let ready = status.conditions.find(ConditionType::Ready).unwrap();
        (&ready.reason, &ready.message)
    }

    #[test]
    fn only_a_difference_is_told() {
        let mut stored = stored(&[], &Value::Null);
        stored.status = stored.status_after(&look(&[], 12)).unwrap();
        assert_eq!(said(&stored.status), ("Succeeded", "Reporting finished in 12ms"));
        assert_eq!(stored.status_after(&look(&[], 13)), None);
        stored.status = stored.status_after(&look(&["a", "b"], 13)).unwrap();
        assert_eq!(said(&stored.status), ("Failed", "a; b"));
        assert_eq!(stored.status_after(&look(&["a", "b"], 14)), None);
        assert!(stored.status_after(&look(&["a"], 14)).is_some());
    }

    #[test]
    fn a_request_is_handled_once() {
        let mut stored = stored(&[(annotations::REQUESTED_AT, "1")], &Value::Null);
        assert!(stored.is_asked_for());
        stored.status = stored.status_after(&look(&[], 1)).unwrap();
        assert_eq!(stored.status.last_handled_reconcile_at.as_deref(), Some("1"));
        assert!(!stored.is_asked_for());
    }

    #[test]
    fn conditions_of_others_stay() {
        let other = json!({
            "type": "Other", "status": "True", "reason": "R", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z",
        });
        let status = stored(&[], &json!({"conditions": [other]})).status_after(&look(&[], 1)).unwrap();
        let types: Vec<_> = status.conditions.iter().map(|condition| condition.r#type.as_str()).collect();
        assert_eq!(types, ["Ready", "Other"]);
    }

    #[test]
    fn its_annotations_say_how_often() {
        let every = |value| stored(&[(annotations::RECONCILE_EVERY, value)], &Value::Null).every();
        assert_eq!(every("90s"), Some(Duration::from_secs(90)));
        for none in ["", "soon", "0", "-1m"] {
            assert_eq!(every(none), None, "{none}");
        }
        assert!(stored(&[(annotations::RECONCILE, "Disabled")], &Value::Null).is_disabled());
        assert!(!stored(&[], &Value::Null).is_disabled());
    }
}
