//! What goes wrong between us and a registry.

use std::time::Duration;

use flux_operator_api::Digest;

use super::Operation;
use crate::manifest::ManifestError;

/// A registry that did not give, or did not take, what it was asked.
///
/// No variant holds anything that a registry wrote freely, nor an address with its query: either could
/// repeat a credential.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// There is no connection, or it broke.
    #[error("registry `{host}` cannot be reached")]
    Unreachable {
        /// The registry, or the host it sent us to.
        host: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The client cannot be set up.
    #[error("the client for registries cannot be set up")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It did not end in time.
    #[error("registry `{host}` did not finish within {} s", .limit.as_secs())]
    Timeout {
        /// The registry.
        host: String,
        /// The limit.
        limit: Duration,
    },
    /// There is no such thing.
    #[error("registry `{host}` has no `{what}`")]
    NotFound {
        /// The registry.
        host: String,
        /// Repository with tag or digest.
        what: String,
    },
    /// It wants credentials, and has none from us.
    #[error("registry `{host}` wants credentials for `{repository}`, and there are none for it")]
    NoCredentials {
        /// The registry.
        host: String,
        /// The repository.
        repository: String,
    },
    /// It does not accept the credentials.
    #[error("registry `{host}` does not accept the credentials for `{repository}`")]
    BadCredentials {
        /// The registry.
        host: String,
        /// The repository.
        repository: String,
    },
    /// It accepts the credentials but does not allow this.
    #[error("registry `{host}` does not allow to {operation} `{repository}`")]
    Denied {
        /// The registry.
        host: String,
        /// The repository.
        repository: String,
        /// What was tried.
        operation: Operation,
    },
    /// It asks to show credentials to somebody else.
    #[error("registry `{host}` asks to send its credentials to `{realm}`, which is not part of it; they were not sent")]
    ForeignRealm {
        /// The registry.
        host: String,
        /// The host that would have got them.
        realm: String,
    },
    /// It wants to know who we are in a way that we do not know, or names an endpoint that is none.
    #[error("registry `{0}` asks for credentials in a way that is not understood")]
    Challenge(String),
    /// It sent us somewhere we do not go.
    #[error("registry `{host}` redirects {reason}")]
    Redirect {
        /// The registry.
        host: String,
        /// Why not.
        reason: &'static str,
    },
    /// It answered with another status.
    #[error("registry `{host}` answered {status} for `{what}`")]
    Status {
        /// The registry.
        host: String,
        /// The status.
        status: u16,
        /// Repository with tag or digest.
        what: String,
    },
    /// It sent something else than what was asked for.
    #[error("registry `{host}` sent something else than `{expected}`: its digest is `{actual}`")]
    Digest {
        /// The registry.
        host: String,
        /// What was asked for.
        expected: Digest,
        /// What came.
        actual: Digest,
    },
    /// The digest that it names in a header is not that of what it sent, or is none.
    #[error("registry `{0}` names a digest that is not that of what it sent")]
    DigestHeader(String),
    /// It sent more, or less.
    #[error("registry `{host}` sent {actual} bytes for `{what}`, expected {expected}")]
    Size {
        /// The registry.
        host: String,
        /// Repository with digest.
        what: String,
        /// Bytes.
        expected: u64,
        /// Bytes, or `more`.
        actual: String,
    },
    /// It is more than we read.
    #[error("`{what}` in registry `{host}` has more than {limit} bytes")]
    TooLarge {
        /// The registry.
        host: String,
        /// Repository with tag or digest.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// A manifest is none.
    #[error("`{what}` in registry `{host}` is no artifact")]
    Manifest {
        /// The registry.
        host: String,
        /// Repository with tag or digest.
        what: String,
        /// Why.
        #[source]
        source: ManifestError,
    },
}
