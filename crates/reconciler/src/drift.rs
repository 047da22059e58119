//! Two managers in a fight: objects whose drift comes back are corrected less and less often.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use flux_operator_api::ObjectId;
use tokio::time::Instant;

/// Objects whose drift was corrected a short time ago.
#[derive(Debug, Default)]
pub(crate) struct Fights {
    fights: BTreeMap<ObjectId, Fight>,
}

#[derive(Debug)]
struct Fight {
    corrections: u32,
    /// When the last correction was.
    last: Instant,
}

/// How long an object is held after its third correction in a row. Doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// The longest pause.
const MAX_PAUSE: Duration = Duration::from_secs(5 * 60);

/// How many corrections there are before there is a pause: somebody may try something twice.
const FREE: u32 = 3;

/// How long an object has to be left in peace, beyond its pause, for the fight to be over.
const PEACE: Duration = Duration::from_secs(10 * 60);

impl Fights {
    /// Notes that the drift of an object was corrected. Returns how long it is held from now on,
    /// where it is.
    pub(crate) fn corrected(&mut self, id: &ObjectId, now: Instant) -> Option<Duration> {
        self.fights.retain(|_, fight| now.duration_since(fight.last) < fight.pause() + PEACE);
        let fight = self.fights.entry(id.clone()).or_insert(Fight { corrections: 0, last: now });
        fight.corrections = fight.corrections.saturating_add(1);
        fight.last = now;
        Some(fight.pause()).filter(|pause| !pause.is_zero())
    }

    /// Which of the drifted objects may be corrected now, and when it is the turn of the next of the
    /// others.
    pub(crate) fn turn(&self, drifted: &[ObjectId], now: Instant) -> Turn {
        let mut turn = Turn::default();
        for id in drifted {
            match self.fights.get(id).map(|fight| fight.last + fight.pause()).filter(|until| *until > now) {
                Some(until) => {
                    turn.held.insert(id.clone());
                    turn.next = Some(turn.next.map_or(until, |next| next.min(until)));
                }
                None => turn.is_due = true,
            }
        }
        turn
    }
}

/// What to do about drift now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Turn {
    /// Whether there is an object to correct.
    pub(crate) is_due: bool,
    /// The objects to leave alone for now.
    pub(crate) held: BTreeSet<ObjectId>,
    /// When the first of these may be corrected.
    pub(crate) next: Option<Instant>,
}

impl Fight {
    fn pause(&self) -> Duration {
        match self.corrections.checked_sub(FREE) {
            None => Duration::ZERO,
            Some(more) => FIRST_PAUSE.saturating_mul(1 << more.min(16)).min(MAX_PAUSE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> ObjectId {
        ObjectId::new("apps", "Deployment", "flux-system", name)
    }

    #[test]
    fn a_fight_slows_down_and_is_forgotten_in_peace() {
        let (mut fights, start) = (Fights::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let pauses: Vec<_> = (0..12).map(|_| fights.corrected(&id("a"), start).unwrap_or_default().as_secs()).collect();
        assert_eq!(pauses, [0, 0, 5, 10, 20, 40, 80, 160, 300, 300, 300, 300]);

        let drifted = [id("a"), id("b")];
        let held = Turn { is_due: true, held: [id("a")].into(), next: Some(at(300)) };
        assert_eq!(fights.turn(&drifted, at(299)), held);
        assert_eq!(fights.turn(&drifted, at(300)), Turn { is_due: true, ..Turn::default() });
        assert_eq!(fights.turn(&[], at(1)), Turn::default());

        assert_eq!(fights.corrected(&id("a"), at(300 + 599)), Some(MAX_PAUSE));
        assert_eq!(fights.corrected(&id("a"), at(3_000)), None);
    }

    #[test]
    fn the_first_turn_counts() {
        let (mut fights, start) = (Fights::default(), Instant::now());
        for (name, corrections) in [("a", 5), ("b", 3)] {
            for _ in 0..corrections {
                fights.corrected(&id(name), start);
            }
        }
        let turn = fights.turn(&[id("a"), id("b")], start);
        assert!(!turn.is_due);
        assert_eq!(turn.next, Some(start + Duration::from_secs(5)));
    }
}
