//! The fence around requests.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Method, Request};
use tower::{BoxError, Layer, Service};

use super::{Fence, Refused};

/// Refuses every request that may change something while the fence is shut.
#[derive(Clone, Debug)]
pub struct FenceLayer(pub Fence);

/// A service behind a fence.
#[derive(Clone, Debug)]
pub struct FencedService<S> {
    fence: Fence,
    inner: S,
}

/// A request behind a fence.
#[derive(Debug)]
pub struct FencedRequest<F> {
    /// `None` for a request that only reads.
    fence: Option<Fence>,
    /// `None` once it was refused: what was begun is dropped, and with it what was not sent.
    inner: Result<Pin<Box<F>>, Option<Refused>>,
}

impl<S> Layer<S> for FenceLayer {
    type Service = FencedService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        FencedService { fence: self.0.clone(), inner }
    }
}

impl<S, B> Service<Request<B>> for FencedService<S>
where
    S: Service<Request<B>>,
    S::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = FencedRequest<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let fence = may_write(request.method()).then(|| self.fence.clone());
        let inner = match fence.as_ref().map_or(Ok(()), Fence::check) {
            Ok(()) => Ok(Box::pin(self.inner.call(request))),
            Err(refused) => Err(Some(refused)),
        };
        FencedRequest { fence, inner }
    }
}

impl<F, R, E> Future for FencedRequest<F>
where
    F: Future<Output = Result<R, E>>,
    E: Into<BoxError>,
{
    type Output = Result<R, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        // The clock comes first: whatever is ready by now was not asked for in time.
        if this.inner.is_ok()
            && let Some(Err(refused)) = this.fence.as_ref().map(Fence::check)
        {
            this.inner = Err(Some(refused));
        }
        match &mut this.inner {
            Ok(inner) => inner.as_mut().poll(cx).map_err(Into::into),
            Err(refused) => Poll::Ready(Err(refused.take().unwrap_or(Refused::Lapsed).into())),
        }
    }
}

/// Watches are `GET`, too.
fn may_write(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A server that takes some time to answer, and counts what it was asked for and what it answered.
    #[derive(Clone, Default)]
    struct Slow {
        takes: Duration,
        asked: Arc<AtomicUsize>,
        answered: Arc<AtomicUsize>,
    }

    impl Service<Request<()>> for Slow {
        type Response = ();
        type Error = Infallible;
        type Future = Pin<Box<dyn Future<Output = Result<(), Infallible>> + Send>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<()>) -> Self::Future {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let (takes, answered) = (self.takes, Arc::clone(&self.answered));
            Box::pin(async move {
                tokio::time::sleep(takes).await;
                answered.fetch_add(1, Ordering::SeqCst);
                Ok(())
            })
        }
    }

    impl Slow {
        fn counts(&self) -> (usize, usize) {
            (self.asked.load(Ordering::SeqCst), self.answered.load(Ordering::SeqCst))
        }
    }

    fn request(method: Method) -> Request<()> {
        Request::builder().method(method).body(()).unwrap()
    }

    fn refused(result: Result<(), BoxError>) -> Result<(), Refused> {
        result.map_err(|error| *error.downcast::<Refused>().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_shut_fence_lets_only_reads_through() {
        let slow = Slow::default();
        let mut service = FenceLayer(Fence::shut()).layer(slow.clone());
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert_eq!(refused(service.call(request(method)).await), Err(Refused::NotYet));
        }
        assert_eq!(slow.counts(), (0, 0));
        for method in [Method::GET, Method::HEAD] {
            assert_eq!(refused(service.call(request(method)).await), Ok(()));
        }
        assert_eq!(slow.counts(), (2, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_fence_lets_everything_through() {
        let fence = Fence::shut();
        assert!(fence.extend(Instant::now() + SECOND));
        let slow = Slow::default();
        for fence in [fence, Fence::open()] {
            let mut service = FenceLayer(fence).layer(slow.clone());
            assert_eq!(refused(service.call(request(Method::PATCH)).await), Ok(()));
        }
        assert_eq!(slow.counts(), (2, 2));
    }

    /// A process that is stopped and resumed finds everything ready at once: its timers, its sockets,
    /// and the lease of another.
    #[tokio::test(start_paused = true)]
    async fn a_write_that_outlasts_the_lease_is_dropped_at_its_next_poll() {
        for (method, expected, counts) in [(Method::PATCH, Err(Refused::Lapsed), (1, 0)), (Method::GET, Ok(()), (1, 1))]
        {
            let fence = Fence::shut();
            assert!(fence.extend(Instant::now() + 30 * SECOND));
            let slow = Slow { takes: 10 * SECOND, ..Slow::default() };
            let mut under_way = Box::pin(FenceLayer(fence).layer(slow.clone()).call(request(method)));
            assert!(futures::poll!(under_way.as_mut()).is_pending());
            tokio::time::advance(60 * SECOND).await;
            assert_eq!(refused(under_way.await), expected);
            assert_eq!(slow.counts(), counts);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_was_not_polled_before_the_lease_ended_never_begins() {
        let fence = Fence::shut();
        assert!(fence.extend(Instant::now() + SECOND));
        let slow = Slow::default();
        let queued = FenceLayer(fence).layer(slow.clone()).call(request(Method::POST));
        tokio::time::advance(SECOND).await;
        assert_eq!(refused(queued.await), Err(Refused::Lapsed));
        assert_eq!(slow.counts().1, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_keeps_a_slow_write_alive() {
        let fence = Fence::shut();
        assert!(fence.extend(Instant::now() + 5 * SECOND));
        let slow = Slow { takes: 8 * SECOND, ..Slow::default() };
        let write = tokio::spawn(FenceLayer(fence.clone()).layer(slow).call(request(Method::PUT)));
        tokio::time::sleep(4 * SECOND).await;
        assert!(fence.extend(Instant::now() + 5 * SECOND));
        assert_eq!(refused(write.await.unwrap()), Ok(()));
    }
}
