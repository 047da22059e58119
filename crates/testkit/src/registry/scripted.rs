//! A registry in the process of the test, which lies as it is told.

mod access;
mod answer;
mod lie;
mod received;
mod route;
mod serve;
mod state;
mod store;
mod twist;

use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flux_operator_api::Digest;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use self::lie::{Lie, Part};
pub use self::received::Received;

use self::access::{Access, Tokens, basic};
use self::serve::Server;
use self::state::{Side, State};
use self::store::Manners;
use self::twist::Places;
use super::artifact::{Artifact, digest};
use super::authority::Authority;
use super::client::Client;

/// What a registry shall be.
#[derive(Clone, Debug, Default)]
pub struct ScriptedOptions {
    access: Access,
    manners: Manners,
    tls: bool,
}

impl ScriptedOptions {
    /// Lets in nobody but one user.
    #[must_use]
    pub fn with_basic_auth(mut self, user: &str, password: &str) -> Self {
        self.access = Access::Basic(basic(user, password));
        self
    }

    /// Lets in those with a token. The place for tokens, `/token`, gives them to one user, for the scopes that were asked
    /// for.
    #[must_use]
    pub fn with_token_auth(mut self, user: &str, password: &str) -> Self {
        let basic = basic(user, password);
        self.access = Access::Token(Tokens { basic, anonymous: false, elsewhere: false, uses: None });
        self
    }

    /// The place for tokens gives them to those without credentials, too, for reading. Only after
    /// [`Self::with_token_auth`].
    #[must_use]
    pub fn with_anonymous_tokens(mut self) -> Self {
        if let Access::Token(tokens) = &mut self.access {
            tokens.anonymous = true;
        }
        self
    }

    /// The place for tokens is another origin, [`Scripted::elsewhere`], as it is for large registries. Only after
    /// [`Self::with_token_auth`].
    #[must_use]
    pub fn with_tokens_elsewhere(mut self) -> Self {
        if let Access::Token(tokens) = &mut self.access {
            tokens.elsewhere = true;
        }
        self
    }

    /// A token is good for so many requests. Only after [`Self::with_token_auth`].
    #[must_use]
    pub fn with_token_uses(mut self, uses: u32) -> Self {
        if let Access::Token(tokens) = &mut self.access {
            tokens.uses = Some(uses);
        }
        self
    }

    /// Speaks HTTPS, with a certificate of an authority of its own: [`Scripted::ca_pem`].
    #[must_use]
    pub const fn with_tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Has no API for referrers, and answers 404.
    #[must_use]
    pub const fn without_referrers(mut self) -> Self {
        self.manners.without_referrers = true;
        self
    }

    /// Has no more tags on a page than this, however many are asked for.
    #[must_use]
    pub const fn with_page_size(mut self, tags: usize) -> Self {
        self.manners.page = Some(tags);
        self
    }

    /// Starts a registry in the runtime that this is called in.
    ///
    /// # Errors
    /// There is no port, or no randomness for keys.
    pub async fn start(self) -> io::Result<Scripted> {
        let authority = if self.tls { Some(Authority::make().map_err(io::Error::other)?) } else { None };
        let tls = authority.as_ref().map(serve::acceptor).transpose()?;
        let here = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let there = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (host, elsewhere) = (here.local_addr()?.to_string(), there.local_addr()?.to_string());
        let scheme = if self.tls { "https" } else { "http" };
        let places = Places {
            here: format!("{scheme}://{host}"),
            elsewhere: format!("{scheme}://{elsewhere}"),
            downgraded: format!("http://{elsewhere}"),
        };
        let state = Arc::new(Mutex::new(State::new(places, self.access, self.manners)));
        let server = |side| Server { side, state: state.clone(), tls: tls.clone() };
        let servers =
            [tokio::spawn(server(Side::Here).serve(here)), tokio::spawn(server(Side::Elsewhere).serve(there))];
        let ca = authority.map(|authority| authority.ca);
        Ok(Scripted { elsewhere: Origin { host: elsewhere, state: state.clone() }, host, ca, state, servers })
    }
}

/// A registry that runs. Ends with all its connections when it is dropped.
pub struct Scripted {
    host: String,
    ca: Option<String>,
    elsewhere: Origin,
    state: Arc<Mutex<State>>,
    servers: [JoinHandle<()>; 2],
}

/// The origin that clients of a registry are sent to: for content by redirects, for tokens by challenges.
///
/// It is on the same address with another port. What it receives that it should not, a test can see.
pub struct Origin {
    host: String,
    state: Arc<Mutex<State>>,
}

impl Scripted {
    /// A registry for everybody, over HTTP, that tells the truth.
    pub fn plain() -> ScriptedOptions {
        ScriptedOptions::default()
    }

    /// `127.0.0.1` and the port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// What a client has to trust; `None` for a registry without TLS. The other origin has the same certificate.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca.as_deref()
    }

    /// Stores a manifest under a tag, whatever it is and names. What contains a `:` is no tag, and the manifest
    /// can be had by its digest only.
    pub fn put_manifest(&self, repository: &str, tag: &str, media_type: &str, bytes: impl Into<Vec<u8>>) -> Digest {
        let bytes = bytes.into();
        let digest = digest(&bytes);
        lock(&self.state).store.put_manifest(repository, tag, media_type, bytes.into());
        digest
    }

    /// Stores a blob.
    pub fn put_blob(&self, repository: &str, bytes: impl Into<Vec<u8>>) -> Digest {
        let bytes = bytes.into();
        let digest = digest(&bytes);
        lock(&self.state).store.put_blob(repository, bytes.into());
        digest
    }

    /// Stores an artifact with its blobs, and returns the digest of the manifest.
    pub fn put(&self, repository: &str, tag: &str, artifact: &Artifact) -> Digest {
        for blob in &artifact.blobs {
            self.put_blob(repository, blob.clone());
        }
        self.put_manifest(repository, tag, &artifact.media_type, artifact.manifest.clone())
    }

    /// What is stored: a manifest by tag or digest, or a blob by digest.
    pub fn stored(&self, repository: &str, reference: &str) -> Option<Vec<u8>> {
        lock(&self.state).store.find(repository, reference).map(Into::into)
    }

    /// Tells a lie from now on, about what it is about by its nature. Of two that contradict each other the later one
    /// has the last word; of redirects and failures the first.
    pub fn lie(&self, lie: Lie) -> &Self {
        self.lie_about(lie.part(), lie)
    }

    /// Tells a lie about another part of the protocol.
    pub fn lie_about(&self, part: Part, lie: Lie) -> &Self {
        lock(&self.state).tell(part, lie);
        self
    }

    /// Tells no more lies.
    pub fn tell_the_truth(&self) {
        lock(&self.state).tell_the_truth();
    }

    /// Every request, in the order in which they came in, those for tokens included.
    pub fn requests(&self) -> Vec<Received> {
        lock(&self.state).here.clone()
    }

    /// Forgets the requests, also those of the other origin.
    pub fn clear_requests(&self) {
        let mut state = lock(&self.state);
        state.here.clear();
        state.elsewhere.clear();
    }

    /// The requests as text, one line for each, for the message of a test that fails.
    pub fn story(&self) -> String {
        let lines: Vec<_> = self.requests().iter().map(ToString::to_string).collect();
        lines.join("\n")
    }

    /// The other origin.
    pub const fn elsewhere(&self) -> &Origin {
        &self.elsewhere
    }

    /// A client that trusts it, without credentials.
    pub fn client(&self) -> Client {
        let client = Client::new(&self.host);
        self.ca.iter().fold(client, |client, ca| client.trusting(ca))
    }
}

impl Origin {
    /// `127.0.0.1` and the port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Every request, in the order in which they came in.
    pub fn requests(&self) -> Vec<Received> {
        lock(&self.state).elsewhere.clone()
    }
}

/// Nothing waits while it holds this.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripted").field("host", &self.host).finish_non_exhaustive()
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origin").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        for server in &self.servers {
            server.abort();
        }
    }
}
