//! The fence around connections.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::Executor;

use super::Fence;

/// Runs the connections of a client, until its fence has fallen.
///
/// A request travels from its future to its connection through a channel. A process that comes back
/// after a stop may poll the connection first, and it would write what lies in the channel. So a
/// connection looks at the clock by itself, and ends.
#[derive(Clone, Debug)]
pub struct FencedConnections(pub Fence);

struct FencedConnection<F> {
    fence: Fence,
    inner: Pin<Box<F>>,
}

impl<F> Executor<F> for FencedConnections
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, connection: F) {
        tokio::spawn(FencedConnection { fence: self.0.clone(), inner: Box::pin(connection) });
    }
}

impl<F: Future<Output = ()>> Future for FencedConnection<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // Reads end with it, too. A client behind a fence is of no use without writes.
        if self.fence.has_fallen() {
            return Poll::Ready(());
        }
        self.inner.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::mpsc;
    use tokio::time::Instant;

    use super::*;

    /// A connection that writes what it is given. What it has written comes out at the other end.
    fn connection(fence: &Fence) -> (mpsc::UnboundedSender<u32>, mpsc::UnboundedReceiver<u32>) {
        let (requests, mut queue) = mpsc::unbounded_channel();
        let (wire, written) = mpsc::unbounded_channel();
        FencedConnections(fence.clone()).execute(async move {
            while let Some(request) = queue.recv().await {
                wire.send(request).unwrap();
            }
        });
        (requests, written)
    }

    #[tokio::test(start_paused = true)]
    async fn what_lies_before_a_connection_is_not_written_after_the_lease() {
        let fence = Fence::shut();
        let (requests, mut written) = connection(&fence);
        requests.send(1).unwrap();
        assert_eq!(written.recv().await, Some(1), "reads before the lease is ours");
        assert!(fence.extend(Instant::now() + Duration::from_secs(1)));
        requests.send(2).unwrap();
        assert_eq!(written.recv().await, Some(2));
        // Sent, and the connection not polled before the process stops.
        requests.send(3).unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(written.recv().await, None);
        assert!(requests.is_closed());
    }

    #[tokio::test(start_paused = true)]
    async fn connections_without_an_election_go_on() {
        let (requests, mut written) = connection(&Fence::open());
        tokio::time::advance(Duration::from_secs(1_000_000)).await;
        requests.send(1).unwrap();
        assert_eq!(written.recv().await, Some(1));
    }
}
