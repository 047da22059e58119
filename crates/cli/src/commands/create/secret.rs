//! `flux-operator create secret`: credentials in the shape that their readers expect.

mod apply;
mod git;
mod keys;
mod material;
mod metadata;
mod registry;
mod ssh_key;
mod tls;
mod web;

use std::io::Write;

use clap::Subcommand;

use crate::cluster::{Cluster, Span, on_cluster};
use crate::error::Failure;
use crate::globals::Globals;
use crate::output::{self, DocumentFormat};
use metadata::Common;

pub(crate) use apply::apply_named;
pub(crate) use git::{github_app, login};
pub(crate) use material::{Hidden, Material, first_line};

/// What a Secret is for.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// A user and a password: Git over HTTPS, buckets, Helm repositories.
    #[command(after_help = git::BASIC_AUTH_EXAMPLES)]
    BasicAuth(git::BasicAuth),
    /// A GitHub App that may read repositories.
    #[command(name = "githubapp", after_help = git::GITHUB_APP_EXAMPLES)]
    GitHubApp(git::GitHubApp),
    /// A proxy between Flux and its sources.
    #[command(after_help = registry::PROXY_EXAMPLES)]
    Proxy(registry::Proxy),
    /// A login at a container registry.
    #[command(after_help = registry::REGISTRY_EXAMPLES)]
    Registry(registry::Registry),
    /// Keys that decrypt what is in Git.
    #[command(after_help = keys::SOPS_EXAMPLES)]
    Sops(keys::Sops),
    /// A key for Git over SSH.
    #[command(after_help = keys::SSH_EXAMPLES)]
    Ssh(keys::Ssh),
    /// A client certificate, an authority to trust, or both.
    #[command(after_help = tls::EXAMPLES)]
    Tls(tls::Tls),
    /// A client of an identity provider.
    #[command(after_help = web::AUTH_EXAMPLES)]
    WebAuth(web::Auth),
    /// The configuration of the operator's web interface.
    #[command(after_help = web::CONFIG_EXAMPLES)]
    WebConfig(web::Config),
}

/// Flags that become a Secret.
trait Kind {
    /// What all kinds have.
    fn common(&self) -> &Common;

    /// What is in the Secret.
    ///
    /// # Errors
    /// Something is missing, unreadable or does not fit together.
    fn material(&self) -> Result<Material, Failure>;
}

impl Command {
    /// Prints the Secret, or applies it.
    ///
    /// # Errors
    /// Something is missing or wrong; the cluster cannot be asked.
    pub(crate) fn run(self, globals: &Globals, stdout: &mut dyn Write) -> Result<(), Failure> {
        let kind: &dyn Kind = match &self {
            Self::BasicAuth(arguments) => arguments,
            Self::GitHubApp(arguments) => arguments,
            Self::Proxy(arguments) => arguments,
            Self::Registry(arguments) => arguments,
            Self::Sops(arguments) => arguments,
            Self::Ssh(arguments) => arguments,
            Self::Tls(arguments) => arguments,
            Self::WebAuth(arguments) => arguments,
            Self::WebConfig(arguments) => arguments,
        };
        let common = kind.common();
        let metadata = common.metadata()?;
        let material = kind.material()?;
        if common.export {
            let namespace = globals.namespace.clone().or_else(|| crate::cluster::namespace_of(globals));
            let secret = apply::exported(common, metadata, &material, namespace.as_deref().unwrap_or("default"));
            return output::write(stdout, &format!("---\n{}", output::document(&secret, DocumentFormat::Yaml)))
                .map(drop);
        }
        on_cluster(globals, Span::Limited, async |cluster: Cluster| {
            apply::apply(&cluster, common, metadata, &material).await?;
            match &material.announced {
                Some(text) => output::write(stdout, text).map(drop),
                None => Ok(()),
            }
        })
    }
}
