//! Which events are written: repeated ones are counted, similar ones combined, floods cut.
//!
//! Kubernetes keeps events for an hour and shows how often each came. So an event that came before is written to the one
//! that is there; more than [`MAX_SIMILAR`] different messages of one severity and reason share an event; and nobody gets
//! more than [`BURST`] writes at once.
//!
//! Pure: the moment is an argument. What is remembered is bounded, whatever comes.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use jiff::{SignedDuration, Timestamp};

use super::{Event, EventReason, Severity};

/// How many messages of one severity and reason have an event of their own within [`SIMILAR`].
const MAX_SIMILAR: usize = 10;

/// How close in time similar events are.
const SIMILAR: SignedDuration = SignedDuration::from_mins(10);

/// How long after its last write an event is taken to be still there. API servers keep events for an hour unless told
/// otherwise; this stays below, so that an event of every hour is created and not looked for in vain.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(50);

/// How many writes one subject gets at once, for each severity.
const BURST: i64 = 25;

/// How long it takes until there is another one.
const REFILL: SignedDuration = SignedDuration::from_mins(5);

/// How many subjects, severities and reasons are remembered: all there are, for one instance. Of more, those are
/// forgotten that were quiet for longest.
const MAX_GROUPS: usize = 64;

/// What precedes a message that stands for others.
const COMBINED: &str = "(combined from similar events): ";

/// What to do with an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Write a new event.
    Create(Sighting),
    /// Write to the event that is there.
    Update(Sighting),
    /// Write nothing: there were too many.
    Suppress,
}

/// An event as it is to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sighting {
    /// Tells it from other events: nanoseconds, of when it first came.
    pub(super) id: u64,
    pub(super) message: String,
    pub(super) count: i32,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
}

/// The events that came lately.
#[derive(Debug, Default)]
pub(super) struct Correlator {
    groups: BTreeMap<(String, Severity, EventReason), Group>,
    buckets: BTreeMap<(String, Severity), Bucket>,
    last_id: u64,
}

/// Events of one subject, severity and reason.
#[derive(Debug, Default)]
struct Group {
    /// The messages that came last, the oldest first.
    recent: Vec<Recent>,
    combined: Option<Tally>,
}

#[derive(Debug)]
struct Recent {
    /// A digest: messages may be long.
    message: u64,
    seen: Timestamp,
    /// Nothing, where it is among the combined ones.
    own: Option<Tally>,
}

/// A stored event, or one that would be.
#[derive(Clone, Copy, Debug)]
struct Tally {
    id: u64,
    first: Timestamp,
    last: Timestamp,
    count: i32,
    is_written: bool,
}

#[derive(Debug)]
struct Bucket {
    tokens: i64,
    filled: Timestamp,
}

impl Correlator {
    /// Says what to do with an event about the subject with this UID.
    pub(super) fn observe(&mut self, uid: &str, event: &Event, now: Timestamp) -> Verdict {
        let id = self.id(now);
        let is_allowed = self.bucket((uid.to_owned(), event.severity), now).take(now);
        let group = self.group((uid.to_owned(), event.severity, event.reason));
        let (tally, is_combined) = group.tally(digest(&event.message), id, now);
        tally.count = tally.count.saturating_add(1);
        tally.last = now;
        if !is_allowed {
            return Verdict::Suppress;
        }
        let message = if is_combined { format!("{COMBINED}{}", event.message) } else { event.message.clone() };
        let sighting = Sighting { id: tally.id, message, count: tally.count, first: tally.first, last: now };
        if std::mem::replace(&mut tally.is_written, true) {
            Verdict::Update(sighting)
        } else {
            Verdict::Create(sighting)
        }
    }

    /// A number that no other event has: that of the nanosecond, or the next one that is free.
    fn id(&mut self, now: Timestamp) -> u64 {
        let nanosecond = u64::try_from(now.as_nanosecond()).unwrap_or_default();
        self.last_id = nanosecond.max(self.last_id.saturating_add(1));
        self.last_id
    }

    fn bucket(&mut self, key: (String, Severity), now: Timestamp) -> &mut Bucket {
        make_room(&mut self.buckets, &key, |bucket| bucket.filled);
        self.buckets.entry(key).or_insert(Bucket { tokens: BURST, filled: now })
    }

    fn group(&mut self, key: (String, Severity, EventReason)) -> &mut Group {
        make_room(&mut self.groups, &key, Group::seen);
        self.groups.entry(key).or_default()
    }
}

impl Group {
    /// The event that a message is written to, and whether that is the combined one.
    fn tally(&mut self, message: u64, id: u64, now: Timestamp) -> (&mut Tally, bool) {
        let place = self.recent.iter().position(|recent| recent.message == message);
        let known = place.map(|place| self.recent.remove(place));
        let similar = self.recent.iter().filter(|recent| now.duration_since(recent.seen) < SIMILAR).count();
        let own = match known {
            Some(Recent { own: Some(tally), .. }) if tally.is_remembered(now) => Some(tally),
            Some(Recent { own: None, seen, .. }) if now.duration_since(seen) < SIMILAR => None,
            _ => (similar < MAX_SIMILAR).then(|| Tally::new(id, now)),
        };
        if self.recent.len() >= MAX_SIMILAR {
            self.recent.remove(0);
        }
        self.recent.push(Recent { message, seen: now, own });
        if let Some(own) = self.recent.last_mut().and_then(|recent| recent.own.as_mut()) {
            return (own, false);
        }
        let combined = self.combined.filter(|tally| tally.is_remembered(now));
        (self.combined.insert(combined.unwrap_or_else(|| Tally::new(id, now))), true)
    }

    fn seen(&self) -> Timestamp {
        self.recent.last().map_or(Timestamp::MIN, |recent| recent.seen)
    }
}

impl Tally {
    fn new(id: u64, now: Timestamp) -> Self {
        Self { id, first: now, last: now, count: 0, is_written: false }
    }

    fn is_remembered(&self, now: Timestamp) -> bool {
        now.duration_since(self.last) < REMEMBERED
    }
}

impl Bucket {
    /// Takes a token, where there is one.
    fn take(&mut self, now: Timestamp) -> bool {
        let periods = now.duration_since(self.filled).as_secs() / REFILL.as_secs();
        if periods > 0 {
            self.tokens = self.tokens.saturating_add(periods).min(BURST);
            self.filled += REFILL * i32::try_from(periods).unwrap_or(i32::MAX);
        }
        if self.tokens == BURST {
            // Nothing is saved up beyond that.
            self.filled = now;
        }
        let is_there = self.tokens > 0;
        self.tokens -= i64::from(is_there);
        is_there
    }
}

fn digest(message: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    message.hash(&mut hasher);
    hasher.finish()
}

/// Forgets what was touched least recently, where the key would be one too many.
fn make_room<K: Ord + Clone, V>(map: &mut BTreeMap<K, V>, key: &K, touched: impl Fn(&V) -> Timestamp) {
    if map.len() < MAX_GROUPS || map.contains_key(key) {
        return;
    }
    let oldest = map.iter().min_by_key(|(_, value)| touched(value)).map(|(key, _)| key.clone());
    oldest.and_then(|key| map.remove(&key));
}

#[cfg(test)]
mod tests;
