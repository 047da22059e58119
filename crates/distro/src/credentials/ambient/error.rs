//! What can go wrong between an identity and its credentials.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// An identity that could not be exchanged for credentials. It never holds a part of a secret.
#[derive(Debug, thiserror::Error)]
pub enum AmbientError {
    /// The client for metadata services cannot be made.
    #[error("cannot make a client for metadata services")]
    Client {
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The cloud takes too long.
    #[error("{cloud} gave no credentials within {} s", .after.as_secs())]
    Timeout {
        /// The cloud.
        cloud: &'static str,
        /// How long we waited.
        after: Duration,
    },
    /// A service cannot be reached.
    #[error("cannot reach {service}")]
    Unreachable {
        /// The service.
        service: &'static str,
        /// Why, without the address.
        #[source]
        source: reqwest::Error,
    },
    /// A service answers, but not with success.
    #[error("{service} refuses this process with status {status}{}", .reason.as_deref().map(|reason| format!(" and reason `{reason}`")).unwrap_or_default())]
    Refused {
        /// The service.
        service: &'static str,
        /// The HTTP status.
        status: u16,
        /// The service's word for it, where there is one. Its sentences may quote what it was sent.
        reason: Option<String>,
    },
    /// A service answers with something else than expected.
    #[error("{service} gave an answer that has no {expected}")]
    Answer {
        /// The service.
        service: &'static str,
        /// What was expected.
        expected: &'static str,
    },
    /// A service answers with more than anybody needs.
    #[error("{service} gave an answer of more than {limit} bytes")]
    TooLarge {
        /// The service.
        service: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The file with a token cannot be read.
    #[error("cannot read the token in `{}`, the file that the variable `{variable}` names", .path.display())]
    Token {
        /// The variable.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A variable is missing beside others, or has a value that leads somewhere else.
    #[error("the variable `{variable}` has to be {expected}")]
    Variable {
        /// The variable.
        variable: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
}
