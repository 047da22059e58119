//! What a user has logged in to, for the command line.
//!
//! We read the files ourselves: crates that do so look into the environment of the process, give a
//! helper all the time and memory it likes, and know neither patterns nor paths of registries.

mod credential_helper;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::keychain::{self, Keychain, KeychainError};
use super::{Credentials, pattern};

pub use credential_helper::HelperError;

/// Bytes of one file. Those of people have some hundreds.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Where logins of a user are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DockerPaths {
    /// The folder of `config.json`, instead of `.docker` below the home. `DOCKER_CONFIG`.
    pub docker_config: Option<PathBuf>,
    /// The home of the user. `HOME`.
    pub home: Option<PathBuf>,
    /// A file of Podman and its relatives. `REGISTRY_AUTH_FILE`.
    pub registry_auth_file: Option<PathBuf>,
    /// The folder that has `containers/auth.json`. `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
    /// Where credential helpers are searched; without it, where every program is. `PATH`.
    pub helper_path: Option<OsString>,
}

/// The logins of a user: files, and the credential helpers that they name.
#[derive(Clone, Debug, Default)]
pub struct DockerConfig {
    files: Vec<ConfigFile>,
    helper_path: Option<OsString>,
}

/// One file.
#[derive(Clone, Debug)]
struct ConfigFile {
    path: PathBuf,
    keychain: Keychain,
    /// `credHelpers`: a helper by registry.
    helpers: Vec<(String, String)>,
    /// `credsStore`: the helper of all others.
    store: Option<String>,
}

/// Logins that cannot be read. It never holds a part of them.
#[derive(Debug, thiserror::Error)]
pub enum DockerConfigError {
    /// A file cannot be opened or read.
    #[error("cannot read `{}`", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is larger than any that people have.
    #[error("`{}` has more than {limit} bytes", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
    /// A file is not what Docker writes.
    #[error("`{}` is not a Docker configuration: repair it, or log in again with `docker login`", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: KeychainError,
    },
    /// A credential helper gives nothing.
    #[error("`{}` asks a credential helper for `{registry}`, which fails", .path.display())]
    Helper {
        /// The file that names the helper.
        path: PathBuf,
        /// The registry.
        registry: String,
        /// What is wrong.
        #[source]
        source: HelperError,
    },
}

impl DockerPaths {
    /// The paths of the user that runs this process.
    pub fn from_env() -> Self {
        let path = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self {
            docker_config: path("DOCKER_CONFIG"),
            home: path("HOME"),
            registry_auth_file: path("REGISTRY_AUTH_FILE"),
            runtime_dir: path("XDG_RUNTIME_DIR"),
            helper_path: None,
        }
    }

    /// The files, in the order in which they are asked. `DOCKER_CONFIG` replaces the home, as it does
    /// for Docker.
    fn files(&self) -> impl Iterator<Item = PathBuf> {
        let docker = self.docker_config.clone().or_else(|| self.home.as_ref().map(|home| home.join(".docker")));
        let docker = docker.map(|folder| folder.join("config.json"));
        let containers = self.runtime_dir.as_ref().map(|folder| folder.join("containers/auth.json"));
        [docker, self.registry_auth_file.clone(), containers].into_iter().flatten()
    }
}

impl DockerConfig {
    /// Reads the files that are there.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub fn read(paths: &DockerPaths) -> Result<Self, DockerConfigError> {
        let mut files = Vec::new();
        for path in paths.files() {
            if let Some(bytes) = bytes(&path)? {
                let file = ConfigFile::parse(path.clone(), &bytes);
                files.push(file.map_err(|source| DockerConfigError::Malformed { path, source })?);
            }
        }
        Ok(Self { files, helper_path: paths.helper_path.clone() })
    }

    /// The credentials for a repository, from the first file that has any.
    ///
    /// In a file, the helper of the registry is asked first, then the helper of all registries, then
    /// the entries of the file itself. A helper may ask the user for a key ring's password, and gets
    /// ten seconds. This call waits for it: in asynchronous code, make it where waiting is allowed.
    ///
    /// `host` has the port, if there is one; `repository` is the path without tag or digest.
    ///
    /// # Errors
    /// A helper is missing, fails, takes too long, or gives something else than credentials.
    pub fn credentials(&self, host: &str, repository: &str) -> Result<Option<Credentials>, DockerConfigError> {
        for file in &self.files {
            if let Some(name) = file.helper(host) {
                let found = credential_helper::get(name, pattern::helper_key(host), self.helper_path.as_deref());
                let found = found.map_err(|source| DockerConfigError::Helper {
                    path: file.path.clone(),
                    registry: host.to_owned(),
                    source,
                })?;
                if found.is_some() {
                    return Ok(found);
                }
            }
            if let Some(credentials) = file.keychain.find(host, repository) {
                return Ok(Some(credentials.clone()));
            }
        }
        Ok(None)
    }
}

impl ConfigFile {
    fn parse(path: PathBuf, bytes: &[u8]) -> Result<Self, KeychainError> {
        let config = keychain::json(bytes)?;
        let keychain = Keychain::from_config(&config)?;
        let text = |value: &Value, place: &str| match value {
            Value::String(text) => Ok(text.clone()),
            _ => Err(KeychainError::Shape { place: place.to_owned(), expected: "a text" }),
        };
        let store = config.get("credsStore").map(|value| text(value, "credsStore")).transpose()?;
        let mut helpers = Vec::new();
        match config.get("credHelpers") {
            None | Some(Value::Null) => {}
            Some(Value::Object(names)) => {
                for (registry, name) in names {
                    helpers.push((pattern::registry(registry), text(name, "credHelpers")?));
                }
            }
            Some(_) => return Err(KeychainError::Shape { place: "credHelpers".to_owned(), expected: "an object" }),
        }
        Ok(Self { path, keychain, helpers, store: store.filter(|name| !name.is_empty()) })
    }

    fn helper(&self, host: &str) -> Option<&str> {
        let registry = pattern::registry(host);
        let own = self.helpers.iter().find(|(key, _)| *key == registry).map(|(_, name)| name.as_str());
        own.or(self.store.as_deref())
    }
}

/// The content of a file, or nothing where there is none.
fn bytes(path: &Path) -> Result<Option<Vec<u8>>, DockerConfigError> {
    let unreadable = |source| DockerConfigError::Unreadable { path: path.to_owned(), source };
    let file = match fs::File::open(path) {
        Ok(file) => file,
        // A home may also be a file, such as `/dev/null`.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(unreadable(error)),
    };
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(DockerConfigError::TooLarge { path: path.to_owned(), limit: MAX_FILE_BYTES });
    }
    // Podman makes an empty file where somebody logs out before ever logging in.
    Ok(Some(if bytes.trim_ascii().is_empty() { b"{}".to_vec() } else { bytes }))
}

#[cfg(test)]
mod tests;
