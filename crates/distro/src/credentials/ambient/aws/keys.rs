//! Keys of AWS, from the places where its own tools look, in their order.

use std::time::Duration;

use reqwest::Url;
use serde::Deserialize;

use super::super::exchange::{self, Answer, Http};
use super::super::{AmbientError, Endpoints, Variables, is_label};
use super::domain;
use crate::credentials::Secret;

const STS: &str = "AWS STS";
const CONTAINERS: &str = "the credential service of AWS containers";
const METADATA: &str = "the metadata service of AWS";
const EXPECTED: &str = "`AccessKeyId`, `SecretAccessKey` and `Token`";
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
/// Pods behind a hop limit get a connection and never an answer.
const METADATA_TIMEOUT: Duration = Duration::from_secs(1);
/// Seconds for which we talk to the metadata service.
const METADATA_TTL: &str = "60";
/// Hosts that may be asked without TLS: those of ECS and of EKS Pod Identity.
const LINK_LOCAL: [&str; 3] = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];

/// Keys that sign a request.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Keys {
    #[serde(rename = "AccessKeyId")]
    pub(super) id: String,
    #[serde(rename = "SecretAccessKey")]
    pub(super) secret: Secret,
    /// Beside keys that end.
    #[serde(rename = "Token")]
    pub(super) session: Option<Secret>,
}

/// Variables, a role for a service account (IRSA), the container's role (ECS, EKS Pod Identity), the
/// machine's role. The first place that is set up counts, even if it then fails: another identity
/// than the intended one would be a riddle.
pub(super) async fn find(
    http: &Http,
    variables: &Variables,
    endpoints: &Endpoints,
    region: &str,
) -> Result<Option<Keys>, AmbientError> {
    if let Some(keys) = from_variables(variables) {
        return Ok(Some(keys));
    }
    if let Some(token) = variables.token("AWS_WEB_IDENTITY_TOKEN_FILE")? {
        return assume_role(http, variables, endpoints, region, &token).await.map(Some);
    }
    if let Some(url) = container(variables, endpoints)? {
        return container_role(http, variables, url).await.map(Some);
    }
    if variables.get("AWS_EC2_METADATA_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Ok(None);
    }
    machine_role(http, endpoints).await
}

fn from_variables(variables: &Variables) -> Option<Keys> {
    Some(Keys {
        id: variables.get("AWS_ACCESS_KEY_ID")?.to_owned(),
        secret: Secret::new(variables.get("AWS_SECRET_ACCESS_KEY")?),
        session: variables.get("AWS_SESSION_TOKEN").map(Secret::new),
    })
}

async fn assume_role(
    http: &Http,
    variables: &Variables,
    endpoints: &Endpoints,
    region: &str,
    token: &Secret,
) -> Result<Keys, AmbientError> {
    let role = variables.get("AWS_ROLE_ARN").ok_or(AmbientError::Variable {
        variable: "AWS_ROLE_ARN",
        expected: "set beside `AWS_WEB_IDENTITY_TOKEN_FILE`: annotate the service account with the role",
    })?;
    // The region that we run in is nearer, and one that the account has for certain.
    let region = variables.get("AWS_REGION").or_else(|| variables.get("AWS_DEFAULT_REGION")).unwrap_or(region);
    if !is_label(region) {
        return Err(AmbientError::Variable { variable: "AWS_REGION", expected: "a region such as `eu-west-1`" });
    }
    let address = endpoints.aws_sts.clone().unwrap_or_else(|| format!("https://sts.{region}.{}/", domain(region)));
    let form = [
        ("Action", "AssumeRoleWithWebIdentity"),
        ("Version", "2011-06-15"),
        ("RoleArn", role),
        ("RoleSessionName", variables.get("AWS_ROLE_SESSION_NAME").unwrap_or("flux-operator")),
        ("WebIdentityToken", token.expose()),
    ];
    let answer = exchange::send(STS, http.internet.post(address).form(&form)).await?;
    keys_from_xml(&answer).ok_or_else(|| answer.without("`AccessKeyId`, `SecretAccessKey` and `SessionToken`"))
}

fn keys_from_xml(answer: &Answer) -> Option<Keys> {
    let document = roxmltree::Document::parse(answer.body().expose()).ok()?;
    // By local names: the namespace has a date in it.
    let named = |name: &'static str| move |node: &roxmltree::Node<'_, '_>| node.tag_name().name() == name;
    let keys = document.descendants().find(named("Credentials"))?;
    let text = |name| keys.children().find(named(name))?.text().map(str::trim).map(str::to_owned);
    Some(Keys {
        id: text("AccessKeyId")?,
        secret: Secret::new(text("SecretAccessKey")?),
        session: Some(Secret::new(text("SessionToken")?)),
    })
}

/// Where the keys of a container are.
fn container(variables: &Variables, endpoints: &Endpoints) -> Result<Option<Url>, AmbientError> {
    let (variable, address) = if let Some(path) = variables.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
        // A path that does not start like one would become a part of the host.
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", format!("{}{path}", endpoints.aws_containers))
    } else if let Some(address) = variables.get("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", address.to_owned())
    } else {
        return Ok(None);
    };
    let expected = "`https`, or `http` on this machine, `169.254.170.2`, `169.254.170.23` or `[fd00:ec2::23]`";
    let url = Url::parse(&address).ok().filter(|url| url.scheme() == "https" || is_near(url));
    url.ok_or(AmbientError::Variable { variable, expected }).map(Some)
}

fn is_near(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    url.scheme() == "http"
        && (host == "localhost" || LINK_LOCAL.contains(&host) || address.is_ok_and(|address| address.is_loopback()))
}

async fn container_role(http: &Http, variables: &Variables, url: Url) -> Result<Keys, AmbientError> {
    let token = match variables.token("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")? {
        Some(token) => Some(token),
        None => variables.get("AWS_CONTAINER_AUTHORIZATION_TOKEN").map(Secret::new),
    };
    let client = if url.scheme() == "http" { &http.machine } else { &http.internet };
    let mut request = client.get(url);
    if let Some(token) = token {
        request = request.header("Authorization", exchange::sensitive(token.expose()));
    }
    exchange::send(CONTAINERS, request).await?.json(EXPECTED)
}

/// Version 2 of the metadata service: a token first, which a forged request cannot get.
async fn machine_role(http: &Http, endpoints: &Endpoints) -> Result<Option<Keys>, AmbientError> {
    let address = &endpoints.aws_metadata;
    let token = http
        .machine
        .put(format!("{address}/latest/api/token"))
        .header("X-aws-ec2-metadata-token-ttl-seconds", METADATA_TTL)
        .timeout(METADATA_TIMEOUT);
    let Some(token) = exchange::ask(METADATA, token).await? else { return Ok(None) };
    let get = |path: &str| {
        let request = http.machine.get(format!("{address}{ROLES}{path}"));
        request.header("X-aws-ec2-metadata-token", exchange::sensitive(token.body().expose().trim()))
    };
    let Some(roles) = exchange::ask(METADATA, get("")).await? else { return Ok(None) };
    // A machine has one role. Its name has no character that would change the path.
    let role = roles.body().expose().lines().next().unwrap_or_default().trim();
    let allowed = |character: char| character.is_ascii_alphanumeric() || "+=,.@_-".contains(character);
    if role.is_empty() || !role.chars().all(allowed) {
        return Err(roles.without("name of a role"));
    }
    exchange::send(METADATA, get(role)).await?.json(EXPECTED).map(Some)
}
