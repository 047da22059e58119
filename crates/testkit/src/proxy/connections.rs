//! The connections of one proxy, and what they share.

use std::error::Error as _;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::client::Body;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::forward::{self, Broken, Cuttable};
use super::ledger::Ledger;

pub(super) struct Shared {
    pub(super) upstream: kube::Client,
    ledger: Mutex<Ledger>,
    phase: watch::Sender<Phase>,
    /// Counts the orders to cut all watches.
    watch_cuts: watch::Sender<usize>,
    in_flight: watch::Sender<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Takes connections.
    Open,
    /// Cuts them, because the kill point was reached.
    Dying,
    /// Has cut all of them.
    Dead,
    /// Is not needed any more.
    Closed,
}

/// A request that the server has not begun to answer.
pub(super) struct InFlight(watch::Sender<usize>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Shared {
    pub(super) fn new(upstream: kube::Client) -> Self {
        Self {
            upstream,
            ledger: Mutex::default(),
            phase: watch::Sender::new(Phase::Open),
            watch_cuts: watch::Sender::new(0),
            in_flight: watch::Sender::new(0),
        }
    }

    /// Nothing waits while it holds this. A closure of a test that panicked has not spoiled it.
    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    pub(super) fn kill(&self) {
        self.advance(Phase::Open, Phase::Dying);
    }

    fn advance(&self, from: Phase, to: Phase) {
        self.phase.send_if_modified(|phase| {
            let is_there = *phase == from;
            if is_there {
                *phase = to;
            }
            is_there
        });
    }

    pub(super) fn close(&self) {
        self.phase.send_replace(Phase::Closed);
    }

    pub(super) fn in_flight(&self) -> InFlight {
        self.in_flight.send_modify(|count| *count += 1);
        InFlight(self.in_flight.clone())
    }

    pub(super) async fn settled(&self) {
        // The sender is borrowed, so it cannot be gone.
        let _ = self.in_flight.subscribe().wait_for(|count| *count == 0).await;
    }

    pub(super) fn cut_watches(&self) {
        self.watch_cuts.send_modify(|count| *count += 1);
    }

    pub(super) fn cuttable(&self, body: Body) -> Cuttable<impl Future<Output = ()> + Send + use<>> {
        let mut cuts = self.watch_cuts.subscribe();
        let cut = async move {
            let _ = cuts.changed().await;
        };
        Cuttable { body, cut: Box::pin(cut) }
    }
}

/// Takes connections until the proxy dies or is dropped, and ends those that are open then.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>, mut phase: watch::Receiver<Phase>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = phase.changed() => break,
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(connection(stream, shared.clone()));
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    connections.shutdown().await;
    shared.advance(Phase::Dying, Phase::Dead);
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    // Events of a watch are small and must not wait for more of them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| Box::pin(forward::handle(shared.clone(), request)));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let ended = poll_fn(|cx| connection.poll_without_shutdown(cx)).await;
    let broken = ended.err().and_then(|error| error.source()?.downcast_ref::<Broken>().copied());
    if broken == Some(Broken::Reset) {
        // The stream is dropped right after, and closes with a reset.
        let _ = connection.into_parts().io.into_inner().set_zero_linger();
    }
}
