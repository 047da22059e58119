//! Which events are written, as tables.

use flux_operator_api::Reason;

use super::super::tests::at;
use super::*;

/// What becomes of an event, in short: `new` or `again`, how often, and whether it stands for others.
fn shown(verdict: &Verdict) -> String {
    let (word, sighting) = match verdict {
        Verdict::Create(sighting) => ("new", sighting),
        Verdict::Update(sighting) => ("again", sighting),
        Verdict::Suppress => return "nothing".to_owned(),
    };
    let combined = if sighting.message.starts_with(COMBINED) { ", combined" } else { "" };
    format!("{word} x{}{combined}", sighting.count)
}

fn failed(message: &str) -> Event {
    Event::warning(Reason::ReconciliationFailed, message)
}

/// Each line: the second, the message of a warning, and what becomes of it.
#[track_caller]
fn check(lines: &[(i64, &str, &str)]) {
    let mut correlator = Correlator::default();
    for (second, message, expected) in lines {
        let verdict = correlator.observe("u-1", &failed(message), at(*second));
        assert_eq!(shown(&verdict), *expected, "`{message}` at {second}");
    }
}

#[test]
fn repeated_events_are_counted_for_fifty_minutes() {
    const REMEMBERED: i64 = 50 * 60;
    check(&[
        (0, "a", "new x1"),
        (1, "b", "new x1"),
        (2, "a", "again x2"),
        (REMEMBERED + 1, "a", "again x3"),
        (REMEMBERED + 2, "b", "new x1"),
        (2 * REMEMBERED + 1, "a", "new x1"),
    ]);
}

#[test]
fn the_eleventh_similar_event_is_combined() {
    let messages: Vec<String> = (0..14).map(|n| format!("attempt {n}")).collect();
    let mut lines: Vec<(i64, &str, &str)> = messages.iter().take(10).map(|text| (0, text.as_str(), "new x1")).collect();
    lines.extend([
        (1, "attempt 9", "again x2"),
        (2, "attempt 10", "new x1, combined"),
        (3, "attempt 11", "again x2, combined"),
        // Neither leaves the combined event by coming again.
        (4, "attempt 10", "again x3, combined"),
        // It has its own event still.
        (5, "attempt 9", "again x3"),
        (6, "attempt 12", "again x4, combined"),
        // Ten minutes after all of these, nothing is similar any more; the combined event is still there.
        (606, "attempt 13", "new x1"),
        (607, "attempt 10", "new x1"),
    ]);
    check(&lines);
}

#[test]
fn events_ten_minutes_apart_are_not_similar() {
    let messages: Vec<String> = (0..40).map(|n| format!("attempt {n}")).collect();
    let lines = messages.iter().zip(0..).map(|(message, n)| (n * 601, message.as_str(), "new x1"));
    check(&lines.collect::<Vec<_>>());
}

#[test]
fn a_combined_event_says_so_and_keeps_its_name() {
    let mut correlator = Correlator::default();
    let mut verdicts = (0..12).map(|n| correlator.observe("u-1", &failed(&n.to_string()), at(n))).skip(10);
    let Some(Verdict::Create(first)) = verdicts.next() else { panic!("expected a new event") };
    let Some(Verdict::Update(second)) = verdicts.next() else { panic!("expected the same event") };
    assert_eq!(first.message, "(combined from similar events): 10");
    assert_eq!(second.message, "(combined from similar events): 11");
    assert_eq!((second.id, second.first, second.last), (first.id, at(10), at(11)));
}

#[test]
fn reasons_severities_and_subjects_are_told_apart() {
    let events = [
        ("u-1", failed("a")),
        ("u-1", Event::normal(Reason::ReconciliationFailed, "a")),
        ("u-1", Event::warning(Reason::BuildFailed, "a")),
        ("u-2", failed("a")),
    ];
    let mut correlator = Correlator::default();
    let mut ids = Vec::new();
    for (uid, event) in &events {
        match correlator.observe(uid, event, at(0)) {
            Verdict::Create(sighting) => ids.push(sighting.id),
            other => panic!("expected a new event, found {other:?}"),
        }
    }
    // All of the same nanosecond, and yet no two have one name.
    ids.dedup();
    assert_eq!(ids.len(), events.len());
}

#[test]
fn a_flood_is_cut_and_then_trickles() {
    let mut correlator = Correlator::default();
    let mut observe = |second, event: &Event| shown(&correlator.observe("u-1", event, at(second)));
    let (warning, normal) = (failed("a"), Event::normal(Reason::ReconciliationSucceeded, "b"));
    assert_eq!(observe(0, &warning), "new x1");
    for count in 2..=25 {
        assert_eq!(observe(0, &warning), format!("again x{count}"));
    }
    assert_eq!(observe(1, &warning), "nothing");
    assert_eq!(observe(299, &warning), "nothing");
    // Another severity has a bucket of its own.
    assert_eq!(observe(299, &normal), "new x1");
    // What was not written is in the count.
    assert_eq!(observe(300, &warning), "again x28");
    assert_eq!(observe(301, &warning), "nothing");
    assert_eq!(observe(600, &warning), "again x30");
    // An hour fills the bucket by twelve.
    let written = (0..30).filter(|_| observe(600 + 3600, &warning) != "nothing").count();
    assert_eq!(written, 12);
}

#[test]
fn a_bucket_holds_no_more_than_a_burst() {
    let mut correlator = Correlator::default();
    let mut burst = |second| {
        let event = failed("a");
        (0..40).filter(|_| correlator.observe("u-1", &event, at(second)) != Verdict::Suppress).count()
    };
    assert_eq!(burst(0), 25);
    assert_eq!(burst(1_000_000), 25);
    assert_eq!(burst(1_000_299), 0);
    assert_eq!(burst(1_000_300), 1);
}

#[test]
fn an_event_that_was_cut_is_created_later() {
    let mut correlator = Correlator::default();
    for _ in 0..25 {
        correlator.observe("u-1", &failed("a"), at(0));
    }
    assert_eq!(correlator.observe("u-1", &failed("b"), at(1)), Verdict::Suppress);
    assert_eq!(shown(&correlator.observe("u-1", &failed("b"), at(301))), "new x2");
}

#[test]
fn a_clock_that_goes_backwards_does_no_harm() {
    check(&[(900, "a", "new x1"), (0, "a", "again x2"), (0, "b", "new x1"), (901, "a", "again x3")]);
}

#[test]
fn memory_is_bounded() {
    let mut correlator = Correlator::default();
    for n in 0..500 {
        let uid = format!("u-{n}");
        for message in 0..50 {
            correlator.observe(&uid, &failed(&message.to_string()), at(n));
        }
    }
    assert_eq!((correlator.groups.len(), correlator.buckets.len()), (MAX_GROUPS, MAX_GROUPS));
    assert!(correlator.groups.values().all(|group| group.recent.len() <= MAX_SIMILAR));
    // The latest are the ones that are known.
    assert!(correlator.buckets.contains_key(&("u-499".to_owned(), Severity::Warning)));
}
