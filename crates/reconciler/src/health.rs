//! Whether the operator is alive and ready, for those who ask from outside.
//!
//! The program and the controller write down what they know, the probes read it. Nothing here waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How old the last sign of life of the controller may be. The controller is to give one every few
/// seconds, whatever else it is doing.
pub const HEARTBEAT_LIMIT: Duration = Duration::from_secs(60);

/// The health of the process, shared by cloning.
#[derive(Clone, Debug)]
pub struct Health(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    created: Instant,
    /// A [`Phase`].
    phase: AtomicU8,
    synced: AtomicBool,
    /// Milliseconds from `created` to the last heartbeat.
    beat: AtomicU64,
}

/// How far the program has come. Phases follow one another and never go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Phase {
    Starting,
    Standby,
    Working,
}

/// Why the operator is not alive or not ready, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwell {
    /// The API server has not answered since the start.
    #[error("the API server has not answered yet")]
    Unconnected,
    /// The caches do not hold what the cluster does.
    #[error("the caches are not synced")]
    Unsynced,
    /// The controller does not turn any more.
    #[error("the controller gave no sign of life for {} s, at most {} s are allowed", .0.as_secs(), HEARTBEAT_LIMIT.as_secs())]
    Silent(Duration),
}

impl Health {
    /// The health of a program that has just started: alive, and not ready.
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            created: Instant::now(),
            phase: AtomicU8::new(Phase::Starting as u8),
            synced: AtomicBool::new(false),
            beat: AtomicU64::new(0),
        }))
    }

    /// The API server has answered, and this replica waits for its turn. From now on it is ready: it
    /// could take over.
    pub fn standby(&self) {
        self.reach(Phase::Standby);
    }

    /// The controller runs. From now on it has to give signs of life, and is ready when its caches are.
    pub fn working(&self) {
        self.beat();
        self.reach(Phase::Working);
    }

    /// The controller turns.
    pub fn beat(&self) {
        self.beat_at(Instant::now());
    }

    /// Whether the caches hold what the cluster does.
    pub fn synced(&self, synced: bool) {
        self.0.synced.store(synced, Ordering::Release);
    }

    /// Whether the process does what it is there for. Otherwise it should be started anew.
    ///
    /// # Errors
    /// The controller runs, and its last heartbeat is older than [`HEARTBEAT_LIMIT`].
    pub fn is_live(&self, now: Instant) -> Result<(), Unwell> {
        let beat = self.0.created + Duration::from_millis(self.0.beat.load(Ordering::Acquire));
        let silence = now.saturating_duration_since(beat);
        if self.has_reached(Phase::Working) && silence > HEARTBEAT_LIMIT {
            return Err(Unwell::Silent(silence));
        }
        Ok(())
    }

    /// Whether the process can do what it is there for.
    ///
    /// # Errors
    /// The API server has not answered yet, or the controller runs and its caches are not synced.
    pub fn is_ready(&self) -> Result<(), Unwell> {
        if !self.has_reached(Phase::Standby) {
            Err(Unwell::Unconnected)
        } else if self.has_reached(Phase::Working) && !self.0.synced.load(Ordering::Acquire) {
            Err(Unwell::Unsynced)
        } else {
            Ok(())
        }
    }

    fn beat_at(&self, now: Instant) {
        let since = now.saturating_duration_since(self.0.created).as_millis();
        self.0.beat.fetch_max(u64::try_from(since).unwrap_or(u64::MAX), Ordering::AcqRel);
    }

    fn reach(&self, phase: Phase) {
        self.0.phase.fetch_max(phase as u8, Ordering::AcqRel);
    }

    fn has_reached(&self, phase: Phase) -> bool {
        self.0.phase.load(Ordering::Acquire) >= phase as u8
    }
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn later(health: &Health, seconds: u64) -> Instant {
        health.0.created + Duration::from_secs(seconds)
    }

    #[test]
    fn a_replica_that_waits_is_ready_and_owes_no_heartbeat() {
        let health = Health::new();
        assert_eq!(health.is_ready(), Err(Unwell::Unconnected));
        health.standby();
        assert_eq!(health.is_ready(), Ok(()));
        assert_eq!(health.is_live(later(&health, 1_000_000)), Ok(()));
    }

    #[test]
    fn a_controller_is_ready_while_its_caches_are() {
        let health = Health::new();
        health.standby();
        health.working();
        assert_eq!(health.is_ready(), Err(Unwell::Unsynced));
        health.synced(true);
        assert_eq!(health.is_ready(), Ok(()));
        health.synced(false);
        assert_eq!(health.is_ready(), Err(Unwell::Unsynced));
        // Nobody goes back to waiting.
        health.standby();
        assert_eq!(health.is_ready(), Err(Unwell::Unsynced));
    }

    #[test]
    fn a_controller_is_live_while_it_beats() {
        let health = Health::new();
        health.working();
        health.beat_at(later(&health, 100));
        assert_eq!(health.is_live(later(&health, 160)), Ok(()));
        assert_eq!(health.is_live(later(&health, 161)), Err(Unwell::Silent(Duration::from_secs(61))));
        // A clock that was read before the last heartbeat.
        assert_eq!(health.is_live(later(&health, 99)), Ok(()));
        health.beat_at(later(&health, 150));
        assert_eq!(health.is_live(later(&health, 161)), Ok(()));
    }

    #[test]
    fn says_why() {
        assert_eq!(
            Unwell::Silent(Duration::from_millis(61_500)).to_string(),
            "the controller gave no sign of life for 61 s, at most 60 s are allowed"
        );
    }
}
