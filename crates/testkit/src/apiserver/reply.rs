//! Answers of a script.

use std::time::Duration;

use bytes::Bytes;
use flux_operator_api::Object;
use futures::{StreamExt as _, stream};
use http::{Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use serde_json::{Value, json};

use super::failure::{self, Failure};
use super::never;
use super::request::{ApiRequest, Verb};

pub(super) type ReplyBody = UnsyncBoxBody<Bytes, BoxError>;
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a call of a script is answered with.
#[derive(Clone, Debug, Default)]
pub(super) enum Reply {
    /// What agrees with the call.
    #[default]
    Agree,
    Body(Value),
    Items(Vec<Value>),
    Failure {
        code: StatusCode,
        message: Option<String>,
        retry_after: Option<Duration>,
    },
    ApplyConflict {
        manager: String,
        field: String,
    },
    Throttle(Duration),
    Events(Vec<Value>, End),
    /// No answer, ever.
    Hang,
    /// The connection breaks.
    Break,
}

/// How a watch ends after its events.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum End {
    /// As it does every few minutes.
    #[default]
    Clean,
    /// Not at all.
    Open,
    /// The connection breaks.
    Broken,
}

impl Reply {
    /// What the call is told, in a few words.
    pub(super) fn summary(&self) -> String {
        match self {
            Self::Agree | Self::Body(_) | Self::Items(_) => "ok".to_owned(),
            Self::Failure { code, .. } => code.as_u16().to_string(),
            Self::ApplyConflict { .. } => "409".to_owned(),
            Self::Throttle(_) => "429".to_owned(),
            Self::Events(events, _) => format!("{} events", events.len()),
            Self::Hang => "no answer".to_owned(),
            Self::Break => "broken connection".to_owned(),
        }
    }

    pub(super) async fn perform(self, request: &ApiRequest) -> Result<Response<ReplyBody>, BoxError> {
        let failure = |code| Failure::of(code, request);
        let response = match self {
            Self::Hang => std::future::pending().await,
            Self::Break => return Err("the connection breaks on purpose".into()),
            Self::Events(events, end) => return Ok(Response::new(stream_of(events, end))),
            Self::Agree => match request.operation {
                Verb::Watch => return Ok(Response::new(stream_of(Vec::new(), End::Clean))),
                Verb::Get => failure(StatusCode::NOT_FOUND).response(),
                Verb::List => ok(&list(&[])),
                Verb::Delete => ok(&json!({ "kind": "Status", "apiVersion": "v1", "status": "Success" })),
                Verb::Create => failure::answer(StatusCode::CREATED, request.json().to_string()),
                Verb::DryRun | Verb::Apply | Verb::Patch | Verb::Update => ok(&request.json()),
            },
            Self::Body(body) => ok(&body),
            Self::Items(items) => ok(&list(&items)),
            Self::Failure { code, message, retry_after } => {
                let mut failure = failure(code);
                if let Some(message) = message {
                    failure = failure.with_message(message);
                }
                if let Some(retry_after) = retry_after {
                    failure = failure.with_retry_after(retry_after);
                }
                failure.response()
            }
            Self::ApplyConflict { manager, field } => Failure::apply_conflict(&manager, &field).response(),
            Self::Throttle(retry_after) => failure::overloaded(retry_after),
        };
        Ok(response.map(|body| Full::new(body).map_err(never).boxed_unsync()))
    }
}

fn ok(body: &Value) -> Response<Bytes> {
    failure::answer(StatusCode::OK, body.to_string())
}

/// A list; its kind is the one of its items with `List` behind it.
fn list(items: &[Value]) -> Value {
    let text = |field: &str, or: &str| {
        let value = items.first().and_then(|item| item.get(field)).and_then(Value::as_str);
        value.unwrap_or(or).to_owned()
    };
    let kind = format!("{}List", text("kind", ""));
    json!({ "apiVersion": text("apiVersion", "v1"), "kind": kind, "metadata": { "resourceVersion": "1" }, "items": items })
}

/// One chunk for each event.
fn stream_of(events: Vec<Value>, end: End) -> ReplyBody {
    let frames = stream::iter(events).map(|event| Ok(Frame::data(Bytes::from(format!("{event}\n")))));
    let end = match end {
        End::Clean => stream::empty().boxed(),
        End::Open => stream::pending().boxed(),
        End::Broken => stream::iter([Err("the watch breaks on purpose".into())]).boxed(),
    };
    StreamBody::new(frames.chain(end)).boxed_unsync()
}

/// An event of a watch: an object appeared, or was there from the start.
pub fn added(object: impl Into<Object>) -> Value {
    json!({ "type": "ADDED", "object": object.into().into_value() })
}

/// An event of a watch: an object changed.
pub fn modified(object: impl Into<Object>) -> Value {
    json!({ "type": "MODIFIED", "object": object.into().into_value() })
}

/// An event of a watch: an object is gone.
pub fn deleted(object: impl Into<Object>) -> Value {
    json!({ "type": "DELETED", "object": object.into().into_value() })
}

/// An event of a watch: nothing happened up to this resource version. The kind is the one of the objects watched.
pub fn bookmark(api_version: &str, kind: &str, resource_version: &str) -> Value {
    let metadata = json!({ "resourceVersion": resource_version });
    json!({ "type": "BOOKMARK", "object": { "apiVersion": api_version, "kind": kind, "metadata": metadata } })
}

/// An event of a watch: the resource version is too old, list again. Comes in the stream, after an answer of 200.
pub fn expired() -> Value {
    let message = "too old resource version: 1 (2)";
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": "Expired", "code": 410,
    });
    json!({ "type": "ERROR", "object": status })
}
