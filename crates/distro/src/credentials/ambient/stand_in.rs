//! All services of all clouds, on loopback.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use reqwest::redirect;
use tokio::net::TcpListener;

use super::{AmbientError, Clouds, Endpoints, Variables};

/// A part of every secret.
pub(super) const CANARY: &str = "canary7f3a";
/// When passwords of ECR end here, in seconds since 1970.
pub(super) const ENDS: i64 = 1_900_000_000;

pub(super) const ECR: &str = "POST /";
pub(super) const STS: &str = "POST /sts";
pub(super) const CONTAINERS: &str = "GET /v1/credentials";
pub(super) const MACHINE_TOKEN: &str = "PUT /latest/api/token";
pub(super) const MACHINE_ROLES: &str = "GET /latest/meta-data/iam/security-credentials/";
pub(super) const MACHINE_KEYS: &str = "GET /latest/meta-data/iam/security-credentials/node.role";
pub(super) const ENTRA: &str = "POST /tenant/oauth2/v2.0/token";
pub(super) const MANAGED: &str = "GET /metadata/identity/oauth2/token";
pub(super) const EXCHANGE: &str = "POST /oauth2/exchange";
pub(super) const GOOGLE: &str = "GET /computeMetadata/v1/instance/service-accounts/default/token";

const PRIVATE: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

/// A way from an identity to credentials: what the process has, and whom it asks.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) name: &'static str,
    pub(super) host: &'static str,
    /// `FILE` stands for the file with a token, `ADDRESS` for the services.
    pub(super) variables: &'static [(&'static str, &'static str)],
    pub(super) steps: &'static [&'static str],
}

pub(super) const FLOWS: [Flow; 8] = [
    Flow {
        name: "keys in variables",
        host: PRIVATE,
        variables: &[("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", CANARY), ("AWS_SESSION_TOKEN", CANARY)],
        steps: &[ECR],
    },
    Flow {
        name: "IRSA",
        host: PRIVATE,
        variables: &[("AWS_WEB_IDENTITY_TOKEN_FILE", "FILE"), ("AWS_ROLE_ARN", "arn:aws:iam::1:role/a")],
        steps: &[STS, ECR],
    },
    Flow {
        name: "EKS Pod Identity",
        host: PRIVATE,
        variables: &[
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "ADDRESS/v1/credentials"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "FILE"),
        ],
        steps: &[CONTAINERS, ECR],
    },
    Flow {
        name: "ECS",
        host: PRIVATE,
        variables: &[
            ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v1/credentials"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", CANARY),
        ],
        steps: &[CONTAINERS, ECR],
    },
    Flow { name: "EC2", host: PRIVATE, variables: &[], steps: &[MACHINE_TOKEN, MACHINE_ROLES, MACHINE_KEYS, ECR] },
    Flow {
        name: "Azure workload identity",
        host: "example.azurecr.io",
        variables: &[
            ("AZURE_FEDERATED_TOKEN_FILE", "FILE"),
            ("AZURE_CLIENT_ID", "client"),
            ("AZURE_TENANT_ID", "tenant"),
        ],
        steps: &[ENTRA, EXCHANGE],
    },
    Flow {
        name: "Azure managed identity",
        host: "example.azurecr.io",
        variables: &[("AZURE_CLIENT_ID", "client")],
        steps: &[MANAGED, EXCHANGE],
    },
    Flow { name: "Google Cloud", host: "europe-docker.pkg.dev", variables: &[], steps: &[GOOGLE] },
];

/// A request as it came in.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Method and path.
    pub(super) step: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

/// An answer.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    Body(u16, String),
    Redirect,
    /// As `Body`, from somebody who is not Google.
    Stranger(String),
    Never,
}

#[derive(Debug, Default)]
struct Script {
    replies: BTreeMap<&'static str, Reply>,
    seen: Mutex<Vec<Seen>>,
}

/// The services, until it is dropped with the runtime of the test.
pub(super) struct StandIn {
    pub(super) address: String,
    script: Arc<Script>,
    token: tempfile::NamedTempFile,
}

impl StandIn {
    /// Starts services that answer as they should, but for some steps.
    pub(super) async fn start(replies: impl IntoIterator<Item = (&'static str, Reply)>) -> Self {
        let script = Arc::new(Script { replies: replies.into_iter().collect(), seen: Mutex::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(script.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let token = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(token.path(), format!("token-{CANARY}\n")).unwrap();
        Self { address, script, token }
    }

    /// The clouds as a process of this flow sees them.
    pub(super) fn clouds(&self, flow: &Flow) -> Clouds {
        let fill =
            |value: &str| value.replace("FILE", self.token.path().to_str().unwrap()).replace("ADDRESS", &self.address);
        clouds(&self.address, flow.variables.iter().map(|(name, value)| (*name, fill(value))).collect()).unwrap()
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.script.seen.lock().unwrap().clone()
    }

    pub(super) fn steps(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.step).collect()
    }
}

/// Clouds whose services are all at one address.
pub(super) fn clouds(address: &str, variables: Variables) -> Result<Clouds, AmbientError> {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
    let endpoints = Endpoints {
        aws_metadata: address.to_owned(),
        aws_containers: address.to_owned(),
        aws_sts: Some(format!("{address}/sts")),
        aws_ecr: Some(address.to_owned()),
        azure_metadata: address.to_owned(),
        azure_authority: address.to_owned(),
        azure_registry: Some(address.to_owned()),
        google_metadata: address.to_owned(),
    };
    // Without the roots of the system, which take long to load.
    let client = reqwest::Client::builder().no_proxy().redirect(redirect::Policy::none()).tls_certs_only([]);
    let client = client.build().unwrap();
    let clouds = Clouds::new(&client, variables, endpoints)?;
    // Tests run beside others: only the test of the deadline may meet it.
    Ok(Clouds { deadline: Duration::from_secs(60), ..clouds })
}

async fn answer(State(script): State<Arc<Script>>, request: Request) -> axum::response::Response {
    let (parts, body) = request.into_parts();
    let body = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
    let step = format!("{} {}", parts.method, parts.uri.path());
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let usual = usual(&step, &parts.headers);
    let reply = script.replies.get(step.as_str()).cloned().unwrap_or(usual);
    script.seen.lock().unwrap().push(Seen { step, query, headers: parts.headers, body });
    let google = ("Metadata-Flavor", "Google");
    match reply {
        Reply::Body(status, body) => (StatusCode::from_u16(status).unwrap(), [google], body).into_response(),
        Reply::Redirect => (StatusCode::FOUND, [("Location", "/elsewhere")]).into_response(),
        Reply::Stranger(body) => body.into_response(),
        Reply::Never => std::future::pending().await,
    }
}

/// What a service says when all is well.
fn usual(step: &str, headers: &HeaderMap) -> Reply {
    let keys = format!(
        r#"{{"Code": "Success", "AccessKeyId": "AKID", "SecretAccessKey": "{CANARY}", "Token": "{CANARY}",
            "Expiration": "2030-01-01T00:00:00Z"}}"#
    );
    let access = format!(r#"{{"access_token": "access-{CANARY}", "expires_in": "3600", "token_type": "Bearer"}}"#);
    let body = match step {
        STS => format!(
            r#"<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
                 <AssumeRoleWithWebIdentityResult><Credentials>
                   <AccessKeyId>AKID</AccessKeyId><SecretAccessKey>{CANARY}</SecretAccessKey>
                   <SessionToken>{CANARY}</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration>
                 </Credentials></AssumeRoleWithWebIdentityResult>
               </AssumeRoleWithWebIdentityResponse>"#
        ),
        // `AWS:canary7f3a`
        ECR => {
            let data = format!(r#"{{"authorizationToken": "QVdTOmNhbmFyeTdmM2E=", "expiresAt": {ENDS}.25}}"#);
            let public = headers.get("x-amz-target").is_some_and(|target| target.as_bytes().starts_with(b"Spencer"));
            let data = if public { data } else { format!("[{data}]") };
            format!(r#"{{"authorizationData": {data}}}"#)
        }
        MACHINE_TOKEN => format!("machine-{CANARY}"),
        MACHINE_ROLES => "node.role".to_owned(),
        CONTAINERS | MACHINE_KEYS => keys,
        ENTRA | MANAGED => access,
        EXCHANGE => format!(r#"{{"refresh_token": "refresh-{CANARY}"}}"#),
        GOOGLE => access.replace("\"3600\"", "3600"),
        _ => return Reply::Body(404, String::new()),
    };
    Reply::Body(200, body)
}
