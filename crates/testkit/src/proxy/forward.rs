//! One request on its way through the proxy.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{HeaderName, Response, header, request};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use kube::client::Body;

use super::connections::Shared;
use super::counts::Outcome;
use super::ledger::Admission;
use super::rule::Fault;
use crate::apiserver::{ApiRequest, Verb, failure};

/// A body on its way to the client.
pub(super) type ProxyBody = UnsyncBoxBody<Bytes, BoxError>;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How a connection ends that does not end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    /// With a reset.
    #[error("the connection is reset on purpose")]
    Reset,
    /// With an end, after all that was written has been sent.
    #[error("the connection ends early on purpose")]
    Ended,
}

/// What is between two ends of a connection and not passed on; the client of the server writes its own `Host`.
const HOP_BY_HOP: &[HeaderName] =
    &[header::CONNECTION, header::HOST, header::TE, header::TRAILER, header::TRANSFER_ENCODING, header::UPGRADE];

pub(super) async fn handle(
    shared: Arc<Shared>,
    request: http::Request<Incoming>,
) -> Result<Response<ProxyBody>, Broken> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Broken::Reset)?.to_bytes();
    let asked = ApiRequest::read(&parts, body.clone());
    let (id, fault) = shared.ledger().arrive(&asked);
    let answered = |response: Response<Bytes>| {
        shared.ledger().close(id, Outcome::Answered(response.status()));
        Ok(response.map(|body| Full::new(body).map_err(|never| match never {}).boxed_unsync()))
    };
    match &fault {
        Some(Fault::Answer(code)) => return answered(failure::Failure::of(*code, &asked).response()),
        Some(Fault::Throttle(retry_after)) => return answered(failure::overloaded(*retry_after)),
        Some(Fault::Cut) => {
            shared.ledger().close(id, Outcome::Cut);
            return Err(Broken::Reset);
        }
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Delay(duration)) => tokio::time::sleep(*duration).await,
        Some(Fault::CutAfter | Fault::Truncate) | None => {}
    }
    let admission = shared.ledger().admit(&asked);
    let kill = match admission {
        Admission::Forward => false,
        Admission::ForwardThenKill => true,
        Admission::Kill => {
            shared.ledger().close(id, Outcome::Cut);
            shared.kill();
            std::future::pending().await
        }
        Admission::Hold => std::future::pending().await,
    };
    let response = ask(&shared, id, parts, body, kill).await?;
    if kill {
        return std::future::pending().await;
    }
    let lost = Outcome::Lost(response.status());
    match fault {
        Some(Fault::CutAfter) => {
            shared.ledger().close(id, lost);
            Err(Broken::Reset)
        }
        Some(Fault::Truncate) => {
            shared.ledger().close(id, lost);
            truncate(response, asked.operation == Verb::Watch).await
        }
        _ if asked.operation == Verb::Watch => Ok(response.map(|body| shared.cuttable(body).boxed_unsync())),
        _ => Ok(response.map(|body| body.map_err(Into::into).boxed_unsync())),
    }
}

/// Asks the server.
///
/// This happens in a task of its own, which ends when the server has begun to answer: a request that is on its way is
/// not called back when the client leaves. An API server begins to answer a write when it is done.
async fn ask(
    shared: &Arc<Shared>,
    id: u64,
    mut parts: request::Parts,
    body: Bytes,
    kill: bool,
) -> Result<Response<Body>, Broken> {
    for name in HOP_BY_HOP {
        parts.headers.remove(name);
    }
    let in_flight = shared.in_flight();
    let task = tokio::spawn({
        let shared = shared.clone();
        async move {
            let answer = shared.upstream.send(http::Request::from_parts(parts, Body::from(body))).await;
            let outcome = match &answer {
                Ok(response) if kill => Outcome::Lost(response.status()),
                Ok(response) => Outcome::Answered(response.status()),
                Err(error) => Outcome::Failed(error.to_string()),
            };
            shared.ledger().close(id, outcome);
            drop(in_flight);
            if kill {
                shared.kill();
            }
            answer
        }
    });
    let Ok(Ok(mut response)) = task.await else {
        return Err(Broken::Reset);
    };
    for name in HOP_BY_HOP {
        response.headers_mut().remove(name);
    }
    Ok(response)
}

/// Sends half of a body. The length of the whole is announced where it can be known.
async fn truncate(response: Response<Body>, is_watch: bool) -> Result<Response<ProxyBody>, Broken> {
    let (mut parts, mut body) = response.into_parts();
    let whole = if is_watch {
        let first = body.frame().await.and_then(Result::ok);
        first.and_then(|frame| frame.into_data().ok()).unwrap_or_default()
    } else {
        let whole = body.collect().await.map_err(|_| Broken::Reset)?.to_bytes();
        parts.headers.insert(header::CONTENT_LENGTH, whole.len().into());
        whole
    };
    let half = stream::iter([Ok(Frame::data(whole.slice(..whole.len() / 2)))]);
    let end = stream::once(async {
        // The half is written while the body has nothing more to say.
        tokio::time::sleep(Duration::from_millis(5)).await;
        Err(BoxError::from(Broken::Ended))
    });
    Ok(Response::from_parts(parts, StreamBody::new(half.chain(end)).boxed_unsync()))
}

/// The body of a watch, which breaks when it is told to.
pub(super) struct Cuttable<F> {
    pub(super) body: Body,
    pub(super) cut: Pin<Box<F>>,
}

impl<F: Future<Output = ()> + Send> HttpBody for Cuttable<F> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        if self.cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(Broken::Reset.into())));
        }
        Pin::new(&mut self.body).poll_frame(cx).map_err(Into::into)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
