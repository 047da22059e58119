//! What a pull secret knows.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

use super::pattern::Pattern;
use super::{Credentials, Secret};

/// Standard base64. Padding may be missing: people write these by hand.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Credentials by registry and path, from one pull secret or one file.
///
/// Printing it shows registries and users, and no secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keychain {
    /// In the order in which they are tried.
    entries: Vec<(Pattern, Credentials)>,
}

/// A pull secret that cannot be read. It names places and registries and never holds a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeychainError {
    /// The Secret has not the key that its type asks for.
    #[error("a Secret of type `{type_}` needs the key `{key}`")]
    Missing {
        /// The type of the Secret.
        type_: String,
        /// The key.
        key: &'static str,
    },
    /// The text is not JSON.
    #[error("it is not JSON: line {line}, column {column} is wrong")]
    NotJson {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// A value has another type than expected.
    #[error("expected {expected} at `{place}`")]
    Shape {
        /// Where, from the top.
        place: String,
        /// What was expected.
        expected: &'static str,
    },
    /// The `auth` of a registry cannot be read.
    #[error("expected the base64 of `user:password` as `auth` of registry `{registry}`")]
    Auth {
        /// The registry.
        registry: String,
    },
}

impl Keychain {
    /// Reads a Secret of Kubernetes, by its type. `data` gives the decoded value of a key.
    ///
    /// Gives `None` for a Secret of another type than `kubernetes.io/dockerconfigjson` and
    /// `kubernetes.io/dockercfg`: it says nothing about registries.
    ///
    /// # Errors
    /// The key of the type is missing, or what it holds cannot be read.
    pub fn from_secret<'a>(
        type_: &str,
        data: impl FnOnce(&str) -> Option<&'a [u8]>,
    ) -> Result<Option<Self>, KeychainError> {
        let key = match type_ {
            "kubernetes.io/dockerconfigjson" => ".dockerconfigjson",
            "kubernetes.io/dockercfg" => ".dockercfg",
            _ => return Ok(None),
        };
        let bytes = data(key).ok_or_else(|| KeychainError::Missing { type_: type_.to_owned(), key })?;
        let value = json(bytes)?;
        if key == ".dockercfg" { Self::from_auths(&value, "") } else { Self::from_config(&value) }.map(Some)
    }

    /// Reads a `.dockerconfigjson` or `config.json`: an object whose `auths` has registries as keys.
    /// Without `auths`, it is empty.
    ///
    /// # Errors
    /// It is not JSON, a value has the wrong type, or an `auth` cannot be decoded.
    pub fn from_docker_config_json(text: &str) -> Result<Self, KeychainError> {
        Self::from_config(&json(text.as_bytes())?)
    }

    /// Reads a `.dockercfg`, the older form: what `auths` holds, and nothing around it.
    ///
    /// # Errors
    /// It is not JSON, a value has the wrong type, or an `auth` cannot be decoded.
    pub fn from_dockercfg(text: &str) -> Result<Self, KeychainError> {
        Self::from_auths(&json(text.as_bytes())?, "")
    }

    /// The credentials for a repository.
    ///
    /// Entries are tried in reverse lexical order of their keys, so that a longer path comes before
    /// a shorter one. The first one that matches is the answer.
    ///
    /// `host` has the port, if there is one; `repository` is the path without tag or digest.
    pub fn find(&self, host: &str, repository: &str) -> Option<&Credentials> {
        self.entries.iter().find(|(pattern, _)| pattern.matches(host, repository)).map(|(_, credentials)| credentials)
    }

    pub(super) fn from_config(config: &Value) -> Result<Self, KeychainError> {
        match object(config, String::new)?.get("auths") {
            None | Some(Value::Null) => Ok(Self::default()),
            Some(auths) => Self::from_auths(auths, "auths"),
        }
    }

    fn from_auths(auths: &Value, place: &str) -> Result<Self, KeychainError> {
        let mut entries = Vec::new();
        for (key, entry) in object(auths, || place.to_owned())? {
            let pattern = Pattern::parse(key);
            // An entry without credentials is how Docker remembers a login that a helper keeps.
            if let Some(credentials) = credentials(entry, pattern.as_str())? {
                entries.push((pattern, credentials));
            }
        }
        entries.sort_by(|(one, _), (other, _)| other.cmp(one));
        Ok(Self { entries })
    }
}

/// Parses JSON, and forgets what the parser says beyond the position: it quotes values.
pub(super) fn json(bytes: &[u8]) -> Result<Value, KeychainError> {
    serde_json::from_slice(bytes).map_err(|error| KeychainError::NotJson { line: error.line(), column: error.column() })
}

fn object(value: &Value, place: impl FnOnce() -> String) -> Result<&Map<String, Value>, KeychainError> {
    value.as_object().ok_or_else(|| {
        let place = Some(place()).filter(|place| !place.is_empty()).unwrap_or_else(|| "the top".to_owned());
        KeychainError::Shape { place, expected: "an object" }
    })
}

fn credentials(entry: &Value, registry: &str) -> Result<Option<Credentials>, KeychainError> {
    let entry = object(entry, || registry.to_owned())?;
    let text = |field: &str| match entry.get(field) {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text.as_str()),
        Some(_) => Err(KeychainError::Shape { place: format!("{registry}: {field}"), expected: "a text" }),
    };
    // A token wins over a password, which Docker leaves empty or stale beside it.
    let (bearer, identity) = (text("registrytoken")?, text("identitytoken")?);
    if !bearer.is_empty() {
        return Ok(Some(Credentials::Bearer(Secret::new(bearer))));
    }
    if !identity.is_empty() {
        return Ok(Some(Credentials::IdentityToken(Secret::new(identity))));
    }
    let (auth, username, password) = (text("auth")?, text("username")?, text("password")?);
    if !auth.trim().is_empty() {
        return basic(auth).ok_or_else(|| KeychainError::Auth { registry: registry.to_owned() }).map(Some);
    }
    if username.is_empty() && password.is_empty() {
        return Ok(None);
    }
    Ok(Some(Credentials::Basic { username: username.to_owned(), password: Secret::new(password) }))
}

/// Decodes `user:password`. Only the first colon counts, passwords may have more.
pub(super) fn basic(auth: &str) -> Option<Credentials> {
    let auth: String = auth.split_whitespace().collect();
    let text = String::from_utf8(LENIENT.decode(auth).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    // Docker pads passwords with zeros on some platforms, and drops them when it reads.
    Some(Credentials::Basic { username: username.to_owned(), password: Secret::new(password.trim_matches('\0')) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CANARY: &str = "canary-7f3a";

    fn user(username: &str, password: &str) -> Credentials {
        Credentials::Basic { username: username.to_owned(), password: Secret::new(password) }
    }

    #[test]
    fn reads_every_kind_of_entry() {
        for (entry, expected) in [
            (json!({"auth": "bWU6cHc="}), Some(user("me", "pw"))),
            (json!({"auth": "bWU6cHc"}), Some(user("me", "pw"))),
            (json!({"auth": " bWU6\ncHc=\n"}), Some(user("me", "pw"))),
            (json!({"auth": "bWU6cDp3"}), Some(user("me", "p:w"))),
            (json!({"auth": "bWU6cHcAAA=="}), Some(user("me", "pw"))),
            (json!({"auth": "bWU6"}), Some(user("me", ""))),
            (json!({"username": "me", "password": "pw", "email": "me@example.com"}), Some(user("me", "pw"))),
            (json!({"auth": "bWU6cHc=", "username": "other", "password": "other"}), Some(user("me", "pw"))),
            (json!({"auth": "bWU6", "identitytoken": "id"}), Some(Credentials::IdentityToken(Secret::new("id")))),
            (json!({"identitytoken": "id", "registrytoken": "b"}), Some(Credentials::Bearer(Secret::new("b")))),
            (json!({"auth": "", "username": null}), None),
            (json!({}), None),
        ] {
            let config = json!({"auths": {"ghcr.io": entry}}).to_string();
            let keychain = Keychain::from_docker_config_json(&config).unwrap();
            assert_eq!(keychain.find("ghcr.io", "a"), expected.as_ref(), "{config}");
        }
    }

    #[test]
    fn longer_keys_are_tried_first() {
        let entry = |name: &str| json!({"username": name, "password": "p"});
        let config = json!({
            "*.example.com": entry("any"),
            "a.example.com": entry("host"),
            "https://a.example.com/v2/team": entry("team"),
            "a.example.com/team/app": entry("app"),
            "docker.io": entry("hub"),
        });
        let keychain = Keychain::from_dockercfg(&config.to_string()).unwrap();
        for (host, repository, expected) in [
            ("a.example.com", "team/app", Some("app")),
            ("a.example.com", "team/other", Some("team")),
            ("a.example.com", "other", Some("host")),
            ("b.example.com", "other", Some("any")),
            ("registry-1.docker.io", "library/a", Some("hub")),
            ("example.com", "other", None),
        ] {
            assert_eq!(
                keychain.find(host, repository),
                expected.map(|name| user(name, "p")).as_ref(),
                "{host}/{repository}"
            );
        }
    }

    #[test]
    fn the_type_of_a_secret_says_how_to_read_it() {
        let read = |type_: &str, key: &'static str, text: &'static str| {
            Keychain::from_secret(type_, |asked| (asked == key).then_some(text.as_bytes()))
        };
        let auths = r#"{"ghcr.io": {"auth": "bWU6cHc="}}"#;
        let config = r#"{"auths": {"ghcr.io": {"auth": "bWU6cHc="}}}"#;
        let expected = Keychain::from_dockercfg(auths).unwrap();
        assert_eq!(read("kubernetes.io/dockerconfigjson", ".dockerconfigjson", config), Ok(Some(expected.clone())));
        assert_eq!(read("kubernetes.io/dockercfg", ".dockercfg", auths), Ok(Some(expected)));
        assert_eq!(read("kubernetes.io/dockerconfigjson", ".dockerconfigjson", "{}"), Ok(Some(Keychain::default())));
        assert_eq!(read("Opaque", ".dockerconfigjson", config), Ok(None));
        assert_eq!(
            read("kubernetes.io/dockercfg", ".dockerconfigjson", config).unwrap_err().to_string(),
            "a Secret of type `kubernetes.io/dockercfg` needs the key `.dockercfg`"
        );
    }

    #[test]
    fn errors_name_the_place_and_never_the_value() {
        let canary_auth = "Y2FuYXJ5LTdmM2E="; // the canary without a user
        for (config, expected) in [
            (format!("{{\"auths\": {CANARY}}}"), "it is not JSON: line 1, column 11 is wrong"),
            (json!(CANARY).to_string(), "expected an object at `the top`"),
            (json!({"auths": CANARY}).to_string(), "expected an object at `auths`"),
            (json!({"auths": {"ghcr.io": CANARY}}).to_string(), "expected an object at `ghcr.io`"),
            (json!({"auths": {"ghcr.io": {"auth": [CANARY]}}}).to_string(), "expected a text at `ghcr.io: auth`"),
            (
                json!({"auths": {"ghcr.io": {"password": {CANARY: 1}}}}).to_string(),
                "expected a text at `ghcr.io: password`",
            ),
            (
                json!({"auths": {format!("https://me:{CANARY}@ghcr.io/v1/"): {"auth": "%"}}}).to_string(),
                "expected the base64 of `user:password` as `auth` of registry `ghcr.io`",
            ),
            (
                json!({"auths": {"ghcr.io": {"auth": canary_auth}}}).to_string(),
                "expected the base64 of `user:password` as `auth` of registry `ghcr.io`",
            ),
            (
                json!({"auths": {"ghcr.io": {"auth": "bWX/Og=="}}}).to_string(),
                "expected the base64 of `user:password` as `auth` of registry `ghcr.io`",
            ),
        ] {
            let error = Keychain::from_docker_config_json(&config).unwrap_err();
            assert_eq!(error.to_string(), expected);
            assert!(!format!("{error:?}").contains(CANARY) && !format!("{error:?}").contains(canary_auth), "{error:?}");
        }
    }

    #[test]
    fn a_keychain_prints_without_its_secrets() {
        let config = json!({
            format!("https://me:{CANARY}@a.example.com"): {"username": "me", "password": CANARY},
            "b.example.com": {"identitytoken": CANARY},
            "c.example.com": {"registrytoken": CANARY},
        });
        let keychain = Keychain::from_dockercfg(&config.to_string()).unwrap();
        let printed = format!("{keychain:?} {}", Secret::new(CANARY));
        assert!(printed.contains("a.example.com") && printed.contains("***"), "{printed}");
        assert!(!printed.contains(CANARY), "{printed}");
    }
}
