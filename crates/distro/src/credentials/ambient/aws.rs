//! Amazon Web Services: keys from wherever they are, then a password from the registry's API.

mod keys;
mod signature;

use jiff::{SignedDuration, Timestamp};
use reqwest::Url;
use serde::Deserialize;

use super::exchange::{self, Http};
use super::{AmbientError, Endpoints, Lease, Variables};
use crate::credentials::{Secret, keychain};
use signature::{Post, Scope};

const ECR: &str = "the API of Amazon ECR";
const EXPECTED: &str = "`authorizationToken` and `expiresAt`";
const BODY: &str = "{}";
const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// A registry of AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Registry {
    /// `<account>.dkr.ecr.<region>.amazonaws.com`, and `ecr-fips` in its place.
    Private { region: String, fips: bool },
    /// `public.ecr.aws`.
    Public,
}

/// The answer of a private registry.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Private {
    authorization_data: [Authorization; 1],
}

/// The answer of the public registry.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Public {
    authorization_data: Authorization,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authorization {
    authorization_token: Secret,
    /// Seconds since 1970, with a fraction.
    expires_at: f64,
}

pub(super) async fn lease(
    http: &Http,
    variables: &Variables,
    endpoints: &Endpoints,
    registry: &Registry,
    now: Timestamp,
) -> Result<Option<Lease>, AmbientError> {
    let Some(keys) = keys::find(http, variables, endpoints, registry.region()).await? else { return Ok(None) };
    let address = endpoints.aws_ecr.clone().unwrap_or_else(|| registry.api());
    let url = Url::parse(&address).ok().filter(|url| url.path() == "/");
    let url =
        url.ok_or(AmbientError::Variable { variable: "AWS_ENDPOINT_URL_ECR", expected: "an URL without a path" })?;
    let host = authority(&url);
    let headers = [("content-type", CONTENT_TYPE), ("x-amz-target", registry.target())];
    let post = Post { host: &host, headers: &headers, body: BODY.as_bytes() };
    let scope = Scope { region: registry.region(), service: registry.service() };

    let mut request = http.internet.post(url).body(BODY);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    for (name, value) in signature::sign(&post, &keys, &scope, now) {
        request = request.header(name, exchange::sensitive(value.expose()));
    }
    let answer = exchange::send(ECR, request).await?;
    let authorization = match registry {
        Registry::Private { .. } => {
            let Private { authorization_data: [authorization] } = answer.json(EXPECTED)?;
            authorization
        }
        Registry::Public => answer.json::<Public>(EXPECTED)?.authorization_data,
    };
    authorization.lease().ok_or_else(|| answer.without(EXPECTED)).map(Some)
}

/// The `Host` header of a request.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Where a service of AWS is: China has a domain of its own.
fn domain(region: &str) -> &'static str {
    if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
}

impl Registry {
    /// Reads the host of a registry.
    pub(super) fn parse(host: &str) -> Option<Self> {
        if host == "public.ecr.aws" {
            return Some(Self::Public);
        }
        let (account, rest) = host.split_once(".dkr.")?;
        let (service, rest) = rest.split_once('.')?;
        let (region, end) = rest.split_once('.')?;
        let fips = match service {
            "ecr" => false,
            "ecr-fips" => true,
            _ => return None,
        };
        let numbers = !account.is_empty() && account.chars().all(|character| character.is_ascii_digit());
        let ours = numbers && super::is_label(region) && end == domain(region);
        ours.then(|| Self::Private { region: region.to_owned(), fips })
    }

    /// The region of the API. The public registry has it in one region only.
    fn region(&self) -> &str {
        match self {
            Self::Private { region, .. } => region,
            Self::Public => "us-east-1",
        }
    }

    fn api(&self) -> String {
        match self {
            Self::Private { region, fips: false } => format!("https://api.ecr.{region}.{}/", domain(region)),
            Self::Private { region, fips: true } => format!("https://ecr-fips.{region}.{}/", domain(region)),
            Self::Public => "https://api.ecr-public.us-east-1.amazonaws.com/".to_owned(),
        }
    }

    fn service(&self) -> &'static str {
        match self {
            Self::Private { .. } => "ecr",
            Self::Public => "ecr-public",
        }
    }

    fn target(&self) -> &'static str {
        match self {
            Self::Private { .. } => "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
            Self::Public => "SpencerFrontendService.GetAuthorizationToken",
        }
    }
}

impl Authorization {
    /// The token is what Docker calls `auth`.
    fn lease(&self) -> Option<Lease> {
        let credentials = keychain::basic(self.authorization_token.expose())?;
        let expires_at = Timestamp::from_duration(SignedDuration::try_from_secs_f64(self.expires_at).ok()?).ok()?;
        Some(Lease { credentials, expires_at })
    }
}

/// Signs what came in once more, as the service would. The signature itself is proven elsewhere.
#[cfg(test)]
pub(super) fn assert_signed(seen: &super::stand_in::Seen, region: &str, service: &str) {
    let header = |name: &str| seen.headers.get(name).unwrap().to_str().unwrap();
    let secret = || Secret::new(super::stand_in::CANARY);
    let keys = keys::Keys { id: "AKID".to_owned(), secret: secret(), session: Some(secret()) };
    let headers = ["content-type", "x-amz-target"].map(|name| (name, header(name)));
    let post = Post { host: header("host"), headers: &headers, body: seen.body.as_bytes() };
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", header("x-amz-date")).unwrap();
    let now = time.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
    for (name, value) in signature::sign(&post, &keys, &Scope { region, service }, now) {
        assert_eq!(header(name), value.expose());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_tells_the_region() {
        let private = |region: &str, fips| Some(Registry::Private { region: region.to_owned(), fips });
        for (host, expected, api) in [
            (
                "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
                private("eu-west-1", false),
                "https://api.ecr.eu-west-1.amazonaws.com/",
            ),
            (
                "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
                private("us-gov-west-1", true),
                "https://ecr-fips.us-gov-west-1.amazonaws.com/",
            ),
            (
                "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
                private("cn-north-1", false),
                "https://api.ecr.cn-north-1.amazonaws.com.cn/",
            ),
            ("public.ecr.aws", Some(Registry::Public), "https://api.ecr-public.us-east-1.amazonaws.com/"),
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com.example.com", None, ""),
            ("123456789012.dkr.ecr.cn-north-1.amazonaws.com", None, ""),
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com:443", None, ""),
            ("123456789012.dkr.ecr.a/b.amazonaws.com", None, ""),
            ("123456789012.dkr.ecr..amazonaws.com", None, ""),
            ("mine.dkr.ecr.eu-west-1.amazonaws.com", None, ""),
            (".dkr.ecr.eu-west-1.amazonaws.com", None, ""),
            ("s3.eu-west-1.amazonaws.com", None, ""),
        ] {
            let registry = Registry::parse(host);
            assert_eq!(registry, expected, "{host}");
            assert_eq!(registry.map(|registry| registry.api()).unwrap_or_default(), api, "{host}");
        }
    }
}
