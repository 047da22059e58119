//! Who we are to a registry.
//!
//! Credentials come from pull secrets ([`Keychain`]), from what a user has logged in to
//! ([`DockerConfig`]), and from the cloud that the process runs in ([`Ambient`]). The rules are
//! in `docs/registries.md`. What is secret wears the type [`Secret`] from the moment it is read,
//! and the errors of this module never hold a part of what they could not read.

mod ambient;
mod docker_config;
mod identity;
mod keychain;
mod pattern;
mod secret;

pub use ambient::{Ambient, AmbientError, Clouds, Endpoints, Lease, Variables};
pub use docker_config::{DockerConfig, DockerConfigError, DockerPaths, HelperError};
pub(crate) use identity::CloudIdentity;
pub use keychain::{Keychain, KeychainError};
pub use secret::Secret;

/// How somebody proves to a registry who they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Credentials {
    /// Not at all.
    #[default]
    Anonymous,
    /// User and password, for the registry itself or for the token endpoint that it names.
    Basic {
        /// The user.
        username: String,
        /// The password, or a token in its place.
        password: Secret,
    },
    /// What Docker calls `identitytoken`: the refresh token for an OAuth2 token endpoint.
    IdentityToken(Secret),
    /// What Docker calls `registrytoken`: a bearer token that is sent as it is.
    Bearer(Secret),
}

/// Keychains, the more important first.
///
/// ```
/// use flux_operator_distro::credentials::{Keychain, Keychains};
///
/// let pull_secret = Keychain::from_docker_config_json(r#"{"auths": {"ghcr.io": {"auth": "bWU6b25l"}}}"#)?;
/// let service_account = Keychain::from_docker_config_json(r#"{"auths": {"*.io": {"auth": "bWU6dHdv"}}}"#)?;
/// let keychains: Keychains = [pull_secret, service_account].into_iter().collect();
/// assert!(keychains.find("quay.io", "fluxcd/flux").is_some());
/// # Ok::<(), flux_operator_distro::credentials::KeychainError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keychains(Vec<Keychain>);

impl Keychains {
    /// The credentials for a repository, from the first keychain that has any.
    ///
    /// `host` has the port, if there is one; `repository` is the path without tag or digest.
    pub fn find(&self, host: &str, repository: &str) -> Option<&Credentials> {
        self.0.iter().find_map(|keychain| keychain.find(host, repository))
    }
}

impl FromIterator<Keychain> for Keychains {
    fn from_iter<I: IntoIterator<Item = Keychain>>(keychains: I) -> Self {
        Self(keychains.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keychain(entries: &[(&str, &str)]) -> Keychain {
        let auths: serde_json::Map<_, _> = entries
            .iter()
            .map(|(key, user)| ((*key).to_owned(), serde_json::json!({"username": user, "password": "p"})))
            .collect();
        Keychain::from_dockercfg(&serde_json::Value::from(auths).to_string()).unwrap()
    }

    #[test]
    fn the_first_keychain_that_matches_wins() {
        let keychains: Keychains =
            [keychain(&[("*.io", "first")]), keychain(&[("ghcr.io/fluxcd", "second"), ("quay.com", "second")])]
                .into_iter()
                .collect();
        let user = |host, repository| match keychains.find(host, repository) {
            Some(Credentials::Basic { username, .. }) => Some(username.as_str()),
            _ => None,
        };
        // Even where a later one is more exact: the order is what somebody decided.
        assert_eq!(user("ghcr.io", "fluxcd/flux"), Some("first"));
        assert_eq!(user("quay.com", "a"), Some("second"));
        assert_eq!(user("example.com", "a"), None);
    }
}
