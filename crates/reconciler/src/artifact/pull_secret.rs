//! Secrets with credentials for registries.

use flux_operator_distro::credentials::{Keychain, Keychains};
use flux_operator_inventory::{Connection, RequestError};
use http::Request;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use kube::api::{GetParams, PostParams};
use kube::core::Resource;
use kube::core::request::Request as Requests;
use serde::de::DeserializeOwned;

use crate::outcome::FetchError;

/// Reads a Secret. One of another type has no credentials.
pub(super) async fn read(connection: &Connection, namespace: &str, name: &str) -> Result<Keychain, FetchError> {
    let shown = || format!("{namespace}/{name}");
    let secret: Secret = get(connection, Some(namespace), name)
        .await
        .map_err(|source| FetchError::PullSecret { secret: shown(), source })?;
    let data = |key: &str| Some(secret.data.as_ref()?.get(key)?.0.as_slice());
    let keychain = Keychain::from_secret(secret.type_.as_deref().unwrap_or_default(), data);
    let keychain = keychain.map_err(|source| FetchError::Keychain { secret: shown(), source })?;
    Ok(keychain.unwrap_or_default())
}

/// The credentials that the operator's own service account has for pulling images. None where that
/// cannot be told: this is a last resort, and what the registry said is the better message.
pub(super) async fn of_service_account(connection: &Connection) -> Keychains {
    match find_service_account(connection).await {
        Ok(keychains) => keychains,
        Err(error) => {
            tracing::debug!(error = crate::outcome::describe(&error), "the service account has no pull secrets to use");
            Keychains::default()
        }
    }
}

async fn find_service_account(connection: &Connection) -> Result<Keychains, RequestError> {
    let path = SelfSubjectReview::url_path(&(), None);
    let body = serde_json::to_vec(&SelfSubjectReview::default()).map_err(RequestError::unreadable)?;
    let request = Requests::new(path).create(&PostParams::default(), body).map_err(RequestError::unreadable)?;
    let review: SelfSubjectReview = connection.json(request).await?;
    let user = review.status.and_then(|status| status.user_info).and_then(|user| user.username).unwrap_or_default();
    let Some((namespace, name)) = service_account(&user) else { return Ok(Keychains::default()) };
    let account: ServiceAccount = get(connection, Some(namespace), name).await?;
    let mut keychains = Vec::new();
    for secret in account.image_pull_secrets.unwrap_or_default() {
        match read(connection, namespace, &secret.name).await {
            Ok(keychain) => keychains.push(keychain),
            Err(error) => {
                let error = crate::outcome::describe(&error);
                tracing::debug!(error, secret = secret.name, "passing over a pull secret of the service account");
            }
        }
    }
    Ok(keychains.into_iter().collect())
}

/// Namespace and name of the service account that a user is.
fn service_account(user: &str) -> Option<(&str, &str)> {
    user.strip_prefix("system:serviceaccount:")?.split_once(':')
}

async fn get<K>(connection: &Connection, namespace: Option<&str>, name: &str) -> Result<K, RequestError>
where
    K: Resource<DynamicType = ()> + DeserializeOwned,
{
    let path = K::url_path(&(), namespace);
    let request: Request<Vec<u8>> =
        Requests::new(path).get(name, &GetParams::default()).map_err(RequestError::unreadable)?;
    connection.json(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_that_are_service_accounts() {
        assert_eq!(
            service_account("system:serviceaccount:flux-system:flux-operator"),
            Some(("flux-system", "flux-operator"))
        );
        for other in ["admin", "system:node:a", "system:serviceaccount:flux-system", ""] {
            assert_eq!(service_account(other), None, "{other}");
        }
    }
}
