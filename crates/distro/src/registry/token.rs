//! Tokens: what an endpoint named by a registry hands out to those it knows.
//!
//! The protocol is that of the distribution specification's "Token Authentication" and, for refresh
//! tokens, its "OAuth2 Token Authentication".

use reqwest::{Method, Url};
use serde::Deserialize;

use super::session::{Attempt, Retry, Session};
use super::transport::{self, Limit, Outgoing};
use super::{Operation, RegistryError, retry, route};
use crate::credentials::{Credentials, Secret};

/// Bytes of an answer that is read.
const MAX_BYTES: u64 = 1 << 20;
/// The name of this client, which endpoints for refresh tokens ask for.
const CLIENT_ID: &str = "flux-operator";

#[derive(Deserialize)]
struct Answer {
    /// Old and new name of the same.
    token: Option<String>,
    access_token: Option<String>,
}

/// Gets a token for the repository.
///
/// Credentials are sent to endpoints that belong to the registry, and to nobody else; who has none
/// may ask any endpoint.
pub(super) async fn fetch(
    session: &Session,
    registry: &Url,
    operation: Operation,
    realm: &str,
    service: Option<&str>,
) -> Result<Secret, Attempt> {
    let challenge = || RegistryError::Challenge(session.host.clone());
    let mut url: Url = realm.parse().map_err(|_| challenge())?;
    let is_anonymous = session.credentials == Credentials::Anonymous;
    if !route::may_follow(registry, &url) {
        return Err(challenge().into());
    }
    if !is_anonymous && !route::may_know_credentials(registry, &url) {
        let realm = url.host_str().unwrap_or_default().to_owned();
        return Err(RegistryError::ForeignRealm { host: session.host.clone(), realm }.into());
    }
    let scope = format!("repository:{}:{}", session.repository, operation.actions());
    let mut outgoing = if let Credentials::IdentityToken(refresh_token) = &session.credentials {
        let mut outgoing = Outgoing::new(Method::POST, url.clone());
        let mut form = url.clone();
        form.query_pairs_mut()
            .clear()
            .append_pair("grant_type", "refresh_token")
            .append_pair("client_id", CLIENT_ID)
            .append_pair("service", service.unwrap_or_default())
            .append_pair("scope", &scope)
            .append_pair("refresh_token", refresh_token.expose());
        outgoing.content_type = Some("application/x-www-form-urlencoded".to_owned());
        outgoing.body = Some(form.query().unwrap_or_default().to_owned().into());
        outgoing
    } else {
        let mut query = url.query_pairs_mut();
        if let Some(service) = service {
            query.append_pair("service", service);
        }
        query.append_pair("scope", &scope);
        drop(query);
        Outgoing::new(Method::GET, url.clone())
    };
    if let Credentials::Basic { username, password } = &session.credentials {
        outgoing.authorization = Some(session.basic(username, password)?);
    }
    let host = url.host_str().unwrap_or_default();
    let response = session.transport.send(host, &outgoing).await.map_err(|error| session.send_error(error))?;
    let status = response.status().as_u16();
    match status {
        200 => {}
        400 | 401 | 403 => return Err(session.no_credentials().into()),
        _ if retry::is_transient(status) => {
            let error = RegistryError::Status { host: session.host.clone(), status, what: "token".to_owned() };
            return Err(Attempt { error, retry: Retry::of(&response) });
        }
        _ => return Err(challenge().into()),
    }
    let body = transport::read(response, Limit::AtMost(MAX_BYTES)).await;
    let body = body.map_err(|error| match error {
        transport::BodyError::Broken(source) => session.send_error(transport::SendError::Http(source)),
        _ => challenge().into(),
    })?;
    let answer: Answer = serde_json::from_slice(&body).map_err(|_| challenge())?;
    let token = answer.token.filter(|token| !token.is_empty()).or(answer.access_token);
    Ok(token.map(Secret::new).ok_or_else(challenge)?)
}
