//! Registries as the command line asks them: with the logins of the user.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{ArgAction, Args};
use flux_operator_distro::credentials::{Credentials, DockerConfig, DockerConfigError, DockerPaths};
use flux_operator_distro::{
    Artifacts, Cache, Client, ClientOptions, Distribution, DistributionError, FlagFileError, Location, Place, Policy,
    Reference, RegistryError, Text, Trust, TrustError,
};
use tokio::runtime::{Builder, Runtime};

use crate::error::{Advise, Complaint, Failure};

/// How registries are asked, and what is taken from them.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct RegistryArgs {
    #[command(flatten)]
    hosts: HostArgs,

    #[command(flatten)]
    trust: TrustArgs,
}

/// How registries are asked.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct HostArgs {
    /// Allow plain HTTP for this registry; repeat the flag for more. This machine is always allowed.
    #[arg(long = "insecure-registry", value_name = "HOST[:PORT]", action = ArgAction::Append, help_heading = "Registries")]
    insecure: Vec<String>,

    /// Trust the certificates in this file, besides those of the system.
    #[arg(long = "registry-ca-file", value_name = "FILE", help_heading = "Registries")]
    certificates: Option<PathBuf>,
}

/// Whose signature artifacts need.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Signatures")]
struct TrustArgs {
    /// Take only what is signed with the public key in this PEM file; repeat the flag for more.
    #[arg(long = "verify-key", value_name = "FILE", action = ArgAction::Append)]
    keys: Vec<PathBuf>,

    /// Take only what is signed by an identity that this Sigstore trust root vouches for.
    #[arg(long = "verify-trust-root", value_name = "FILE")]
    root: Option<PathBuf>,

    /// Expect this issuer to say who signed.
    #[arg(long = "verify-issuer", value_name = "URL")]
    issuer: Option<String>,

    /// The same as a regular expression for the whole of it.
    #[arg(long = "verify-issuer-regexp", value_name = "REGEXP")]
    issuer_regexp: Option<String>,

    /// Expect this identity to have signed.
    #[arg(long = "verify-subject", value_name = "SUBJECT")]
    subject: Option<String>,

    /// The same as a regular expression for the whole of it.
    #[arg(long = "verify-subject-regexp", value_name = "REGEXP")]
    subject_regexp: Option<String>,
}

impl TrustArgs {
    fn policy(&self) -> Result<Option<Policy>, Failure> {
        let text =
            |exact: &Option<String>, regexp: &Option<String>| Text { exact: exact.clone(), regexp: regexp.clone() };
        let trust = Trust {
            keys: self.keys.clone(),
            root: self.root.clone(),
            issuer: text(&self.issuer, &self.issuer_regexp),
            subject: text(&self.subject, &self.subject_regexp),
        };
        Ok(trust.policy().map_err(Complaint::new)?)
    }
}

/// Registries, once a command needs them.
pub(crate) struct Registries {
    runtime: Runtime,
    client: Arc<Client>,
    logins: DockerConfig,
    policy: Option<Policy>,
}

/// Why registries cannot be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetupError {
    #[error("cannot start")]
    Runtime(#[source] io::Error),
    #[error(transparent)]
    Certificates(FlagFileError),
    #[error("cannot use the certificates of `--registry-ca-file`")]
    Client(#[source] RegistryError),
}

impl RegistryArgs {
    /// Whether signatures are asked for.
    pub(crate) fn asks_for_signatures(&self) -> bool {
        let TrustArgs { keys, root, issuer, issuer_regexp, subject, subject_regexp } = &self.trust;
        let texts = [issuer, issuer_regexp, subject, subject_regexp];
        !keys.is_empty() || root.is_some() || texts.into_iter().any(Option::is_some)
    }

    /// Makes ready to ask, without asking anything.
    pub(crate) fn open(&self) -> Result<Registries, Failure> {
        let policy = self.trust.policy()?;
        let options =
            ClientOptions { insecure: self.hosts.insecure.iter().cloned().collect(), ..ClientOptions::default() };
        let options = options.with_ca_file(self.hosts.certificates.as_deref());
        let options = options.map_err(|error| Complaint::new(SetupError::Certificates(error)))?;
        let client = Client::new(options).map_err(|error| Complaint::new(SetupError::Client(error)))?;
        let runtime = Builder::new_current_thread().enable_all().build();
        Ok(Registries {
            runtime: runtime.map_err(|error| Complaint::new(SetupError::Runtime(error)))?,
            client: Arc::new(client),
            logins: DockerConfig::read(&DockerPaths::from_env()).map_err(Complaint::new)?,
            policy,
        })
    }
}

impl HostArgs {
    /// Makes ready to ask for what needs no signature, without asking anything.
    pub(crate) fn open(&self) -> Result<Registries, Failure> {
        RegistryArgs { hosts: self.clone(), trust: TrustArgs::default() }.open()
    }
}

impl Registries {
    /// Runs something that asks registries.
    pub(crate) fn wait<T>(&self, task: impl Future<Output = T>) -> T {
        self.runtime.block_on(task)
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Whether artifacts need a signature.
    pub(crate) fn asks_for_signatures(&self) -> bool {
        self.policy.is_some()
    }

    pub(crate) fn artifacts(&self) -> Artifacts {
        Artifacts::new(Arc::clone(&self.client), cache_folder().map(Cache::new)).with_policy(self.policy.clone())
    }

    /// A reference, with the login that the user has for it.
    pub(crate) fn place(&self, reference: &Reference) -> Result<Place, Failure> {
        let found = self.logins.credentials(reference.host(), reference.repository());
        let credentials = found.map_err(Complaint::new)?.unwrap_or_default();
        Ok(Place { reference: reference.clone(), credentials })
    }

    /// Opens a distribution wherever it is.
    pub(crate) fn distribution(&self, location: &Location) -> Result<Distribution, Failure> {
        let credentials = match location {
            Location::Registry(reference) => self.place(reference)?.credentials,
            Location::Path(_) => Credentials::Anonymous,
        };
        self.find(location, &self.artifacts(), &credentials)
    }

    /// The same as somebody, whoever signed it.
    pub(crate) fn unverified_distribution(
        &self,
        location: &Location,
        credentials: &Credentials,
    ) -> Result<Distribution, Failure> {
        self.find(location, &self.artifacts().with_policy(None), credentials)
    }

    fn find(
        &self,
        location: &Location,
        artifacts: &Artifacts,
        credentials: &Credentials,
    ) -> Result<Distribution, Failure> {
        Ok(self.wait(Distribution::find(location, artifacts, credentials)).map_err(Complaint::new)?)
    }
}

/// Where artifacts are kept, as the XDG base directory specification has it. None without a home.
fn cache_folder() -> Option<PathBuf> {
    let folder = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache")))?;
    Some(cache.join("flux-operator"))
}

impl Advise for SetupError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Runtime(_) => None,
            Self::Certificates(_) | Self::Client(_) => {
                Some("the file holds certificates as PEM: `-----BEGIN CERTIFICATE-----`".to_owned())
            }
        }
    }
}

impl Advise for DockerConfigError {}

impl Advise for flux_operator_distro::ReferenceError {}

impl Advise for TrustError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::File(_) | Self::Key { .. } | Self::Root { .. } => {
                Some("`cosign public-key` prints a key, `cosign trusted-root create` a trust root".to_owned())
            }
            Self::Match { .. } | Self::Flags(_) | Self::Policy(_) => None,
        }
    }
}

impl Advise for DistributionError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Directory(error) => error.hint(),
            Self::Pull(error) => hint(error),
            Self::Artifact(_) => Some("ask whoever published the artifact, or name another one".to_owned()),
        }
    }
}

/// What helps against a registry, whatever was asked of it.
pub(crate) fn hint(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<RegistryError>() {
            return registry_hint(error);
        }
        cause = error.source();
    }
    None
}

fn registry_hint(error: &RegistryError) -> Option<String> {
    Some(match error {
        RegistryError::NoCredentials { host, .. } => format!("log in first: `docker login {host}`"),
        RegistryError::BadCredentials { host, .. } => format!("log in again: `docker login {host}`"),
        RegistryError::Denied { .. } => "ask whoever runs the registry for that permission".to_owned(),
        RegistryError::NotFound { .. } => "check the spelling; a registry may hide what you may not see".to_owned(),
        RegistryError::Unreachable { .. } => {
            "check the name and the network; `--insecure-registry` allows plain HTTP, `--registry-ca-file` trusts \
             another authority"
                .to_owned()
        }
        RegistryError::ForeignRealm { .. } => "name the registry that the credentials are for".to_owned(),
        RegistryError::Timeout { .. } | RegistryError::Status { .. } => "try again later".to_owned(),
        _ => return None,
    })
}
