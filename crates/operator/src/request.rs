//! What went wrong with a request to the API server, in words for people.

use std::error::Error;
use std::fmt;

use flux_operator_reconciler::outcome::describe;

/// A request that failed, without the names that the client library puts before everything.
#[derive(Debug)]
pub struct RequestError(kube::Error);

impl RequestError {
    /// Whether the API server answered at all.
    pub fn status(&self) -> Option<&kube::core::Status> {
        match &self.0 {
            kube::Error::Api(status) => Some(status),
            _ => None,
        }
    }
}

impl From<kube::Error> for RequestError {
    fn from(error: kube::Error) -> Self {
        Self(error)
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            kube::Error::Api(status) if status.message.is_empty() => write!(f, "{} {}", status.code, status.reason),
            kube::Error::Api(status) => f.write_str(&status.message),
            error => match error.source() {
                Some(source) => f.write_str(&describe(source)),
                None => error.fmt(f),
            },
        }
    }
}

/// The text says it all.
impl Error for RequestError {}

#[cfg(test)]
mod tests {
    use std::io;

    use kube::core::Status;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Says(&'static str, #[source] Option<Box<Says>>);

    fn says(text: &'static str, source: impl Into<Option<Says>>) -> Says {
        Says(text, source.into().map(Box::new))
    }

    #[test]
    fn a_cause_is_told_once() {
        assert_eq!(describe(&says("a", says("b", says("c", None)))), "a: b: c");
        assert_eq!(describe(&says("a: b", says("b", says("c", None)))), "a: b: c");
    }

    #[test]
    fn requests_fail_in_plain_words() {
        let text = |error| RequestError::from(error).to_string();
        let status = |message: &str| Status::failure(message, "Forbidden").with_code(403).boxed();
        assert_eq!(text(kube::Error::Api(status("no"))), "no");
        assert_eq!(text(kube::Error::Api(status(""))), "403 Forbidden");
        assert_eq!(text(kube::Error::Service(Box::new(says("connect", says("refused", None))))), "connect: refused");
        assert_eq!(text(kube::Error::ReadEvents(io::Error::other("cut"))), "cut");
    }
}
