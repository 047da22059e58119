//! Azure: a federated token or a managed identity, then a token of Entra, then one of the registry.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::exchange::{self, Http};
use super::{AmbientError, Endpoints, Lease, Variables};
use crate::credentials::{Credentials, Secret};

const METADATA: &str = "the metadata service of Azure";
const ENTRA: &str = "Microsoft Entra";
const REGISTRY: &str = "the registry's token exchange";
/// Whom tokens of Entra are for.
const AUDIENCE: &str = "https://containerregistry.azure.net/";
/// Registries do not say how long their tokens hold. It is three hours.
const LEASE: SignedDuration = SignedDuration::from_hours(1);

#[derive(Deserialize)]
struct Access {
    access_token: Secret,
}

#[derive(Deserialize)]
struct Refresh {
    refresh_token: Secret,
}

pub(super) async fn lease(
    http: &Http,
    variables: &Variables,
    endpoints: &Endpoints,
    host: &str,
    now: Timestamp,
) -> Result<Option<Lease>, AmbientError> {
    let access = match variables.token("AZURE_FEDERATED_TOKEN_FILE")? {
        Some(token) => workload_identity(http, variables, endpoints, &token).await?,
        None => match managed_identity(http, variables, endpoints).await? {
            Some(access) => access,
            None => return Ok(None),
        },
    };
    let registry = endpoints.azure_registry.clone().unwrap_or_else(|| format!("https://{host}"));
    let form = [("grant_type", "access_token"), ("service", host), ("access_token", access.access_token.expose())];
    let request = http.internet.post(format!("{registry}/oauth2/exchange")).form(&form);
    let token: Refresh = exchange::send(REGISTRY, request).await?.json("`refresh_token`")?;
    Ok(Some(Lease { credentials: Credentials::IdentityToken(token.refresh_token), expires_at: now + LEASE }))
}

async fn workload_identity(
    http: &Http,
    variables: &Variables,
    endpoints: &Endpoints,
    token: &Secret,
) -> Result<Access, AmbientError> {
    let needed = |variable| {
        let expected = "set beside `AZURE_FEDERATED_TOKEN_FILE`: annotate the service account with the client";
        variables.get(variable).ok_or(AmbientError::Variable { variable, expected })
    };
    let (client, tenant) = (needed("AZURE_CLIENT_ID")?, needed("AZURE_TENANT_ID")?);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", client),
        ("scope", &format!("{AUDIENCE}.default")),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", token.expose()),
    ];
    let address = format!("{}/{tenant}/oauth2/v2.0/token", endpoints.azure_authority);
    exchange::send(ENTRA, http.internet.post(address).form(&form)).await?.json("`access_token`")
}

async fn managed_identity(
    http: &Http,
    variables: &Variables,
    endpoints: &Endpoints,
) -> Result<Option<Access>, AmbientError> {
    let mut query = vec![("api-version", "2018-02-01"), ("resource", AUDIENCE)];
    query.extend(variables.get("AZURE_CLIENT_ID").map(|client| ("client_id", client)));
    let address = format!("{}/metadata/identity/oauth2/token", endpoints.azure_metadata);
    let request = http.machine.get(address).query(&query).header("Metadata", "true");
    exchange::ask(METADATA, request).await?.map(|answer| answer.json("`access_token`")).transpose()
}
