//! Logins at Git servers.

use std::path::PathBuf;

use clap::Args;

use super::Kind;
use super::material::{Material, Password, file, required, required_file};
use super::metadata::Common;
use crate::error::{Complaint, Failure};
use crate::usage::UsageError;

pub(super) const BASIC_AUTH_EXAMPLES: &str = "\
Examples:
  # For `spec.sync.pullSecret`, with the token out of sight
  flux-operator create secret basic-auth flux-system -n flux-system --username git --password-stdin < token

  # As a manifest, to be encrypted
  flux-operator create secret basic-auth web -n apps --username git --password-from-env TOKEN --export";

pub(super) const GITHUB_APP_EXAMPLES: &str = "\
Examples:
  # An app that is installed for an organization
  flux-operator create secret githubapp flux-system -n flux-system --app-id 1 \\
    --app-installation-owner example --app-private-key-file app.pem";

/// A user and a password.
#[derive(Debug, Args)]
pub struct BasicAuth {
    #[command(flatten)]
    common: Common,

    /// The user.
    #[arg(long)]
    username: Option<String>,

    #[command(flatten)]
    password: Password,
}

impl Kind for BasicAuth {
    fn common(&self) -> &Common {
        &self.common
    }

    fn material(&self) -> Result<Material, Failure> {
        let username = required(self.username.as_deref(), "username", "`--username`")?;
        let password = self.password.read()?;
        let password = password.as_ref().map(super::material::Hidden::reveal);
        let password =
            required(password, "password", "`--password-stdin`, `--password-file` or `--password-from-env`")?;
        Ok(Material::of("kubernetes.io/basic-auth").with("username", username).with("password", password))
    }
}

/// A GitHub App.
#[derive(Debug, Args)]
pub struct GitHubApp {
    #[command(flatten)]
    common: Common,

    /// The id of the app.
    #[arg(long, value_name = "ID")]
    app_id: Option<String>,

    /// The private key of the app.
    #[arg(long, value_name = "FILE")]
    app_private_key_file: Option<PathBuf>,

    /// The id of the installation.
    #[arg(long, value_name = "ID")]
    app_installation_id: Option<String>,

    /// The organization or user that the app is installed for.
    #[arg(long, value_name = "NAME")]
    app_installation_owner: Option<String>,

    /// The address of the API, of GitHub Enterprise Server.
    #[arg(long, value_name = "URL")]
    app_base_url: Option<String>,
}

impl Kind for GitHubApp {
    fn common(&self) -> &Common {
        &self.common
    }

    fn material(&self) -> Result<Material, Failure> {
        let id = required(self.app_id.as_deref(), "githubAppID", "`--app-id`")?;
        let (installation, owner) = (self.app_installation_id.as_deref(), self.app_installation_owner.as_deref());
        github_app(id, self.app_private_key_file.as_ref(), installation, owner, self.app_base_url.as_deref())
    }
}

/// What a GitHub App logs in with.
///
/// # Errors
/// There is no key, or not one installation.
pub(crate) fn github_app(
    id: &str,
    key: Option<&PathBuf>,
    installation: Option<&str>,
    owner: Option<&str>,
    base_url: Option<&str>,
) -> Result<Material, Failure> {
    let key = required_file(key, "githubAppPrivateKey", "--app-private-key-file")?;
    let (field, value) = match (installation, owner) {
        (Some(id), None) => ("githubAppInstallationID", id),
        (None, Some(owner)) => ("githubAppInstallationOwner", owner),
        _ => {
            let text = "githubAppInstallationID or githubAppInstallationOwner is required, and not both";
            let hint = "give the id of the installation, or the organization or user it is for";
            return Err(Complaint::new(UsageError::found(text, hint)).into());
        }
    };
    Ok(Material::opaque()
        .with("githubAppID", id)
        .with("githubAppPrivateKey", file(key, "private key")?)
        .with(field, value)
        .with_some("githubAppBaseURL", base_url))
}

/// What a user logs in with at a repository: at a registry for `oci://`, else at a Git server.
pub(crate) fn login(url: &str, user: &str, token: &str) -> Material {
    match url.strip_prefix("oci://") {
        Some(rest) => super::registry::login(rest.split('/').next().unwrap_or_default(), user, token),
        None => Material::of("kubernetes.io/basic-auth").with("username", user).with("password", token),
    }
}
