//! A client for OCI registries that believes nothing.
//!
//! The requests are those of the OCI distribution specification. Every answer has a limit, every
//! blob and manifest is compared with its digest before it is handed on, redirects lose credentials
//! at the first other host, and tokens are fetched with credentials only from endpoints that belong
//! to the registry. What a registry writes freely stands in no error.

mod challenge;
mod error;
mod pull;
mod push;
mod retry;
mod route;
mod session;
mod signatures;
mod token;
mod transport;
mod web;

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::credentials::Credentials;
use crate::flag_file::{self, FlagFileError};
use crate::reference::Reference;
pub use error::RegistryError;
pub(crate) use pull::RawManifest;
pub(crate) use session::Session;
use transport::Transport;
pub use web::{WebError, WebRequest};

/// Repositories whose connection and token are remembered.
const MAX_SESSIONS: usize = 16;

/// Connections to registries. Cheap until it is used; made once in a program, and shared.
///
/// Proxies are those of the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`), except for this
/// machine. Certificates are trusted if the system trusts them; `SSL_CERT_FILE` and `SSL_CERT_DIR`
/// name other roots.
#[derive(Debug)]
pub struct Client {
    transport: Arc<Transport>,
    insecure: BTreeSet<String>,
    sessions: Mutex<VecDeque<Arc<Session>>>,
}

/// How to connect to registries.
#[derive(Clone, Debug, Default)]
pub struct ClientOptions {
    /// What the client calls itself, such as `flux-operator/1.0`. Default: name and version of this
    /// crate.
    pub user_agent: Option<String>,
    /// Registries, as `host[:port]`, that may be asked over plain HTTP if they do not speak TLS. This
    /// machine always may.
    pub insecure: BTreeSet<String>,
    /// Certificates that are trusted besides those of the system, as PEM.
    pub certificates: Vec<u8>,
}

/// What is done with a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Reading.
    Pull,
    /// Reading and writing.
    Push,
}

impl ClientOptions {
    /// The same with the certificates of the file that `--registry-ca-file` names, if it names one.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn with_ca_file(self, path: Option<&Path>) -> Result<Self, FlagFileError> {
        let certificates = path.map(|path| flag_file::read("--registry-ca-file", path)).transpose()?;
        Ok(Self { certificates: certificates.unwrap_or_default(), ..self })
    }
}

impl Client {
    /// A client that has not connected to anything.
    ///
    /// # Errors
    /// The certificates are no PEM.
    pub fn new(options: ClientOptions) -> Result<Self, RegistryError> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&options.certificates).collect();
        let certificates = certificates.map_err(|error| RegistryError::Client(error.to_string().into()))?;
        let user_agent =
            options.user_agent.unwrap_or_else(|| concat!("flux-operator/", env!("CARGO_PKG_VERSION")).to_owned());
        Ok(Self {
            transport: Arc::new(Transport::new(user_agent, certificates)),
            insecure: options.insecure,
            sessions: Mutex::default(),
        })
    }

    /// The HTTP client for hosts outside of this machine.
    pub(crate) fn http(&self) -> Result<&reqwest::Client, RegistryError> {
        self.transport.http("")
    }

    /// The session for a repository; a known one if there is one for the same credentials.
    pub(crate) fn session(&self, reference: &Reference, credentials: &Credentials) -> Arc<Session> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = sessions.iter().find(|session| session.is_for(reference, credentials)) {
            return Arc::clone(known);
        }
        let allows_http = route::is_loopback(reference.host()) || self.insecure.contains(reference.host());
        let transport = Arc::clone(&self.transport);
        let session = Arc::new(Session::new(transport, reference, credentials.clone(), allows_http));
        if sessions.len() == MAX_SESSIONS {
            sessions.pop_front();
        }
        sessions.push_back(Arc::clone(&session));
        session
    }
}

impl Operation {
    /// As scopes of tokens call it.
    fn actions(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "pull,push",
        }
    }

    /// Whether an authorization for this is one for the other.
    fn covers(self, other: Self) -> bool {
        self == Self::Push || other == Self::Pull
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pull => "pull from",
            Self::Push => "push to",
        })
    }
}
