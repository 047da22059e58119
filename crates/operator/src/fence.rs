//! The fence: no write unless the lease is certainly ours.
//!
//! A replica may stop in the middle of anything: its node is suspended, its process is stopped, its
//! network hangs. When it comes back, another one may have taken the lease, and what the first one was
//! about to write must not be written any more. So every write looks at the clock, again and again,
//! until it is on the wire:
//!
//! - [`FenceLayer`] sits around kube's HTTP service, inside of its queue. It looks before the request
//!   is passed on and at every poll of it: while it waits for credentials, for a connection, for an
//!   answer.
//! - [`FencedConnections`] runs the connections, and looks at every poll of them. What was handed to a
//!   connection and not written, or written in part, ends with it.
//!
//! What remains is a process that stops between this look and the system call after it, and a request
//! that is under way in the network for longer than the lease outlives the renew deadline.
//!
//! The clock is monotonic. On Linux it stands still while a whole machine is suspended: a replica on a
//! suspended node may write once before its next renewal tells it that the lease is gone.

mod connections;
mod layer;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

pub use connections::FencedConnections;
pub use layer::{FenceLayer, FencedRequest, FencedService};

/// Whether writes are allowed. Clones are the same fence.
#[derive(Clone, Debug)]
pub struct Fence(Arc<Mutex<State>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// There is no election.
    Open,
    /// The lease has not been ours yet.
    Waiting,
    /// The lease is ours until then, at least.
    Until(Instant),
    /// We have given the lease back, or are about to.
    Closed,
}

/// Why a write was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The lease has not been ours yet.
    #[error("refused to write: this replica does not hold the lease yet")]
    NotYet,
    /// The lease was ours for longer than we can tell.
    #[error("refused to write: this replica has not renewed its lease in time")]
    Lapsed,
    /// The lease is given back.
    #[error("refused to write: this replica is giving its lease back")]
    Closed,
}

impl Fence {
    /// A fence that is open for ever, for a program without an election.
    pub fn open() -> Self {
        Self::new(State::Open)
    }

    /// A fence that is shut until the lease is ours.
    pub fn shut() -> Self {
        Self::new(State::Waiting)
    }

    /// The lease is ours until `until`, at least. `false` where the fence had shut already: what was
    /// started before must not be written under another lease, so it stays shut.
    #[must_use]
    pub fn extend(&self, until: Instant) -> bool {
        let mut state = self.state();
        match (*state).check(Instant::now()) {
            Ok(()) | Err(Refused::NotYet) => {
                if *state != State::Open {
                    *state = State::Until(until);
                }
                true
            }
            Err(Refused::Lapsed | Refused::Closed) => false,
        }
    }

    /// Shuts the fence for ever.
    pub fn close(&self) {
        *self.state() = State::Closed;
    }

    /// Whether a write is allowed now.
    ///
    /// # Errors
    /// It is not.
    pub fn check(&self) -> Result<(), Refused> {
        // The clock is read under the lock: a check never answers for an earlier moment than the state.
        let state = self.state();
        (*state).check(Instant::now())
    }

    /// Whether the lease was ours and is no more.
    fn has_fallen(&self) -> bool {
        matches!(self.check(), Err(Refused::Lapsed | Refused::Closed))
    }

    fn new(state: State) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn check(self, now: Instant) -> Result<(), Refused> {
        match self {
            Self::Open => Ok(()),
            Self::Until(until) if now < until => Ok(()),
            Self::Until(_) => Err(Refused::Lapsed),
            Self::Waiting => Err(Refused::NotYet),
            Self::Closed => Err(Refused::Closed),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn is_open_while_the_lease_is_ours() {
        let fence = Fence::shut();
        assert_eq!(fence.check(), Err(Refused::NotYet));
        assert!(fence.extend(Instant::now() + 30 * SECOND));
        tokio::time::advance(29 * SECOND).await;
        assert_eq!(fence.check(), Ok(()));
        assert!(fence.extend(Instant::now() + 30 * SECOND));
        tokio::time::advance(29 * SECOND).await;
        assert_eq!(fence.check(), Ok(()));
        tokio::time::advance(SECOND).await;
        assert_eq!(fence.check(), Err(Refused::Lapsed));
    }

    #[tokio::test(start_paused = true)]
    async fn a_fence_that_has_fallen_stays_shut() {
        let fence = Fence::shut();
        assert!(fence.extend(Instant::now() + SECOND));
        tokio::time::advance(SECOND).await;
        assert!(!fence.extend(Instant::now() + 30 * SECOND));
        assert_eq!(fence.check(), Err(Refused::Lapsed));

        let fence = Fence::shut();
        assert!(fence.extend(Instant::now() + 30 * SECOND));
        fence.close();
        assert!(!fence.extend(Instant::now() + 30 * SECOND));
        assert_eq!(fence.check(), Err(Refused::Closed));
    }

    #[tokio::test(start_paused = true)]
    async fn without_an_election_it_is_always_open() {
        let fence = Fence::open();
        assert!(fence.extend(Instant::now()));
        tokio::time::advance(1_000_000 * SECOND).await;
        assert_eq!(fence.check(), Ok(()));
    }
}
