//! An HTTP service that nobody hears of.
//!
//! The client of `kube` puts the whole URL of a request into its spans, where that of a webhook may hold a token, and
//! logs every failure as an error, although the next attempt may succeed. Callers here log what is worth it themselves.

use std::task::{Context, Poll};

use tower::Service;
use tracing::Dispatch;
use tracing::dispatcher::with_default;
use tracing::instrument::{WithDispatch, WithSubscriber as _};

/// The service inside, without its spans and log lines.
#[derive(Clone, Debug)]
pub(super) struct Quiet<S>(pub(super) S);

impl<S: Service<Request>, Request> Service<Request> for Quiet<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = WithDispatch<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        with_default(&Dispatch::none(), || self.0.poll_ready(context))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        with_default(&Dispatch::none(), || self.0.call(request)).with_subscriber(Dispatch::none())
    }
}
