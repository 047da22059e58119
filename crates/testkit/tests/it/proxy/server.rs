//! What stands behind the proxy in these tests: a server that agrees with everything and remembers it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use flux_operator_testkit::proxy::{ApiRequest, Verb};
use futures::channel::mpsc;
use futures::{StreamExt as _, stream};
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::Config;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Barrier;

/// How long the value of the object `large` is.
pub(super) const LARGE: usize = 300_000;

pub(super) struct Server {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    executed: Mutex<Vec<String>>,
    events: mpsc::UnboundedSender<String>,
    next_event: Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<String>>>,
    fifty: Barrier,
}

impl Server {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (events, receiver) = mpsc::unbounded();
        let next_event = Arc::new(tokio::sync::Mutex::new(receiver));
        let state = Arc::new(State { executed: Mutex::default(), events, next_event, fifty: Barrier::new(50) });
        tokio::spawn({
            let state = state.clone();
            async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    stream.set_nodelay(true).unwrap();
                    let state = state.clone();
                    let service = service_fn(move |request| answer(state.clone(), request));
                    tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
                }
            }
        });
        Self { address, state }
    }

    pub(super) fn config(&self) -> Config {
        let mut config = Config::new(format!("http://{}", self.address).parse().unwrap());
        config.root_cert = Some(Vec::new());
        config
    }

    /// What the server has done, in order.
    pub(super) fn executed(&self) -> Vec<String> {
        self.state.executed.lock().unwrap().clone()
    }

    /// Sends an event to one watch.
    pub(super) fn event(&self, name: &str) {
        let event = json!({ "type": "ADDED", "object": object(name, "v") });
        self.state.events.unbounded_send(format!("{event}\n")).unwrap();
    }
}

fn object(name: &str, value: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "namespace": "apps" },
        "data": { "k": value },
    })
}

async fn answer(
    state: Arc<State>,
    request: Request<Incoming>,
) -> Result<Response<UnsyncBoxBody<Bytes, Infallible>>, Infallible> {
    let (parts, body) = request.into_parts();
    let request = ApiRequest::read(&parts, body.collect().await.unwrap().to_bytes());
    state.executed.lock().unwrap().push(request.to_string());
    let name = request.name.as_deref().unwrap_or_default();
    let body = match request.operation {
        Verb::Watch => {
            let events = stream::unfold(state.next_event.clone(), async |next| {
                let event = next.lock().await.next().await?;
                Some((Ok(Frame::data(Bytes::from(event))), next))
            });
            return Ok(Response::new(StreamBody::new(events).boxed_unsync()));
        }
        Verb::List => {
            json!({ "apiVersion": "v1", "kind": "ConfigMapList", "metadata": {}, "items": [object("a", "v")] })
        }
        Verb::Get if !request.is_resource() => version(),
        Verb::Get if name == "large" => object(name, &"x".repeat(LARGE)),
        Verb::Get if name == "together" => {
            state.fifty.wait().await;
            object(name, "v")
        }
        Verb::Get => object(name, "v"),
        Verb::Delete => json!({ "kind": "Status", "apiVersion": "v1", "status": "Success" }),
        Verb::Apply if name == "unavailable" => json!({ "kind": "Status", "apiVersion": "v1", "code": 503 }),
        _ if request.subresource.is_some() => object(name, "v"),
        _ => request.json(),
    };
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())).boxed_unsync());
    if name == "unavailable" {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    Ok(response)
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "34", "gitVersion": "v1.34.0", "gitCommit": "", "gitTreeState": "", "buildDate": "",
        "goVersion": "", "compiler": "", "platform": "",
    })
}
