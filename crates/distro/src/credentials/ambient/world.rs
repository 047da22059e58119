//! What the process was started with, and where services are.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};

use super::AmbientError;
use crate::credentials::Secret;

/// Bytes of a file with a token.
const MAX_TOKEN_BYTES: u64 = 64 << 10;

/// The variables by which clouds tell a process who it is. All others are ignored.
const KNOWN: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL_ECR",
    "AZURE_AUTHORITY_HOST",
    "AZURE_CLIENT_ID",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_TENANT_ID",
    "GCE_METADATA_HOST",
];

/// Variables of a process. Some are secrets, so that only their names are ever printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Variables(BTreeMap<String, Secret>);

/// Where the services of the clouds are. The default is where they are for everybody.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// The metadata service of EC2 instances. `AWS_EC2_METADATA_SERVICE_ENDPOINT`.
    pub aws_metadata: String,
    /// The credential service of ECS tasks.
    pub aws_containers: String,
    /// The security token service, instead of the one of the region. `AWS_ENDPOINT_URL_STS`.
    pub aws_sts: Option<String>,
    /// The API of the registry, instead of the one of the region. `AWS_ENDPOINT_URL_ECR`.
    pub aws_ecr: Option<String>,
    /// The metadata service of Azure's machines.
    pub azure_metadata: String,
    /// Where workloads of Azure prove who they are. `AZURE_AUTHORITY_HOST`.
    pub azure_authority: String,
    /// The registry that exchanges tokens, instead of the one that credentials are for.
    pub azure_registry: Option<String>,
    /// The metadata service of Google Cloud. `GCE_METADATA_HOST`.
    pub google_metadata: String,
}

impl Variables {
    /// The variables of this process.
    pub fn from_env() -> Self {
        KNOWN.iter().filter_map(|name| Some((*name, std::env::var(name).ok()?))).collect()
    }

    /// The value of a variable. An empty one is as good as none.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(Secret::expose).filter(|value| !value.is_empty())
    }

    /// Reads the token in the file that a variable names.
    ///
    /// These are small files in memory, which somebody replaces every hour: reading one takes less
    /// than handing it to a thread.
    pub(super) fn token(&self, variable: &'static str) -> Result<Option<Secret>, AmbientError> {
        let Some(path) = self.get(variable) else { return Ok(None) };
        let failed = |source| AmbientError::Token { variable, path: path.into(), source };
        let mut token = String::new();
        let file = File::open(path).map_err(failed)?;
        file.take(MAX_TOKEN_BYTES + 1).read_to_string(&mut token).map_err(failed)?;
        match token.trim() {
            "" => Err(failed(io::Error::other("the file is empty"))),
            _ if token.len() as u64 > MAX_TOKEN_BYTES => Err(failed(io::Error::other("the file is too large"))),
            token => Ok(Some(Secret::new(token))),
        }
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), Secret::new(value))).collect())
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

impl fmt::Debug for Endpoints {
    /// Without the addresses: they come from variables, and may have passwords.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Endpoints").finish_non_exhaustive()
    }
}

impl Default for Endpoints {
    fn default() -> Self {
        Self {
            aws_metadata: "http://169.254.169.254".to_owned(),
            aws_containers: "http://169.254.170.2".to_owned(),
            aws_sts: None,
            aws_ecr: None,
            azure_metadata: "http://169.254.169.254".to_owned(),
            azure_authority: "https://login.microsoftonline.com".to_owned(),
            azure_registry: None,
            google_metadata: "http://metadata.google.internal".to_owned(),
        }
    }
}

impl Endpoints {
    /// The default, or what the variables say instead.
    pub fn from_variables(variables: &Variables) -> Self {
        let default = Self::default();
        let address = |name| variables.get(name).map(|value| value.trim_end_matches('/').to_owned());
        Self {
            aws_metadata: address("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or(default.aws_metadata),
            aws_sts: address("AWS_ENDPOINT_URL_STS"),
            aws_ecr: address("AWS_ENDPOINT_URL_ECR"),
            azure_authority: address("AZURE_AUTHORITY_HOST").unwrap_or(default.azure_authority),
            // This one is a host, with a port at most.
            google_metadata: address("GCE_METADATA_HOST")
                .map_or(default.google_metadata, |host| format!("http://{host}")),
            ..default
        }
    }
}
