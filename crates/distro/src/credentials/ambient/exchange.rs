//! One request, and what its answer means.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Client, RequestBuilder, StatusCode, redirect};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::AmbientError;
use crate::credentials::Secret;

/// Answers have some kilobytes.
const MAX_BODY_BYTES: usize = 1 << 20;
/// A metadata service is a hop away. Where there is none, this is how long we look for it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The two ways out.
#[derive(Clone)]
pub(super) struct Http {
    /// For services on the internet: proxies, roots and redirects are the caller's.
    pub(super) internet: Client,
    /// For services of the machine: no proxy, no redirect, no TLS.
    pub(super) machine: Client,
}

/// What a service said. It has no debug text: headers may be secrets, too.
pub(super) struct Answer {
    service: &'static str,
    status: StatusCode,
    headers: HeaderMap,
    body: Secret,
}

impl Http {
    pub(super) fn new(internet: &Client) -> Result<Self, AmbientError> {
        let failed = |source| AmbientError::Client { source };
        // It never speaks TLS, so that it need not load the roots of the system.
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(error.into()))?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let machine = Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .map_err(|error| failed(error.into()))?;
        Ok(Self { internet: internet.clone(), machine })
    }
}

/// A header that nobody logs. A text that can be no header is left out: no token is like that.
pub(super) fn sensitive(text: &str) -> HeaderValue {
    let mut value = HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// Sends a request that has to succeed.
pub(super) async fn send(service: &'static str, request: RequestBuilder) -> Result<Answer, AmbientError> {
    receive(service, request).await.map_err(|source| unreachable(service, source))??.succeeded()
}

/// Asks a service of the machine. `None`: there is no such service, or it knows no identity.
///
/// A service that is overloaded or broken is an error: what it would have said is not known.
pub(super) async fn ask(service: &'static str, request: RequestBuilder) -> Result<Option<Answer>, AmbientError> {
    let answer = match receive(service, request).await {
        Err(error) if error.is_connect() || error.is_timeout() => return Ok(None),
        Err(error) => return Err(unreachable(service, error)),
        Ok(answer) => answer?,
    };
    let trouble = answer.status.is_server_error() || answer.status == StatusCode::TOO_MANY_REQUESTS;
    if !answer.status.is_success() && !trouble {
        return Ok(None);
    }
    answer.succeeded().map(Some)
}

async fn receive(
    service: &'static str,
    request: RequestBuilder,
) -> Result<Result<Answer, AmbientError>, reqwest::Error> {
    let mut response = request.send().await?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Ok(Err(AmbientError::TooLarge { service, limit: MAX_BODY_BYTES }));
        }
        body.extend_from_slice(&chunk);
    }
    let body = Secret::new(String::from_utf8_lossy(&body));
    Ok(Ok(Answer { service, status: response.status(), headers: response.headers().clone(), body }))
}

fn unreachable(service: &'static str, source: reqwest::Error) -> AmbientError {
    // An address may come from a variable and have a password in it.
    AmbientError::Unreachable { service, source: source.without_url() }
}

impl Answer {
    fn succeeded(self) -> Result<Self, AmbientError> {
        if self.status.is_success() {
            return Ok(self);
        }
        let reason = reason(self.body.expose());
        Err(AmbientError::Refused { service: self.service, status: self.status.as_u16(), reason })
    }

    pub(super) fn body(&self) -> &Secret {
        &self.body
    }

    pub(super) fn header(&self, name: &str) -> Option<&HeaderValue> {
        self.headers.get(name)
    }

    /// Reads JSON. What the parser says is dropped: it quotes values.
    pub(super) fn json<T: DeserializeOwned>(&self, expected: &'static str) -> Result<T, AmbientError> {
        serde_json::from_str(self.body.expose()).map_err(|_| self.without(expected))
    }

    pub(super) fn without(&self, expected: &'static str) -> AmbientError {
        AmbientError::Answer { service: self.service, expected }
    }
}

/// Reads a number of seconds, which Azure's metadata service writes as a text.
pub(super) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    number.and_then(|number| number.try_into().ok()).ok_or_else(|| serde::de::Error::custom("no seconds"))
}

/// The word by which a service says why it refuses: an error code of AWS, in JSON or XML, of OAuth2,
/// of a registry, or of Entra.
fn reason(body: &str) -> Option<String> {
    if let Ok(answer) = serde_json::from_str::<Value>(body) {
        let entra = answer.get("error_description").and_then(Value::as_str).and_then(entra_code);
        let names = ["/__type", "/error", "/errors/0/code", "/code", "/Code"];
        let word = || names.into_iter().find_map(|name| answer.pointer(name)?.as_str());
        return entra.or_else(|| word().and_then(|word| error_code(word.rsplit('#').next()?)));
    }
    let document = roxmltree::Document::parse(body).ok()?;
    // By the local name: the namespace has a date in it.
    let code = document.descendants().find(|node| node.tag_name().name() == "Code")?;
    error_code(code.text()?)
}

/// Words of letters are shown. A token is longer, and has digits.
fn error_code(word: &str) -> Option<String> {
    let allowed = |character: char| character.is_ascii_alphabetic() || "._".contains(character);
    (!word.is_empty() && word.len() <= 48 && word.chars().all(allowed)).then(|| word.to_owned())
}

/// Entra's `AADSTS70021` and the like: each has a page that says what to do.
fn entra_code(description: &str) -> Option<String> {
    let (_, rest) = description.split_once("AADSTS")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).take(8).collect();
    (!digits.is_empty()).then(|| format!("AADSTS{digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_words_and_nothing_else() {
        for (body, expected) in [
            (
                r#"{"__type": "com.amazonaws#AccessDeniedException", "message": "secret"}"#,
                Some("AccessDeniedException"),
            ),
            (r#"{"error": "invalid_client", "error_description": "AADSTS70021: No matching"}"#, Some("AADSTS70021")),
            (r#"{"error": "invalid_request", "error_description": "Identity not found"}"#, Some("invalid_request")),
            (r#"{"errors": [{"code": "UNAUTHORIZED", "message": "secret"}]}"#, Some("UNAUTHORIZED")),
            (
                r#"<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
                   <Code>ExpiredTokenException</Code><Message>secret</Message></Error></ErrorResponse>"#,
                Some("ExpiredTokenException"),
            ),
            (r#"{"error": "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwcz"}"#, None),
            (r#"{"error": "two words"}"#, None),
            (r#"{"error": {"a": 1}}"#, None),
            ("<html>secret</html>", None),
            ("secret", None),
            ("", None),
        ] {
            assert_eq!(reason(body).as_deref(), expected, "{body}");
        }
    }
}
