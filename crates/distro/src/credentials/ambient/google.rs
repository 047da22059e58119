//! Google Cloud: the token of the service account is the password.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::exchange::{self, Http};
use super::{AmbientError, Endpoints, Lease};
use crate::credentials::{Credentials, Secret};

const SERVICE: &str = "the metadata service of Google Cloud";
const TOKEN: &str = "/computeMetadata/v1/instance/service-accounts/default/token";
/// The user that says: the password is an access token.
const USER: &str = "oauth2accesstoken";
/// Has to be in every request, and is in every answer of the real one.
const FLAVOR: (&str, &str) = ("Metadata-Flavor", "Google");

#[derive(Deserialize)]
struct Token {
    access_token: Secret,
    #[serde(deserialize_with = "exchange::seconds")]
    expires_in: u32,
}

pub(super) async fn lease(http: &Http, endpoints: &Endpoints, now: Timestamp) -> Result<Option<Lease>, AmbientError> {
    let request = http.machine.get(format!("{}{TOKEN}", endpoints.google_metadata)).header(FLAVOR.0, FLAVOR.1);
    let Some(answer) = exchange::ask(SERVICE, request).await? else { return Ok(None) };
    // Somebody else may answer at this address, such as the login page of a network.
    if answer.header(FLAVOR.0).is_none_or(|flavor| flavor != FLAVOR.1) {
        return Ok(None);
    }
    let token: Token = answer.json("`access_token` and `expires_in`")?;
    let credentials = Credentials::Basic { username: USER.to_owned(), password: token.access_token };
    Ok(Some(Lease { credentials, expires_at: now + SignedDuration::from_secs(token.expires_in.into()) }))
}
