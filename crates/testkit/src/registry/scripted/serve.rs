//! The connections of one origin.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::answer::{Answer, AnswerBody};
use super::received::Received;
use super::state::{Side, State};
use crate::registry::authority::Authority;

/// What TLS begins with, and no method of HTTP does.
const HANDSHAKE: u8 = 0x16;

#[derive(Clone)]
pub(super) struct Server {
    pub(super) side: Side,
    pub(super) state: Arc<Mutex<State>>,
    pub(super) tls: Option<TlsAcceptor>,
}

impl Server {
    /// Takes connections until it is dropped, and ends those that are open then.
    pub(super) async fn serve(self, listener: TcpListener) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                    connections.spawn(self.clone().connection(stream));
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }

    async fn connection(self, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let mut first = [0];
        let is_tls = matches!(stream.peek(&mut first).await, Ok(1)) && first == [HANDSHAKE];
        match (self.tls.clone(), is_tls, self.side) {
            (Some(tls), true, _) => {
                if let Ok(stream) = tls.accept(stream).await {
                    self.talk(stream, true).await;
                }
            }
            // With TLS, only the other origin answers without.
            (None, false, _) | (Some(_), false, Side::Elsewhere) => self.talk(stream, false).await,
            (None, true, _) | (Some(_), false, Side::Here) => {}
        }
    }

    async fn talk(self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, tls: bool) {
        let service = service_fn(move |request| self.clone().answer(request, tls));
        // How a connection ends matters to the client only.
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }

    async fn answer(self, request: Request<Incoming>, tls: bool) -> Result<Response<AnswerBody>, Infallible> {
        let (parts, body) = request.into_parts();
        let is_head = parts.method == Method::HEAD;
        let answer = match body.collect().await {
            Ok(body) => {
                let request = Received::new(parts, body.to_bytes(), tls);
                self.state.lock().unwrap_or_else(PoisonError::into_inner).answer(self.side, request)
            }
            Err(_) => Answer::new(http::StatusCode::BAD_REQUEST),
        };
        Ok(answer.deliver(is_head))
    }
}

/// What a server needs to prove itself.
pub(super) fn acceptor(authority: &Authority) -> io::Result<TlsAcceptor> {
    let certificate = CertificateDer::from_pem_slice(authority.certificate.as_bytes()).map_err(io::Error::other)?;
    let key = PrivateKeyDer::from_pem_slice(authority.key.as_bytes()).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(io::Error::other)?.with_no_client_auth();
    Ok(TlsAcceptor::from(Arc::new(config.with_single_cert(vec![certificate], key).map_err(io::Error::other)?)))
}
