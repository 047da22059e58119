//! What the program answers to those who watch it: metrics, and whether it is alive and ready.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use flux_operator_reconciler::health::{Health, Unwell};
use flux_operator_reconciler::metrics::{self, Metrics};
use tokio::task::JoinHandle;
use tracing::info;

use crate::args::Listen;

/// A server that runs until this is dropped.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    task: JoinHandle<io::Result<()>>,
}

/// A server that cannot be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on `{listen}`, see `{flag}`")]
pub struct ListenFailed {
    listen: Listen,
    flag: &'static str,
    #[source]
    source: io::Error,
}

/// `/metrics`, for Prometheus.
pub fn metrics(metrics: Arc<Metrics>) -> Router {
    let encode = async move || ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics.encode());
    Router::new().route("/metrics", get(encode))
}

/// `/healthz` and `/readyz`, for the kubelet.
pub fn health(health: Health) -> Router {
    let alive = health.clone();
    Router::new()
        .route("/healthz", get(async move || answer(alive.is_live(Instant::now()))))
        .route("/readyz", get(async move || answer(health.is_ready())))
}

/// Starts a server, or none where it is turned off. `flag` is where the address comes from.
///
/// # Errors
/// The address cannot be listened on.
pub async fn serve(listen: &Listen, flag: &'static str, app: Router) -> Result<Option<Server>, ListenFailed> {
    let failed = |source| ListenFailed { listen: listen.clone(), flag, source };
    let Some(listener) = listen.bind().await.map_err(failed)? else { return Ok(None) };
    let address = listener.local_addr().map_err(failed)?;
    info!(%address, flag, "serving");
    let task = tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(Some(Server { address, task }))
}

fn answer(health: Result<(), Unwell>) -> impl IntoResponse {
    match health {
        Ok(()) => (StatusCode::OK, "ok".to_owned()),
        Err(unwell) => (StatusCode::SERVICE_UNAVAILABLE, unwell.to_string()),
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;
    use flux_operator_reconciler::outcome::describe;

    fn anywhere() -> Listen {
        "127.0.0.1:0".parse().unwrap()
    }

    /// Status, headers and body of an answer.
    async fn ask(server: &Server, path: &str) -> (String, String, String) {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let (status, headers) = head.split_once("\r\n").unwrap();
        (status.to_owned(), headers.to_lowercase(), body.to_owned())
    }

    #[tokio::test]
    async fn probes_say_why_not() {
        let state = Health::new();
        let server = serve(&anywhere(), "--health-addr", health(state.clone())).await.unwrap().unwrap();
        let check = async |path: &str, code: &str, text: &str| {
            let (status, _, body) = ask(&server, path).await;
            assert_eq!((status.as_str(), body.as_str()), (format!("HTTP/1.1 {code}").as_str(), text), "{path}");
        };
        check("/healthz", "200 OK", "ok").await;
        check("/readyz", "503 Service Unavailable", "the API server has not answered yet").await;
        state.standby();
        check("/readyz", "200 OK", "ok").await;
        state.working();
        check("/healthz", "200 OK", "ok").await;
        check("/readyz", "503 Service Unavailable", "the caches are not synced").await;
        state.synced(true);
        check("/readyz", "200 OK", "ok").await;
        check("/metrics", "404 Not Found", "").await;
    }

    #[tokio::test]
    async fn metrics_are_text_that_prometheus_reads() {
        let app = metrics(Arc::new(Metrics::new("v1.2.3")));
        let server = serve(&anywhere(), "--metrics-addr", app).await.unwrap().unwrap();
        let (status, headers, body) = ask(&server, "/metrics").await;
        assert_eq!(status, "HTTP/1.1 200 OK");
        assert!(headers.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{headers}");
        assert!(body.contains("flux_operator_info{version=\"v1.2.3\""), "{body}");
    }

    #[tokio::test]
    async fn an_address_that_is_taken_is_named_with_its_flag() {
        let app = || health(Health::new());
        let server = serve(&anywhere(), "--health-addr", app()).await.unwrap().unwrap();
        let taken: Listen = server.address.to_string().parse().unwrap();
        let text = describe(&serve(&taken, "--health-addr", app()).await.unwrap_err());
        assert!(text.starts_with(&format!("cannot listen on `{taken}`, see `--health-addr`: ")), "{text}");
        // Nobody listens after the end.
        drop(server);
        tokio::task::yield_now().await;
        serve(&taken, "--health-addr", app()).await.unwrap().unwrap();
        assert!(serve(&Listen::Off, "--health-addr", app()).await.unwrap().is_none());
    }
}
