//! Clients of identity providers.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use clap::Args;
use flux_operator_builder::yaml;
use serde_json::json;

use super::Kind;
use super::material::{Hidden, Material, first_line, required, stdin};
use super::metadata::Common;
use crate::error::{Complaint, Failure};
use crate::usage::UsageError;

pub(super) const AUTH_EXAMPLES: &str = "\
Examples:
  # A client whose secret nobody needs to know
  flux-operator create secret web-auth dex -n flux-system --client-id flux --client-secret-rnd";

pub(super) const CONFIG_EXAMPLES: &str = "\
Examples:
  # Log in through an OpenID provider
  flux-operator create secret web-config flux-web -n flux-system --base-url https://flux.example.com \\
    --issuer-url https://dex.example.com --client-id flux --client-secret-stdin < secret";

/// The secret of a client.
#[derive(Debug, Args)]
struct ClientSecret {
    /// The secret. Others can see it among the processes of this machine.
    #[arg(long, value_name = "TEXT", group = "client secret source")]
    client_secret: Option<Hidden>,

    /// Read the secret from the first line of stdin.
    #[arg(long, group = "client secret source")]
    client_secret_stdin: bool,

    /// Make a secret of 32 random bytes, which is not shown.
    #[arg(long, group = "client secret source")]
    client_secret_rnd: bool,
}

impl ClientSecret {
    fn read(&self, key: &str) -> Result<String, Failure> {
        let secret = if self.client_secret_rnd {
            random()?
        } else if self.client_secret_stdin {
            first_line(&stdin("client secret")?)
        } else {
            self.client_secret.as_ref().map(|secret| secret.reveal().to_owned()).unwrap_or_default()
        };
        let flags = "one of `--client-secret-stdin`, `--client-secret-rnd` and `--client-secret`";
        required(Some(&secret), key, flags).map(str::to_owned)
    }
}

/// 32 random bytes, as 43 characters.
fn random() -> Result<String, Failure> {
    let mut bytes = [0_u8; 32];
    rustls::crypto::ring::default_provider().secure_random.fill(&mut bytes).map_err(|_| {
        Complaint::new(UsageError::found("this machine has no randomness", "give `--client-secret-stdin`"))
    })?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// A client.
#[derive(Debug, Args)]
pub struct Auth {
    #[command(flatten)]
    common: Common,

    /// The id of the client.
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,

    #[command(flatten)]
    secret: ClientSecret,
}

impl Kind for Auth {
    fn common(&self) -> &Common {
        &self.common
    }

    fn material(&self) -> Result<Material, Failure> {
        let id = required(self.client_id.as_deref(), "client-id", "`--client-id`")?;
        Ok(Material::opaque().with("client-id", id).with("client-secret", self.secret.read("client-secret")?))
    }
}

/// The configuration of the web interface.
#[derive(Debug, Args)]
pub struct Config {
    #[command(flatten)]
    common: Common,

    /// The address of the web interface.
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,

    /// The id of the client.
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,

    /// The protocol of the identity provider.
    #[arg(long, value_name = "NAME", default_value = "OIDC")]
    provider: String,

    /// The address of the identity provider; required for `OIDC`.
    #[arg(long, value_name = "URL")]
    issuer_url: Option<String>,

    #[command(flatten)]
    secret: ClientSecret,
}

impl Kind for Config {
    fn common(&self) -> &Common {
        &self.common
    }

    #[expect(clippy::indexing_slicing, reason = "fields of an object of our own")]
    fn material(&self) -> Result<Material, Failure> {
        let missing: Vec<_> = [("base-url", &self.base_url), ("client-id", &self.client_id)]
            .into_iter()
            .filter(|(_, value)| value.as_deref().is_none_or(str::is_empty))
            .map(|(flag, _)| format!("\"{flag}\""))
            .collect();
        if !missing.is_empty() {
            let text = format!("required flag(s) {} not set", missing.join(", "));
            let hint = "`flux-operator create secret web-config --help` has examples";
            return Err(Complaint::new(UsageError::found(text, hint)).into());
        }
        let mut oauth = json!({
            "provider": self.provider, "clientID": self.client_id, "clientSecret": self.secret.read("clientSecret")?,
        });
        if self.provider == "OIDC" {
            oauth["issuerURL"] = required(self.issuer_url.as_deref(), "issuerURL", "`--issuer-url`")?.into();
        } else if let Some(url) = &self.issuer_url {
            oauth["issuerURL"] = url.as_str().into();
        }
        let config = json!({
            "apiVersion": "web.fluxcd.controlplane.io/v1", "kind": "Config",
            "spec": {
                "baseURL": self.base_url, "insecure": false,
                "authentication": {"type": "OAuth2", "oauth2": oauth},
            },
        });
        let mut text = String::new();
        yaml::write(&config, &mut text);
        Ok(Material::opaque().with("config.yaml", text))
    }
}
