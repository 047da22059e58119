//! When the report is composed, and written if it is another one.
//!
//! ```text
//! something changed     a moment later, a minute after the last write at the earliest
//! asked for             as soon as what is known has settled
//! nothing happened      at the interval
//! a write failed        after a growing pause
//! ```

use std::time::Duration;

use tokio::time::Instant;

use crate::schedule::Backoff;

/// The least time between two writes while objects change.
pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// How long to wait after a change: one seldom comes alone.
const SETTLE: Duration = Duration::from_secs(1);

/// How long changes may keep a report waiting that was asked for.
const LONGEST: Duration = Duration::from_secs(10);

/// What has happened since the last look.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Option<Duration>,
    backoff: Backoff,
    looked: Instant,
    wrote: Option<Instant>,
    first_change: Option<Instant>,
    last_change: Option<Instant>,
    asked: Option<Instant>,
    put_off: Option<PutOff>,
    failures: u32,
}

/// A look that waits for something that is about to be known.
#[derive(Clone, Copy, Debug)]
struct PutOff {
    since: Instant,
    again: Instant,
}

impl Pace {
    /// A report that is due as soon as everything is known. Without an interval it is written for a
    /// reason only.
    pub(super) fn new(interval: Option<Duration>, backoff: Backoff, now: Instant) -> Self {
        Self {
            interval,
            backoff,
            looked: now,
            wrote: None,
            first_change: None,
            last_change: None,
            asked: Some(now),
            put_off: None,
            failures: 0,
        }
    }

    /// How often the report is looked over without a reason.
    pub(super) fn set_interval(&mut self, interval: Option<Duration>) {
        self.interval = interval;
    }

    /// Something is different than it was.
    pub(super) fn change(&mut self, now: Instant) {
        self.first_change.get_or_insert(now);
        self.last_change = Some(now);
    }

    /// Somebody wants to see what there is now.
    pub(super) fn ask(&mut self, now: Instant) {
        self.asked.get_or_insert(now);
    }

    /// Puts the look that is due off, because something is about to be known. `false` where that takes
    /// too long, and the report has to do without.
    pub(super) fn put_off(&mut self, now: Instant) -> bool {
        let since = self.put_off.map_or(now, |put_off| put_off.since);
        self.put_off = Some(PutOff { since, again: now + SETTLE });
        now < since + LONGEST
    }

    /// The report was composed, and written if it was another one.
    pub(super) fn looked(&mut self, now: Instant, has_written: bool) {
        self.looked = now;
        if has_written {
            self.wrote = Some(now);
        }
        (self.first_change, self.last_change, self.asked) = (None, None, None);
        (self.put_off, self.failures) = (None, 0);
    }

    /// The report could not be written.
    pub(super) fn failed(&mut self, now: Instant) {
        self.looked = now;
        self.put_off = None;
        self.failures = self.failures.saturating_add(1);
    }

    /// When the next look is; none where there has to be a reason.
    pub(super) fn due(&self) -> Option<Instant> {
        if let Some(put_off) = self.put_off {
            return Some(put_off.again);
        }
        if self.failures > 0 {
            return Some(self.looked + self.backoff.pause(self.failures));
        }
        let asked = self.asked.map(|asked| {
            let settled = self.last_change.map_or(asked, |change| change.max(asked)) + SETTLE;
            settled.min(asked + LONGEST)
        });
        let changed = self.first_change.map(|change| {
            let earliest = self.wrote.map_or(change, |wrote| wrote + self.pause());
            (change + SETTLE).max(earliest)
        });
        let routine = self.interval.map(|interval| self.looked + interval);
        [asked, changed, routine].into_iter().flatten().min()
    }

    /// Whoever wants reports more often than every minute gets them.
    fn pause(&self) -> Duration {
        self.interval.map_or(MINUTE, |interval| interval.min(MINUTE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(300);

    /// A pace that has written at the start, and the start.
    fn pace(interval: Option<Duration>) -> (Pace, Instant) {
        let start = Instant::now();
        let mut pace = Pace::new(interval, Backoff::default(), start);
        assert_eq!(pace.due(), Some(start + SETTLE));
        pace.looked(start, true);
        (pace, start)
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn without_a_reason_it_is_the_interval() {
        let (pace, start) = pace(Some(INTERVAL));
        assert_eq!(pace.due(), Some(start + INTERVAL));
        assert_eq!(self::pace(None).0.due(), None);
    }

    /// A status changes ten times a second, for an hour.
    #[test]
    fn changes_that_never_end_are_written_once_a_minute() {
        let (mut pace, start) = pace(Some(INTERVAL));
        let mut writes = Vec::new();
        for tenth in 1..36_000 {
            let now = start + tenth * Duration::from_millis(100);
            if pace.due().is_some_and(|due| due <= now) {
                pace.looked(now, true);
                writes.push(now);
            }
            pace.change(now);
        }
        assert!((59..=60).contains(&writes.len()), "{}", writes.len());
        assert!(writes.windows(2).all(|pair| pair[1] - pair[0] >= MINUTE));
    }

    #[test]
    fn a_change_after_a_quiet_time_is_written_soon() {
        let (mut pace, start) = pace(Some(INTERVAL));
        pace.change(start + seconds(200));
        assert_eq!(pace.due(), Some(start + seconds(200) + SETTLE));
    }

    #[test]
    fn what_made_no_difference_does_not_delay_what_does() {
        let (mut pace, start) = pace(Some(INTERVAL));
        pace.change(start + seconds(100));
        pace.looked(start + seconds(101), false);
        pace.change(start + seconds(102));
        assert_eq!(pace.due(), Some(start + seconds(102) + SETTLE));
    }

    #[test]
    fn who_asks_waits_for_changes_to_settle_but_not_for_ever() {
        let (mut pace, start) = pace(Some(INTERVAL));
        pace.ask(start + seconds(5));
        assert_eq!(pace.due(), Some(start + seconds(5) + SETTLE));
        pace.change(start + seconds(6));
        assert_eq!(pace.due(), Some(start + seconds(6) + SETTLE));
        pace.change(start + seconds(30));
        assert_eq!(pace.due(), Some(start + seconds(5) + LONGEST));
    }

    #[test]
    fn who_wants_reports_often_gets_them() {
        let (mut pace, start) = pace(Some(seconds(10)));
        pace.change(start);
        assert_eq!(pace.due(), Some(start + seconds(10)));
    }

    #[test]
    fn what_is_about_to_be_known_is_waited_for_but_not_for_ever() {
        let (mut pace, start) = pace(Some(INTERVAL));
        pace.change(start);
        for second in 0..10 {
            assert!(pace.put_off(start + seconds(second)));
            assert_eq!(pace.due(), Some(start + seconds(second) + SETTLE));
        }
        assert!(!pace.put_off(start + seconds(10)));
        // A failure begins anew.
        pace.failed(start + seconds(10));
        assert_eq!(pace.due(), Some(start + Duration::from_millis(10_750)));
        assert!(pace.put_off(start + seconds(11)));
        assert_eq!(pace.due(), Some(start + seconds(12)));
        pace.looked(start + seconds(12), true);
        assert_eq!(pace.due(), Some(start + seconds(12) + INTERVAL));
    }

    #[test]
    fn a_failure_is_tried_again_whatever_happens() {
        let (mut pace, start) = pace(Some(INTERVAL));
        pace.ask(start);
        pace.failed(start);
        pace.failed(start);
        pace.change(start);
        assert_eq!(pace.due(), Some(start + Duration::from_millis(1500)));
        pace.looked(start + seconds(2), true);
        assert_eq!(pace.due(), Some(start + seconds(2) + INTERVAL));
    }
}
