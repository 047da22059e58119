//! What goes wrong, and for which requests.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::apiserver::{ApiRequest, Verb};

/// What goes wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The proxy answers in place of the server, with a `Status` as the server would send for this request. An answer
    /// of 429 asks the client to wait for one second.
    Answer(StatusCode),
    /// The proxy answers 429 as a server does that sheds load: `Retry-After`, and plain text instead of a `Status`.
    Throttle(Duration),
    /// The connection is reset, and the server never hears of the request.
    Cut,
    /// The server does what it was asked to. Then the connection is reset, and the client never hears of it.
    CutAfter,
    /// The client gets half of the body, of a watch half of the first event. Then the connection closes.
    Truncate,
    /// Neither an answer nor a request to the server, until the client gives up.
    Hang,
    /// All is well, but later. The server hears of the request when the time is over.
    Delay(Duration),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(code) => write!(f, "answer {}", code.as_u16()),
            Self::Throttle(retry_after) => write!(f, "throttle for {retry_after:?}"),
            Self::Cut => f.write_str("cut"),
            Self::CutAfter => f.write_str("cut after"),
            Self::Truncate => f.write_str("truncate"),
            Self::Hang => f.write_str("hang"),
            Self::Delay(duration) => write!(f, "delay {duration:?}"),
        }
    }
}

/// Which requests are meant. Everything that was said has to be true.
///
/// ```
/// use flux_operator_testkit::proxy::{Match, Verb};
///
/// let status = Match::verb(Verb::Patch).resource("deployments").subresource("status");
/// assert_eq!(status.to_string(), "patch, resource deployments, subresource status");
/// ```
#[derive(Clone, Default)]
pub struct Match {
    terms: Vec<Term>,
}

#[derive(Clone)]
struct Term {
    text: String,
    holds: Arc<dyn Fn(&ApiRequest) -> bool + Send + Sync>,
}

impl Match {
    /// Every request.
    pub fn any() -> Self {
        Self::default()
    }

    /// Every change that is no dry run.
    pub fn write() -> Self {
        Self::any().when("write", ApiRequest::is_write)
    }

    /// Requests with this verb. A dry run is [`Verb::DryRun`], whatever it tries out.
    pub fn verb(verb: Verb) -> Self {
        Self::any().when(verb.as_str(), move |request| request.verb() == verb)
    }

    /// Dry runs of this operation, such as [`Verb::Apply`].
    pub fn dry_run_of(operation: Verb) -> Self {
        let text = format!("dry-run of {operation}");
        Self::any().when(text, move |request| request.dry_run && request.operation == operation)
    }

    /// Dry runs only, or everything but dry runs.
    #[must_use]
    pub fn dry_run(self, dry_run: bool) -> Self {
        let text = if dry_run { "dry-run" } else { "no dry-run" };
        self.when(text, move |request| request.dry_run == dry_run)
    }

    /// The plural of the resource, such as `configmaps`; the path for what is no resource, such as `/apis`.
    #[must_use]
    pub fn resource(self, resource: &str) -> Self {
        self.equals("resource", resource, |request| Some(&request.resource))
    }

    /// The API group, empty for the core group.
    #[must_use]
    pub fn group(self, group: &str) -> Self {
        self.equals("group", group, |request| Some(&request.group))
    }

    /// The namespace in the path.
    #[must_use]
    pub fn namespace(self, namespace: &str) -> Self {
        self.equals("namespace", namespace, |request| request.namespace.as_deref())
    }

    /// The name in the path, of a `POST` in the body.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        self.equals("name", name, |request| request.name.as_deref())
    }

    /// The subresource, such as `status`. Without this, requests match with and without one.
    #[must_use]
    pub fn subresource(self, subresource: &str) -> Self {
        self.equals("subresource", subresource, |request| request.subresource.as_deref())
    }

    /// Anything else, with words for messages.
    #[must_use]
    pub fn when(
        mut self,
        text: impl Into<String>,
        holds: impl Fn(&ApiRequest) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.terms.push(Term { text: text.into(), holds: Arc::new(holds) });
        self
    }

    /// Whether a request is meant.
    pub fn matches(&self, request: &ApiRequest) -> bool {
        self.terms.iter().all(|term| (term.holds)(request))
    }

    fn equals(
        self,
        what: &str,
        value: &str,
        field: impl Fn(&ApiRequest) -> Option<&str> + Send + Sync + 'static,
    ) -> Self {
        let expected = value.to_owned();
        self.when(format!("{what} {value}"), move |request| field(request) == Some(expected.as_str()))
    }
}

impl fmt::Display for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.terms.is_empty() {
            return f.write_str("any request");
        }
        let terms: Vec<_> = self.terms.iter().map(|term| term.text.as_str()).collect();
        f.write_str(&terms.join(", "))
    }
}

impl fmt::Debug for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Match({self})")
    }
}

/// A fault, and when it happens.
///
/// ```
/// use flux_operator_testkit::proxy::{Fault, Match, Rule};
///
/// let rule = Rule::new(Match::write().resource("configmaps"), Fault::CutAfter).nth(3);
/// assert_eq!(rule.to_string(), "cut after: write, resource configmaps; after 2, 1 times");
/// ```
#[derive(Clone, Debug)]
pub struct Rule {
    /// The requests that are meant.
    pub when: Match,
    /// What goes wrong with them.
    pub fault: Fault,
    /// How many of them are left alone first.
    pub after: usize,
    /// How many of them are hit; `None` for all that follow.
    pub times: Option<usize>,
}

impl Rule {
    /// Hits every request that matches.
    pub fn new(when: Match, fault: Fault) -> Self {
        Self { when, fault, after: 0, times: None }
    }

    /// Hits only the `n`th request that matches, counted from one.
    #[must_use]
    pub fn nth(mut self, n: usize) -> Self {
        self.after = n.saturating_sub(1);
        self.times(1)
    }

    /// Hits at most so many requests.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = Some(times);
        self
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.fault, self.when)?;
        match (self.after, self.times) {
            (0, None) => Ok(()),
            (after, None) => write!(f, "; after {after}"),
            (0, Some(times)) => write!(f, "; {times} times"),
            (after, Some(times)) => write!(f, "; after {after}, {times} times"),
        }
    }
}
