//! How the program is asked to end.

use std::io;
use std::process;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracing::{error, info};

/// Whether the program is asked to end. Clones hear the same.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<bool>);

/// Asks the program to end. Dropped, it has not asked and never will.
#[derive(Debug)]
pub struct Trigger(watch::Sender<bool>);

impl Shutdown {
    /// One that is asked for by [`Trigger::pull`].
    pub fn new() -> (Trigger, Self) {
        let (sender, receiver) = watch::channel(false);
        (Trigger(sender), Self(receiver))
    }

    /// One that is asked for by SIGTERM or SIGINT. A second signal ends the process at once, with code
    /// 1: whoever sends it does not want to wait.
    ///
    /// # Errors
    /// The system does not let us hear signals.
    pub fn on_signals() -> io::Result<Self> {
        let (trigger, shutdown) = Self::new();
        let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::spawn(async move {
            let first = next(&mut term, &mut int).await;
            info!(signal = first, "shutting down");
            trigger.pull();
            let second = next(&mut term, &mut int).await;
            error!(signal = second, "ending at once");
            process::exit(1);
        });
        Ok(shutdown)
    }

    /// Waits until the program is asked to end.
    pub async fn requested(&self) {
        if self.0.clone().wait_for(|requested| *requested).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Whether the program was asked to end.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }
}

impl Trigger {
    /// Asks the program to end.
    pub fn pull(&self) {
        self.0.send_replace(true);
    }
}

async fn next(term: &mut Signal, int: &mut Signal) -> &'static str {
    tokio::select! {
        _ = term.recv() => "SIGTERM",
        _ = int.recv() => "SIGINT",
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn everybody_hears_it_also_later() {
        let (trigger, shutdown) = Shutdown::new();
        let waiting = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { shutdown.requested().await }
        });
        tokio::task::yield_now().await;
        assert!(!shutdown.is_requested() && shutdown.requested().now_or_never().is_none());
        trigger.pull();
        waiting.await.unwrap();
        assert!(shutdown.is_requested());
        shutdown.requested().await;
        drop(trigger);
        shutdown.requested().await;
    }

    #[tokio::test]
    async fn a_trigger_that_is_gone_was_not_pulled() {
        let (trigger, shutdown) = Shutdown::new();
        drop(trigger);
        assert!(shutdown.requested().now_or_never().is_none());
    }
}
