//! Clouds, with stand-ins for their services.

use std::time::Instant;

use super::stand_in::{self, CANARY, ENDS, EXCHANGE, FLOWS, Flow, GOOGLE, MACHINE_TOKEN, MANAGED, Reply, StandIn};
use super::*;
use crate::credentials::Secret;

fn flow(name: &str) -> &'static Flow {
    FLOWS.iter().find(|flow| flow.name == name).unwrap()
}

fn basic(username: &str, password: &str) -> Credentials {
    Credentials::Basic { username: username.to_owned(), password: Secret::new(password) }
}

#[tokio::test]
async fn every_identity_becomes_credentials() {
    for flow in &FLOWS {
        let stand_in = StandIn::start([]).await;
        let now = Timestamp::now();
        let lease = stand_in.clouds(flow).lease(flow.host).await.unwrap().unwrap();
        let hour = now + SignedDuration::from_hours(1);
        let (credentials, ends) = match flow.host {
            "example.azurecr.io" => (Credentials::IdentityToken(Secret::new(format!("refresh-{CANARY}"))), hour),
            "europe-docker.pkg.dev" => (basic("oauth2accesstoken", &format!("access-{CANARY}")), hour),
            _ => (basic("AWS", CANARY), Timestamp::from_second(ENDS).unwrap()),
        };
        assert_eq!(lease.credentials, credentials, "{}", flow.name);
        assert!(lease.expires_at.duration_since(ends).as_secs().abs() < 60, "{}: {}", flow.name, lease.expires_at);
        assert_eq!(stand_in.steps(), flow.steps, "{}", flow.name);
    }
}

#[tokio::test]
async fn requests_say_what_the_services_ask_for() {
    let token = format!("token-{CANARY}");
    for (name, step, expected) in [
        (
            "IRSA",
            0,
            format!(
                "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa&RoleSessionName=flux-operator&WebIdentityToken={token}"
            ),
        ),
        ("EKS Pod Identity", 0, format!("authorization: {token}")),
        ("ECS", 0, format!("authorization: {CANARY}")),
        ("EC2", 0, "x-aws-ec2-metadata-token-ttl-seconds: 60".to_owned()),
        ("EC2", 1, format!("x-aws-ec2-metadata-token: machine-{CANARY}")),
        ("EC2", 2, format!("x-aws-ec2-metadata-token: machine-{CANARY}")),
        (
            "Azure workload identity",
            0,
            format!(
                "grant_type=client_credentials&client_id=client&scope=https%3A%2F%2Fcontainerregistry.azure.net%2F.default&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion={token}"
            ),
        ),
        (
            "Azure workload identity",
            1,
            format!("grant_type=access_token&service=example.azurecr.io&access_token=access-{CANARY}"),
        ),
        (
            "Azure managed identity",
            0,
            "api-version=2018-02-01&resource=https%3A%2F%2Fcontainerregistry.azure.net%2F&client_id=client".to_owned(),
        ),
        ("Azure managed identity", 0, "metadata: true".to_owned()),
        ("Google Cloud", 0, "metadata-flavor: Google".to_owned()),
    ] {
        let stand_in = StandIn::start([]).await;
        stand_in.clouds(flow(name)).lease(flow(name).host).await.unwrap().unwrap();
        let seen = stand_in.seen().swap_remove(step);
        let header = |(name, value)| expected == format!("{name}: {value}");
        let headers = seen.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
        let said = seen.body == expected || seen.query == expected || headers.into_iter().any(header);
        assert!(said, "{name}: expected `{expected}` in {seen:?}");
    }
}

#[tokio::test]
async fn requests_to_ecr_are_signed() {
    for (name, host, service, region) in [
        ("keys in variables", flow("EC2").host, "ecr", "eu-west-1"),
        ("EC2", "public.ecr.aws", "ecr-public", "us-east-1"),
    ] {
        let stand_in = StandIn::start([]).await;
        let lease = stand_in.clouds(flow(name)).lease(host).await.unwrap().unwrap();
        assert_eq!(lease.credentials, basic("AWS", CANARY));
        aws::assert_signed(&stand_in.seen().pop().unwrap(), region, service);
    }
}

#[tokio::test]
async fn nobody_is_asked_about_registries_that_are_of_no_cloud() {
    for host in [
        "ghcr.io",
        "docker.io",
        "registry-1.docker.io",
        "localhost:5000",
        "10.0.0.1",
        "example.azurecr.io:5000",
        "azurecr.io",
        "example.azurecr.io.example.com",
        "evil.com/.azurecr.io",
        "evil.com#.azurecr.io",
        "user@.azurecr.io",
        "gcr.io.example.com",
        "notgcr.io",
        "amazonaws.com",
        "",
    ] {
        let stand_in = StandIn::start([]).await;
        for flow in &FLOWS {
            assert_eq!(stand_in.clouds(flow).lease(host).await.unwrap(), None, "{host}");
        }
        assert!(stand_in.seen().is_empty(), "{host}");
    }
}

#[tokio::test]
async fn clouds_are_told_by_the_host() {
    for (host, expected) in [
        ("example.azurecr.io", Some("Azure")),
        ("example.azurecr.cn", Some("Azure")),
        ("example.azurecr.us", Some("Azure")),
        ("gcr.io", Some("Google Cloud")),
        ("eu.gcr.io", Some("Google Cloud")),
        ("europe-west1-docker.pkg.dev", Some("Google Cloud")),
        ("public.ecr.aws", Some("AWS")),
        ("1.dkr.ecr.eu-west-1.amazonaws.com", Some("AWS")),
        ("quay.io", None),
    ] {
        assert_eq!(Cloud::of(host).as_ref().map(Cloud::name), expected, "{host}");
    }
}

#[tokio::test]
async fn who_has_no_identity_is_anonymous() {
    let forbidden = || Reply::Body(403, CANARY.to_owned());
    let stranger = Reply::Stranger(format!(r#"{{"access_token": "{CANARY}", "expires_in": 1}}"#));
    for (name, step, reply) in [
        ("EC2", MACHINE_TOKEN, forbidden()),
        ("EC2", MACHINE_TOKEN, Reply::Redirect),
        ("EC2", MACHINE_TOKEN, Reply::Never),
        ("EC2", stand_in::MACHINE_ROLES, Reply::Body(404, String::new())),
        ("Azure managed identity", MANAGED, Reply::Body(400, r#"{"error": "invalid_request"}"#.to_owned())),
        ("Google Cloud", GOOGLE, Reply::Body(404, String::new())),
        ("Google Cloud", GOOGLE, Reply::Redirect),
        ("Google Cloud", GOOGLE, stranger),
    ] {
        let stand_in = StandIn::start([(step, reply)]).await;
        assert_eq!(stand_in.clouds(flow(name)).lease(flow(name).host).await.unwrap(), None, "{name}");
        assert_eq!(stand_in.steps().last().map(String::as_str), Some(step), "{name}");
    }
    // Nobody listens here.
    for name in ["EC2", "Azure managed identity", "Google Cloud"] {
        let clouds = stand_in::clouds("http://127.0.0.1:1", Variables::default()).unwrap();
        assert_eq!(clouds.lease(flow(name).host).await.unwrap(), None, "{name}");
    }
    let disabled = [("AWS_EC2_METADATA_DISABLED", "true")].into_iter().collect();
    let stand_in = StandIn::start([]).await;
    let clouds = stand_in::clouds(&stand_in.address, disabled).unwrap();
    assert_eq!(clouds.lease(flow("EC2").host).await.unwrap(), None);
    assert!(stand_in.seen().is_empty());
}

#[tokio::test]
async fn a_cloud_that_hangs_does_not_hold_us_up() {
    let flow = flow("Azure managed identity");
    let stand_in = StandIn::start([(EXCHANGE, Reply::Never)]).await;
    let clouds = Clouds { deadline: Duration::from_millis(300), ..stand_in.clouds(flow) };
    let started = Instant::now();
    let error = clouds.lease(flow.host).await.unwrap_err();
    assert!(matches!(error, AmbientError::Timeout { cloud: "Azure", .. }), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn variables_that_lead_astray_are_refused() {
    for (host, variables, variable) in [
        (0, vec![("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.com/a")], "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
        (0, vec![("AWS_CONTAINER_CREDENTIALS_FULL_URI", "file:///a")], "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
        (0, vec![("AWS_CONTAINER_CREDENTIALS_FULL_URI", "canary7f3a")], "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
        (0, vec![("AWS_WEB_IDENTITY_TOKEN_FILE", "Cargo.toml")], "AWS_ROLE_ARN"),
        (
            0,
            vec![("AWS_WEB_IDENTITY_TOKEN_FILE", "Cargo.toml"), ("AWS_ROLE_ARN", "a"), ("AWS_REGION", "example.com/")],
            "AWS_REGION",
        ),
        (5, vec![("AZURE_FEDERATED_TOKEN_FILE", "Cargo.toml")], "AZURE_CLIENT_ID"),
    ] {
        let clouds = stand_in::clouds("http://127.0.0.1:1", variables.into_iter().collect()).unwrap();
        let error = clouds.lease(FLOWS[host].host).await.unwrap_err();
        assert!(matches!(error, AmbientError::Variable { variable: named, .. } if named == variable), "{error:?}");
    }
    let missing = [("AWS_WEB_IDENTITY_TOKEN_FILE", "/no/such/file")].into_iter().collect();
    let clouds = stand_in::clouds("http://127.0.0.1:1", missing).unwrap();
    let error = clouds.lease(FLOWS[0].host).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read the token in `/no/such/file`, the file that the variable `AWS_WEB_IDENTITY_TOKEN_FILE` names"
    );
}

#[test]
fn endpoints_follow_the_variables_of_the_clouds() {
    let variables: Variables = [
        ("AWS_ENDPOINT_URL_STS", "http://sts.example/"),
        ("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us/"),
        ("GCE_METADATA_HOST", "127.0.0.1:80"),
        ("AWS_ENDPOINT_URL_ECR", ""),
    ]
    .into_iter()
    .collect();
    let expected = Endpoints {
        aws_sts: Some("http://sts.example".to_owned()),
        azure_authority: "https://login.microsoftonline.us".to_owned(),
        google_metadata: "http://127.0.0.1:80".to_owned(),
        ..Endpoints::default()
    };
    assert_eq!(Endpoints::from_variables(&variables), expected);
    assert_eq!(Endpoints::from_variables(&Variables::default()), Endpoints::default());
}

#[test]
fn a_lease_is_due_before_it_ends() {
    let now = Timestamp::now();
    let due = |seconds| {
        let expires_at = now + SignedDuration::from_secs(seconds);
        Lease { credentials: Credentials::Anonymous, expires_at }.is_due(now)
    };
    assert_eq!([-1, 0, 119, 120, 3600].map(due), [true, true, true, false, false]);
}
