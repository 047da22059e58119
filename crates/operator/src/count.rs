//! Counts the requests to the API server.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use flux_operator_reconciler::metrics::Metrics;
use http::{Method, Request, Response, StatusCode};
use tower::{Layer, Service};

/// The code of a request without an answer, as in client-go.
const NO_ANSWER: &str = "<error>";

/// Counts requests when their answer begins, in `rest_client_requests_total`.
#[derive(Clone, Debug)]
pub struct CountLayer {
    metrics: Arc<Metrics>,
    /// Host and port: requests get them further in.
    host: Arc<str>,
}

/// A service whose requests are counted.
#[derive(Clone, Debug)]
pub struct CountedService<S> {
    layer: CountLayer,
    inner: S,
}

/// A request that will be counted.
#[derive(Debug)]
pub struct CountedRequest<F> {
    layer: CountLayer,
    method: Method,
    inner: Pin<Box<F>>,
}

impl CountLayer {
    /// Counts in `metrics` what goes to `host`.
    pub fn new(metrics: Arc<Metrics>, host: &str) -> Self {
        Self { metrics, host: host.into() }
    }
}

impl<S> Layer<S> for CountLayer {
    type Service = CountedService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CountedService { layer: self.clone(), inner }
    }
}

impl<S, B, R> Service<Request<B>> for CountedService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = CountedRequest<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let method = request.method().clone();
        CountedRequest { layer: self.layer.clone(), method, inner: Box::pin(self.inner.call(request)) }
    }
}

impl<F, R, E> Future for CountedRequest<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(self.inner.as_mut().poll(cx));
        let status = answer.as_ref().ok().map(Response::status);
        let code = status.as_ref().map_or(NO_ANSWER, StatusCode::as_str);
        self.layer.metrics.count_request(code, self.method.as_str(), &self.layer.host);
        Poll::Ready(answer)
    }
}

#[cfg(test)]
mod tests {
    use tower::service_fn;

    use super::*;

    #[tokio::test]
    async fn counts_answers_and_failures() {
        let metrics = Arc::new(Metrics::new("v1.2.3"));
        let answer = async |request: Request<StatusCode>| match request.into_body() {
            StatusCode::IM_A_TEAPOT => Err("no answer"),
            status => Ok(Response::builder().status(status).body(()).unwrap()),
        };
        let mut service = CountLayer::new(Arc::clone(&metrics), "10.0.0.1:443").layer(service_fn(answer));
        for (method, status) in [
            (Method::GET, StatusCode::OK),
            (Method::GET, StatusCode::OK),
            (Method::PATCH, StatusCode::CONFLICT),
            (Method::PUT, StatusCode::IM_A_TEAPOT),
        ] {
            drop(service.call(Request::builder().method(method).body(status).unwrap()).await);
        }
        let text = metrics.encode();
        for (code, method, count) in [("200", "GET", 2), ("409", "PATCH", 1), ("<error>", "PUT", 1)] {
            let labels = format!("code=\"{code}\",method=\"{method}\",host=\"10.0.0.1:443\"");
            assert!(text.contains(&format!("rest_client_requests_total{{{labels}}} {count}\n")), "{text}");
        }
    }
}
