//! An address that is a URL and can be connected to, and that does not give its secrets away.

use std::fmt;
use std::time::Duration;

use http::Uri;
use http::uri::{PathAndQuery, Scheme};
use kube::client::ClientBuilder;
use kube::{Client, Config};
use tower::layer::layer_fn;

use super::quiet::Quiet;

/// How long a connection may take to come about. Less than an attempt, so that the log can say what it was that took so
/// long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Where to send notifications.
///
/// Prints itself as scheme, host and port: everything else may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Scheme, host and port.
    base: Uri,
    path: PathAndQuery,
    login: Option<(String, String)>,
}

/// An address that is no URL. Does not repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an `http` or `https` URL as the address of notification-controller")]
pub(super) struct NotAUrl;

impl Endpoint {
    pub(super) fn parse(address: &str) -> Result<Self, NotAUrl> {
        let uri: Uri = address.parse().map_err(|_| NotAUrl)?;
        let scheme = uri.scheme().filter(|scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme)).ok_or(NotAUrl)?;
        let authority = uri.authority().ok_or(NotAUrl)?.as_str();
        let (login, host) = authority.rsplit_once('@').map_or((None, authority), |(login, host)| (Some(login), host));
        let base = format!("{scheme}://{host}").parse().map_err(|_| NotAUrl)?;
        let login = login.map(|login| {
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            (decoded(user), decoded(password))
        });
        let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        Ok(Self { base, path, login })
    }

    /// What to ask for there.
    pub(super) fn path(&self) -> &PathAndQuery {
        &self.path
    }

    /// A client that keeps its connections. Any HTTP server will do: that it comes from `kube`, which has HTTP and TLS
    /// already, does not show.
    ///
    /// # Errors
    /// There are no root certificates, and the scheme is `https`.
    pub(super) fn client(&self) -> kube::Result<Client> {
        let mut config = Config::new(self.base.clone());
        config.default_retry = false;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        if let Some((user, password)) = &self.login {
            config.auth_info.username = Some(user.clone());
            config.auth_info.password = Some(password.clone().into());
        }
        if self.base.scheme() == Some(&Scheme::HTTP) {
            // Otherwise those of the system are read.
            config.root_cert = Some(Vec::new());
        }
        Ok(ClientBuilder::try_from(config)?.with_layer(&layer_fn(Quiet)).build())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.base.to_string().trim_end_matches('/'))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

/// Resolves `%40` and the like (RFC 3986, section 2.1). What is no escape stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = if first == b'%' { after.split_first_chunk().and_then(escaped) } else { None };
        let (byte, after) = escaped.unwrap_or((first, after));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The byte that two hexadecimal digits stand for, and what follows them.
fn escaped<'a>((digits, after): (&'a [u8; 2], &'a [u8])) -> Option<(u8, &'a [u8])> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    Some((u8::try_from(high? * 16 + low?).ok()?, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, shown: &str, path: &str, login: Option<(&str, &str)>) {
        let endpoint = Endpoint::parse(address).unwrap();
        assert_eq!(endpoint.to_string(), shown);
        assert_eq!(endpoint.path(), path);
        let found = endpoint.login.as_ref().map(|(user, password)| (user.as_str(), password.as_str()));
        assert_eq!(found, login);
    }

    #[test]
    fn address_is_taken_apart() {
        let service = "http://notification-controller.flux-system.svc.cluster.local.";
        check(&format!("{service}/"), service, "/", None);
        check(service, service, "/", None);
        check("https://nc:9292/hook/a?b=c", "https://nc:9292", "/hook/a?b=c", None);
        check("http://user:pass@nc/", "http://nc", "/", Some(("user", "pass")));
        check("http://token@nc:80", "http://nc:80", "/", Some(("token", "")));
        check("http://a%40b:%7e%25%zz%@nc", "http://nc", "/", Some(("a@b", "~%%zz%")));
        check("http://[::1]:8080/x", "http://[::1]:8080", "/x", None);
    }

    #[test]
    fn what_is_no_url_is_refused_without_repeating_it() {
        for address in ["", "nc", "nc:80/canary", "ftp://canary@nc/", "http://", "http://canary canary/", "/canary"] {
            let error = Endpoint::parse(address).unwrap_err();
            assert!(!error.to_string().contains("canary"), "{address}");
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let endpoint = Endpoint::parse("https://canary:canary@nc:9292/canary?canary=canary").unwrap();
        assert_eq!(format!("{endpoint} {endpoint:?}"), "https://nc:9292 Endpoint(https://nc:9292)");
    }
}
