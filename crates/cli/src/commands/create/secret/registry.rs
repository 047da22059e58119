//! Logins at registries and proxies.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clap::Args;
use serde_json::json;

use super::Kind;
use super::material::{Hidden, Material, Password, required};
use super::metadata::Common;
use crate::error::Failure;
use crate::render;

pub(super) const REGISTRY_EXAMPLES: &str = "\
Examples:
  # For `spec.distribution.imagePullSecret` and OCIRepositories
  flux-operator create secret registry ghcr -n flux-system --server ghcr.io --username flux --password-stdin < token";

pub(super) const PROXY_EXAMPLES: &str = "\
Examples:
  # For `spec.proxySecretRef` of a source
  flux-operator create secret proxy proxy -n flux-system --address http://proxy.example.com:3128";

/// A login at a registry.
#[derive(Debug, Args)]
pub struct Registry {
    #[command(flatten)]
    common: Common,

    /// The registry, such as `ghcr.io`.
    #[arg(long, value_name = "HOST")]
    server: Option<String>,

    /// The user.
    #[arg(long)]
    username: Option<String>,

    #[command(flatten)]
    password: Password,
}

impl Kind for Registry {
    fn common(&self) -> &Common {
        &self.common
    }

    fn material(&self) -> Result<Material, Failure> {
        let server = required(self.server.as_deref(), "server", "`--server`")?;
        let username = required(self.username.as_deref(), "username", "`--username`")?;
        let password = self.password.read()?;
        let password = password.as_ref().map(Hidden::reveal);
        let password =
            required(password, "password", "`--password-stdin`, `--password-file` or `--password-from-env`")?;
        Ok(login(server, username, password))
    }
}

/// A login as registries and kubelets read it.
pub(super) fn login(server: &str, username: &str, password: &str) -> Material {
    let auth = BASE64_STANDARD.encode(format!("{username}:{password}"));
    let login = json!({"username": username, "password": password, "auth": auth});
    let config = render::json_text(&json!({"auths": {server: login}}));
    Material::of("kubernetes.io/dockerconfigjson").with(".dockerconfigjson", config)
}

/// A proxy.
#[derive(Debug, Args)]
pub struct Proxy {
    #[command(flatten)]
    common: Common,

    /// The address, such as `http://proxy.example.com:3128`.
    #[arg(long, value_name = "URL")]
    address: Option<String>,

    /// The user.
    #[arg(long)]
    username: Option<String>,

    #[command(flatten)]
    password: Password,
}

impl Kind for Proxy {
    fn common(&self) -> &Common {
        &self.common
    }

    fn material(&self) -> Result<Material, Failure> {
        let address = required(self.address.as_deref(), "address", "`--address`")?;
        let password = self.password.read()?;
        Ok(Material::opaque()
            .with("address", address)
            .with_some("username", self.username.as_deref())
            .with_some("password", password.as_ref().map(Hidden::reveal)))
    }
}
