//! Failures, worded as an API server words them.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::request::{ApiRequest, Verb};

/// How long a client is asked to wait where nothing else was said; what API servers ask for.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// An answer that is no success: the JSON object of kind `Status`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    code: StatusCode,
    message: String,
    reason: &'static str,
    details: Value,
    retry_after: Option<Duration>,
}

impl Failure {
    /// What an API server says when it refuses this request with this code.
    pub(crate) fn of(code: StatusCode, request: &ApiRequest) -> Self {
        let name = request.name.as_deref().unwrap_or_default();
        let resource = match request.group.as_str() {
            "" => request.resource.clone(),
            group => format!("{}.{group}", request.resource),
        };
        let about = json!({ "name": name, "group": request.group, "kind": request.resource });
        let (reason, message, details) = match code.as_u16() {
            400 => ("BadRequest", "the request cannot be understood".to_owned(), Value::Null),
            401 => ("Unauthorized", "Unauthorized".to_owned(), Value::Null),
            403 => {
                let verb = if request.operation == Verb::Apply { Verb::Patch } else { request.operation };
                let because = format!("User \"test\" cannot {verb} resource \"{}\"", request.resource_path());
                ("Forbidden", format!("{resource} \"{name}\" is forbidden: {because}"), about)
            }
            404 => ("NotFound", format!("{resource} \"{name}\" not found"), about),
            409 if request.operation == Verb::Create => {
                ("AlreadyExists", format!("{resource} \"{name}\" already exists"), about)
            }
            409 if request.operation == Verb::Apply => return Self::apply_conflict("kubectl", ".data.key"),
            409 => {
                let because =
                    "the object has been modified; please apply your changes to the latest version and try again";
                ("Conflict", format!("Operation cannot be fulfilled on {resource} \"{name}\": {because}"), about)
            }
            410 => ("Expired", "The resourceVersion for the provided watch is too old.".to_owned(), Value::Null),
            422 => ("Invalid", format!("{resource} \"{name}\" is invalid"), about),
            429 => ("TooManyRequests", "Too many requests, please try again later.".to_owned(), Value::Null),
            500 => {
                let because = "a failure on purpose";
                let causes = json!({ "causes": [{ "message": because }] });
                ("InternalError", format!("Internal error occurred: {because}"), causes)
            }
            503 => {
                ("ServiceUnavailable", "the server is currently unable to handle the request".to_owned(), Value::Null)
            }
            504 => ("Timeout", "Timeout: request did not complete within the allotted timeout".to_owned(), Value::Null),
            _ => ("", code.canonical_reason().unwrap_or("unknown").to_owned(), Value::Null),
        };
        let retry_after = (code == StatusCode::TOO_MANY_REQUESTS).then_some(RETRY_AFTER);
        Self { code, message, reason, details, retry_after }
    }

    /// What a server-side apply without force says when another manager owns a field.
    pub(crate) fn apply_conflict(manager: &str, field: &str) -> Self {
        let with = format!("conflict with \"{manager}\"");
        Self {
            code: StatusCode::CONFLICT,
            message: format!("Apply failed with 1 conflict: {with}: {field}"),
            reason: "Conflict",
            details: json!({ "causes": [{ "reason": "FieldManagerConflict", "message": with, "field": field }] }),
            retry_after: None,
        }
    }

    pub(crate) fn with_message(mut self, message: String) -> Self {
        self.message = message;
        self
    }

    pub(crate) fn with_retry_after(mut self, retry_after: Duration) -> Self {
        self.retry_after = Some(retry_after);
        self
    }

    /// The body: what is in an error event of a watch, too.
    pub(crate) fn status(&self) -> Value {
        let mut details = self.details.as_object().cloned().unwrap_or_default();
        if let Some(retry_after) = self.retry_after {
            details.insert("retryAfterSeconds".to_owned(), whole_seconds(retry_after).into());
        }
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "details": details, "code": self.code.as_u16(),
        })
    }

    pub(crate) fn response(&self) -> Response<Bytes> {
        let mut response = answer(self.code, self.status().to_string());
        if let Some(retry_after) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, whole_seconds(retry_after).into());
        }
        response
    }
}

/// What an API server says that has more requests in flight than it may have. It does so before it knows the type that
/// was asked for, so this is plain text and no `Status`.
pub(crate) fn overloaded(retry_after: Duration) -> Response<Bytes> {
    let mut response = answer(StatusCode::TOO_MANY_REQUESTS, "Too many requests, please try again later.\n".to_owned());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response.headers_mut().insert(header::RETRY_AFTER, whole_seconds(retry_after).into());
    response
}

/// An answer in JSON.
pub(crate) fn answer(code: StatusCode, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = code;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// `Retry-After` knows no fractions; too late is better than too early.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: u16, method: &str, content_type: &str, reason: &str, message: &str) {
        let uri = "/apis/apps/v1/namespaces/n/deployments/d";
        let request = http::Request::builder().method(method).uri(uri).header(header::CONTENT_TYPE, content_type);
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let request = ApiRequest::read(&parts, Bytes::new());
        let status = Failure::of(StatusCode::from_u16(code).unwrap(), &request).status();
        assert_eq!(status["code"], code);
        assert_eq!(status["reason"], reason);
        assert_eq!(status["message"], message);
    }

    #[test]
    fn words_depend_on_what_was_asked() {
        let apply = "application/apply-patch+yaml";
        let modified = "the object has been modified; please apply your changes to the latest version and try again";
        check(404, "GET", "", "NotFound", "deployments.apps \"d\" not found");
        check(409, "POST", "", "AlreadyExists", "deployments.apps \"d\" already exists");
        check(
            409,
            "PUT",
            "",
            "Conflict",
            &format!("Operation cannot be fulfilled on deployments.apps \"d\": {modified}"),
        );
        check(409, "PATCH", apply, "Conflict", "Apply failed with 1 conflict: conflict with \"kubectl\": .data.key");
        check(403, "PATCH", apply, "Forbidden", FORBIDDEN);
        check(410, "GET", "", "Expired", "The resourceVersion for the provided watch is too old.");
        check(418, "GET", "", "", "I'm a teapot");
    }

    const FORBIDDEN: &str = "deployments.apps \"d\" is forbidden: User \"test\" cannot patch resource \"deployments\"";

    #[test]
    fn waiting_is_in_header_and_body() {
        let (parts, ()) = http::Request::new(()).into_parts();
        let request = ApiRequest::read(&parts, Bytes::new());
        let failure =
            Failure::of(StatusCode::TOO_MANY_REQUESTS, &request).with_retry_after(Duration::from_millis(1500));
        assert_eq!(failure.status()["details"]["retryAfterSeconds"], 2);
        assert_eq!(failure.response().headers()[header::RETRY_AFTER], "2");
    }
}
