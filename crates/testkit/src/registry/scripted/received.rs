//! What came in.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method, header, request};

/// A request as it was received.
#[derive(Clone, Debug)]
pub struct Received {
    /// What it wants.
    pub method: Method,
    /// Without the query.
    pub path: String,
    /// In order, decoded.
    pub query: Vec<(String, String)>,
    /// All of them.
    pub headers: HeaderMap,
    /// All of it.
    pub body: Bytes,
    /// Whether it came by HTTPS.
    pub tls: bool,
}

impl Received {
    pub(super) fn new(parts: request::Parts, body: Bytes, tls: bool) -> Self {
        let query = parts.uri.query().unwrap_or_default();
        Self {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            headers: parts.headers,
            body,
            tls,
        }
    }

    /// A header that is text; the first of several.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The credentials, as they were sent.
    pub fn authorization(&self) -> Option<&str> {
        self.header(header::AUTHORIZATION.as_str())
    }

    /// A parameter of the query; the first of several.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Method, path and query, for the message of a test that fails.
impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)?;
        for (index, (name, value)) in self.query.iter().enumerate() {
            write!(f, "{}{name}={value}", if index == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}
