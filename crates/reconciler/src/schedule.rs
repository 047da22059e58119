//! When to look again. Somebody always will, except at what is suspended.

use std::time::Duration;

use crate::outcome::{Class, Outcome};
use crate::settings::Settings;

/// When the next run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// At once.
    Now,
    /// After so long, unless something happens before.
    After(Duration),
    /// When something happens.
    Wait,
}

/// The pauses between runs that fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first. Default 750 ms.
    pub min: Duration,
    /// The longest. Default 15 min.
    pub max: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { min: Duration::from_millis(750), max: Duration::from_secs(15 * 60) }
    }
}

impl Backoff {
    /// The pause after so many failures in a row, the first of which is 1. Doubles each time.
    pub fn pause(self, failures: u32) -> Duration {
        let doubled = self.min.checked_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
        doubled.unwrap_or(self.max).min(self.max)
    }
}

/// What a schedule depends on besides the outcome.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The pauses between failures.
    pub backoff: Backoff,
    /// How much of an interval is left to chance, up or down, in percent. Default 5.
    pub jitter_percent: u8,
    /// The chance itself, from 0 up to 1.
    pub chance: f64,
}

/// When the run after this outcome is. `failures` counts those in a row, this one included.
///
/// A failure that lasts until the spec changes is looked at again at the interval all the same: the
/// distribution may have changed meanwhile.
pub fn next(outcome: &Outcome, settings: &Settings, failures: u32, pace: Pace) -> Next {
    let interval = settings.every.map_or(Next::Wait, |every| Next::After(jittered(every, pace)));
    match outcome {
        Outcome::Initialized { .. } | Outcome::Interrupted => Next::Now,
        Outcome::Suspended | Outcome::Released => Next::Wait,
        Outcome::Reconciled(_) => interval,
        Outcome::Failed(failure) => match failure.class() {
            Class::Terminal => interval,
            Class::Transient => Next::After(pace.backoff.pause(failures)),
        },
        // The run itself has waited.
        Outcome::Uninstalling(remains) if remains.failure.is_none() => Next::Now,
        Outcome::Uninstalling(_) => Next::After(pace.backoff.pause(failures)),
    }
}

fn jittered(interval: Duration, pace: Pace) -> Duration {
    let share = f64::from(pace.jitter_percent.min(99)) / 100.0;
    interval.mul_f64(1.0 + share * (2.0 * pace.chance - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pauses: Vec<_> = (1..=5).map(|failures| Backoff::default().pause(failures).as_millis()).collect();
        assert_eq!(pauses, [750, 1_500, 3_000, 6_000, 12_000]);
        for many in [12, 33, 1_000, u32::MAX] {
            assert_eq!(Backoff::default().pause(many), Duration::from_secs(900));
        }
    }

    #[test]
    fn intervals_spread_evenly_around_what_was_asked_for() {
        let of = |chance| {
            let pace = Pace { backoff: Backoff::default(), jitter_percent: 5, chance };
            jittered(Duration::from_secs(3_600), pace).as_secs()
        };
        assert_eq!((of(0.0), of(0.5), of(1.0)), (3_420, 3_600, 3_780));
    }
}
