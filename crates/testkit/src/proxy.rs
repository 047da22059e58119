//! A proxy before an API server, with faults.
//!
//! A client talks HTTP/1.1 to it, on loopback and without credentials; it talks to the server with those of a given
//! configuration. On the way it counts, and breaks what [`Rule`]s tell it to break. It never sends a request twice.
//!
//! ```no_run
//! use flux_operator_testkit::proxy::{Fault, Match, Proxy, Rule, Verb};
//!
//! # async fn test(config: kube::Config) -> Result<(), Box<dyn std::error::Error>> {
//! let proxy = Proxy::start(config).await?;
//! proxy.rule(Rule::new(Match::verb(Verb::Apply).resource("configmaps"), Fault::CutAfter).nth(2));
//! let before = proxy.counts();
//! // … something with proxy.client() …
//! assert_eq!(proxy.counts().since(&before).of(Verb::Apply, "configmaps"), 3, "{}", proxy.story());
//! assert!(proxy.unused_rules().is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! # Killing
//! [`Proxy::kill_at`] is for the question what is left behind by a program that dies in the middle of its work:
//!
//! ```no_run
//! use flux_operator_testkit::proxy::{KillAt, Proxy};
//!
//! # async fn converge(client: kube::Client) {}
//! # async fn test(config: kube::Config) -> Result<(), Box<dyn std::error::Error>> {
//! let proxy = Proxy::start(config).await?;
//! proxy.kill_at(3, KillAt::After);
//! tokio::select! {
//!     () = converge(proxy.client()) => {} // fewer than three writes
//!     () = proxy.killed() => {}           // `converge` has been dropped where it stood
//! }
//! proxy.settled().await;
//! # Ok(())
//! # }
//! ```

mod connections;
mod counts;
mod forward;
mod ledger;
mod rule;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use kube::config::Config;
use serde_json::json;
use tokio::net::TcpListener;

use self::connections::{Phase, Shared};
pub use self::counts::{Counts, Entry, Outcome};
pub use self::rule::{Fault, Match, Rule};
pub use crate::apiserver::{ApiRequest, Verb};

/// A running proxy. Ends with all its connections when it is dropped.
pub struct Proxy {
    address: SocketAddr,
    default_namespace: String,
    shared: Arc<Shared>,
}

/// On which side of a write the proxy dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KillAt {
    /// The server does not hear of the write.
    Before,
    /// The server has done it, and the client does not hear of that.
    After,
}

/// Why a proxy does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration makes no client.
    #[error("no client for the API server behind the proxy")]
    Client(#[source] Box<kube::Error>),
    /// There is no port to listen on.
    #[error("the proxy cannot listen on loopback")]
    Listen(#[source] std::io::Error),
}

impl Proxy {
    /// Starts a proxy before the API server of a configuration, in the runtime that this is called in.
    pub async fn start(mut config: Config) -> Result<Self, StartError> {
        // Clients of kube try again up to 15 times on 429, 503 and 504. This one must not, or one request would be
        // many at the server.
        config.default_retry = false;
        let default_namespace = config.default_namespace.clone();
        let upstream = kube::Client::try_from(config).map_err(|error| StartError::Client(Box::new(error)))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(StartError::Listen)?;
        let address = listener.local_addr().map_err(StartError::Listen)?;
        let shared = Arc::new(Shared::new(upstream));
        tokio::spawn(connections::serve(listener, shared.clone(), shared.phase()));
        Ok(Self { address, default_namespace, shared })
    }

    /// A client that talks to the proxy and does not try again by itself, so that a test sees what was answered.
    ///
    /// # Panics
    /// If a client for plain HTTP cannot be made.
    #[expect(clippy::expect_used, reason = "plain HTTP without credentials leaves nothing that could fail")]
    pub fn client(&self) -> kube::Client {
        kube::Client::try_from(self.config()).expect("a client for the proxy")
    }

    /// The configuration of [`Self::client`]. Set `default_retry` for a client that tries again as kube's clients do.
    pub fn config(&self) -> Config {
        let uri = http::Uri::builder().scheme("http").authority(self.address.to_string()).path_and_query("/");
        let mut config = Config::new(uri.build().unwrap_or_default());
        config.default_namespace.clone_from(&self.default_namespace);
        config.default_retry = false;
        // Without a list of trusted roots, each client would read the one of the system, for nothing.
        config.root_cert = Some(Vec::new());
        config
    }

    /// A kubeconfig for a program that is to talk to the proxy: the text of the file.
    pub fn kubeconfig(&self) -> String {
        let server = format!("http://{}", self.address);
        let context = json!({ "cluster": "proxy", "user": "proxy", "namespace": self.default_namespace });
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "proxy",
            "clusters": [{ "name": "proxy", "cluster": { "server": server } }],
            "users": [{ "name": "proxy", "user": {} }],
            "contexts": [{ "name": "proxy", "context": context }],
        });
        kubeconfig.to_string()
    }

    /// Adds a rule. Of several that apply to a request, the one that was added first hits it.
    pub fn rule(&self, rule: Rule) -> &Self {
        self.shared.ledger().add(rule);
        self
    }

    /// Forgets all rules.
    pub fn clear_rules(&self) {
        self.shared.ledger().clear_rules();
    }

    /// The rules that have not hit anything, which is seldom what a test wants.
    pub fn unused_rules(&self) -> Vec<Rule> {
        self.shared.ledger().unused_rules()
    }

    /// Dies at the `n`th write from now on, counted from one. A write is a change that is no dry run and that no fault
    /// keeps from the server.
    ///
    /// From that write on, nothing else is forwarded. Then the proxy cuts all connections and takes no new ones.
    pub fn kill_at(&self, nth_write: usize, at: KillAt) {
        self.shared.ledger().kill_at(nth_write, at);
    }

    /// Waits until the proxy has died at its kill point and all connections are cut. Never ends if that does not happen.
    pub fn killed(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut phase = self.shared.phase();
        async move {
            if phase.wait_for(|phase| *phase == Phase::Dead).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Whether the kill point has been reached.
    pub fn is_killed(&self) -> bool {
        matches!(*self.shared.phase().borrow(), Phase::Dying | Phase::Dead)
    }

    /// Waits until the server has begun to answer every request that was forwarded. After [`Self::killed`], nothing
    /// changes any more from then on.
    pub async fn settled(&self) {
        self.shared.settled().await;
    }

    /// Cuts every watch that is open now.
    pub fn cut_watches(&self) {
        self.shared.cut_watches();
    }

    /// How many requests came in, those that were hit by a fault included.
    pub fn counts(&self) -> Counts {
        self.shared.ledger().counts().clone()
    }

    /// Every request, in the order in which they came in.
    pub fn log(&self) -> Vec<Entry> {
        self.shared.ledger().log()
    }

    /// The log as text, one line for each request, for the message of a test that fails.
    pub fn story(&self) -> String {
        let lines: Vec<_> = self.log().iter().map(ToString::to_string).collect();
        lines.join("\n")
    }

    /// Sets the counts to zero and forgets the log. Rules and kill point stay.
    pub fn reset(&self) {
        self.shared.ledger().reset();
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.close();
    }
}
