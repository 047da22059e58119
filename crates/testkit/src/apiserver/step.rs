//! The calls of a script.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use flux_operator_api::Object;
use http::StatusCode;
use serde_json::Value;

use super::reply::{End, Reply};
use super::request::{ApiRequest, Verb};

/// One call of a script and its answer, or several that may come in any order.
///
/// Without an answer, a call is told what agrees with it: changes get what they sent, lists are empty, watches end at
/// once, deletions succeed. Nobody can guess what a `get` should find, so it finds nothing.
#[derive(Clone, Debug)]
#[must_use = "a step does nothing until it is played"]
pub struct Step {
    pub(super) calls: Vec<Call>,
}

#[derive(Clone, Debug)]
pub(super) struct Call {
    verb: Verb,
    target: String,
    group: Option<String>,
    checks: Vec<Check>,
    pub(super) reply: Reply,
}

#[derive(Clone)]
enum Check {
    Contains(Value),
    Body(Arc<dyn Fn(&Value) -> bool + Send + Sync>),
    Query(String),
}

/// A `get` of `resource/namespace/name`, of `resource/name` outside of namespaces, or of a path such as `/version`.
pub fn get(target: &str) -> Step {
    Step::new(Verb::Get, target)
}

/// A list of `resource`, or of `resource/namespace`.
pub fn list(target: &str) -> Step {
    Step::new(Verb::List, target)
}

/// A watch of `resource`, or of `resource/namespace`.
pub fn watch(target: &str) -> Step {
    Step::new(Verb::Watch, target)
}

/// A dry run of any change.
pub fn dry_run(target: &str) -> Step {
    Step::new(Verb::DryRun, target)
}

/// A server-side apply.
pub fn apply(target: &str) -> Step {
    Step::new(Verb::Apply, target)
}

/// A patch of any other type.
pub fn patch(target: &str) -> Step {
    Step::new(Verb::Patch, target)
}

/// A creation. The name is the one in the body.
pub fn create(target: &str) -> Step {
    Step::new(Verb::Create, target)
}

/// A replacement.
pub fn update(target: &str) -> Step {
    Step::new(Verb::Update, target)
}

/// A deletion.
pub fn delete(target: &str) -> Step {
    Step::new(Verb::Delete, target)
}

/// Calls that come in any order, all of them before the next step.
pub fn any_order(steps: impl IntoIterator<Item = Step>) -> Step {
    Step { calls: steps.into_iter().flat_map(|step| step.calls).collect() }
}

impl Step {
    fn new(verb: Verb, target: &str) -> Self {
        let call = Call { verb, target: target.to_owned(), group: None, checks: Vec::new(), reply: Reply::Agree };
        Self { calls: vec![call] }
    }

    /// Expects the subresource, such as `status`.
    pub fn subresource(self, subresource: &str) -> Self {
        self.each(|call| call.target = format!("{} ({subresource})", call.target))
    }

    /// Expects the API group; without this, any will do.
    pub fn group(self, group: &str) -> Self {
        self.each(|call| call.group = Some(group.to_owned()))
    }

    /// Expects the same call so many times in a row.
    pub fn times(mut self, times: usize) -> Self {
        self.calls = vec![self.calls; times].concat();
        self
    }

    /// Expects a body that has at least these fields. Lists have to be as long, and to agree item by item.
    pub fn sends(self, fields: &Value) -> Self {
        self.each(|call| call.checks.push(Check::Contains(fields.clone())))
    }

    /// Expects a body of which this is true. An empty body is null.
    pub fn body(self, holds: impl Fn(&Value) -> bool + Send + Sync + 'static) -> Self {
        let holds = Arc::new(holds);
        self.each(|call| call.checks.push(Check::Body(holds.clone())))
    }

    /// Expects a parameter in the query, such as `force=true`.
    pub fn query(self, pair: &str) -> Self {
        self.each(|call| call.checks.push(Check::Query(pair.to_owned())))
    }

    /// Answers with an object.
    pub fn reply(self, object: impl Into<Object>) -> Self {
        self.answer(&Reply::Body(object.into().into_value()))
    }

    /// Answers with any JSON.
    pub fn reply_json(self, body: Value) -> Self {
        self.answer(&Reply::Body(body))
    }

    /// Answers a list.
    pub fn items<I: Into<Object>>(self, objects: impl IntoIterator<Item = I>) -> Self {
        self.answer(&Reply::Items(objects.into_iter().map(|object| object.into().into_value()).collect()))
    }

    /// Answers a watch with events, and then ends it as servers do every few minutes.
    pub fn events(self, events: impl IntoIterator<Item = Value>) -> Self {
        self.answer(&Reply::Events(events.into_iter().collect(), End::Clean))
    }

    /// Keeps a watch open after its events.
    pub fn then_open(self) -> Self {
        self.ending(End::Open)
    }

    /// Breaks a watch after its events.
    pub fn then_broken(self) -> Self {
        self.ending(End::Broken)
    }

    /// Fails with 409: of an apply another manager owns a field, of a creation the object exists, of anything else the
    /// object has changed meanwhile.
    pub fn conflict(self) -> Self {
        self.fail(StatusCode::CONFLICT)
    }

    /// Fails an apply with 409, because this manager owns this field, such as `.spec.replicas`.
    pub fn conflict_with(self, manager: &str, field: &str) -> Self {
        self.answer(&Reply::ApplyConflict { manager: manager.to_owned(), field: field.to_owned() })
    }

    /// Fails with 404.
    pub fn not_found(self) -> Self {
        self.fail(StatusCode::NOT_FOUND)
    }

    /// Fails with 410: what the resource version stands for is forgotten.
    pub fn gone(self) -> Self {
        self.fail(StatusCode::GONE)
    }

    /// Fails with 403.
    pub fn forbidden(self) -> Self {
        self.fail(StatusCode::FORBIDDEN)
    }

    /// Fails with 422 and this message.
    pub fn invalid(self, message: &str) -> Self {
        self.fail_with(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    /// Fails with 429 and a `Status`, in header and body with the seconds to wait.
    pub fn too_many_requests(self, retry_after: Duration) -> Self {
        let (code, retry_after) = (StatusCode::TOO_MANY_REQUESTS, Some(retry_after));
        self.answer(&Reply::Failure { code, message: None, retry_after })
    }

    /// Fails with 429 as a server does that sheds load: plain text, the seconds to wait only in the header.
    pub fn throttled(self, retry_after: Duration) -> Self {
        self.answer(&Reply::Throttle(retry_after))
    }

    /// Fails with the code and what an API server says to it.
    pub fn fail(self, code: StatusCode) -> Self {
        self.answer(&Reply::Failure { code, message: None, retry_after: None })
    }

    /// Fails with the code and a message, such as the one of a webhook.
    pub fn fail_with(self, code: StatusCode, message: &str) -> Self {
        self.answer(&Reply::Failure { code, message: Some(message.to_owned()), retry_after: None })
    }

    /// Never answers.
    pub fn hang(self) -> Self {
        self.answer(&Reply::Hang)
    }

    /// Breaks the connection.
    pub fn broken(self) -> Self {
        self.answer(&Reply::Break)
    }

    fn ending(self, end: End) -> Self {
        self.each(|call| {
            let events = match std::mem::take(&mut call.reply) {
                Reply::Events(events, _) => events,
                _ => Vec::new(),
            };
            call.reply = Reply::Events(events, end);
        })
    }

    fn answer(self, reply: &Reply) -> Self {
        self.each(|call| call.reply = reply.clone())
    }

    fn each(mut self, change: impl Fn(&mut Call)) -> Self {
        self.calls.iter_mut().for_each(change);
        self
    }
}

impl Call {
    /// Whether verb, group and target are the ones of the request.
    pub(super) fn is(&self, request: &ApiRequest) -> bool {
        let group = self.group.as_ref().is_none_or(|group| *group == request.group);
        group && self.verb == request.verb() && self.target == request.target()
    }

    /// What is wrong with the rest of the request.
    pub(super) fn fault(&self, request: &ApiRequest) -> Option<String> {
        let body = request.json();
        self.checks.iter().find_map(|check| match check {
            Check::Contains(fields) => missing(fields, &body, &mut String::new()),
            Check::Body(holds) => (!holds(&body)).then(|| format!("the body is not as expected: {body}")),
            Check::Query(pair) => {
                let is_there = request.query.split('&').any(|found| found == pair);
                (!is_there).then(|| format!("expected `{pair}` in the query, found `{}`", request.query))
            }
        })
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.target)
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contains(fields) => write!(f, "Contains({fields})"),
            Self::Body(_) => f.write_str("Body(..)"),
            Self::Query(pair) => write!(f, "Query({pair})"),
        }
    }
}

/// The first field that is expected and not found.
fn missing(expected: &Value, found: &Value, path: &mut String) -> Option<String> {
    let mut below = |segment: &str, expected: &Value, found: &Value| {
        let length = path.len();
        path.push('/');
        path.push_str(segment);
        let fault = missing(expected, found, path);
        path.truncate(length);
        fault
    };
    match (expected, found) {
        (Value::Object(fields), Value::Object(found)) => {
            fields.iter().find_map(|(name, value)| below(name, value, found.get(name).unwrap_or(&Value::Null)))
        }
        (Value::Array(items), Value::Array(found)) if items.len() == found.len() => {
            let pairs = items.iter().zip(found).enumerate();
            pairs.into_iter().find_map(|(index, (item, found))| below(&index.to_string(), item, found))
        }
        (expected, found) if expected == found => None,
        (expected, found) => Some(format!("expected `{expected}` at `{path}` of the body, found `{found}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn some_fields_are_enough() {
        let found = json!({"a": {"b": 1, "c": [{"d": 2, "e": 3}]}});
        let check = |expected: Value, fault: Option<&str>| {
            assert_eq!(missing(&expected, &found, &mut String::new()).as_deref(), fault);
        };
        check(json!({}), None);
        check(json!({"a": {"b": 1}}), None);
        check(json!({"a": {"c": [{"d": 2}]}}), None);
        check(json!({"x": null}), None);
        check(json!({"a": {"b": 2}}), Some("expected `2` at `/a/b` of the body, found `1`"));
        check(json!({"a": {"c": [{"d": 4}]}}), Some("expected `4` at `/a/c/0/d` of the body, found `2`"));
        check(json!({"a": {"c": []}}), Some("expected `[]` at `/a/c` of the body, found `[{\"d\":2,\"e\":3}]`"));
    }
}
