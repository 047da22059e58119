//! What the proxy knows and decides, in plain values: rules, counts, and the point of death.

use std::collections::BTreeMap;

use super::KillAt;
use super::counts::{Counts, Entry, Outcome};
use super::rule::{Fault, Rule};
use crate::apiserver::ApiRequest;

#[derive(Debug, Default)]
pub(super) struct Ledger {
    rules: Vec<Watched>,
    counts: Counts,
    log: BTreeMap<u64, Entry>,
    next: u64,
    gate: Gate,
}

#[derive(Debug)]
struct Watched {
    rule: Rule,
    seen: usize,
    hit: usize,
}

/// Whether requests reach the server.
#[derive(Debug, Default)]
enum Gate {
    #[default]
    Open,
    /// So many more writes, then it closes.
    Closing(usize, KillAt),
    Closed,
}

/// What may happen to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It goes to the server.
    Forward,
    /// It goes to the server, and nothing else does. When the server is done, the proxy dies.
    ForwardThenKill,
    /// It does not, and the proxy dies now.
    Kill,
    /// It does not, and waits for the proxy to die.
    Hold,
}

impl Ledger {
    pub(super) fn add(&mut self, rule: Rule) {
        self.rules.push(Watched { rule, seen: 0, hit: 0 });
    }

    pub(super) fn kill_at(&mut self, nth_write: usize, at: KillAt) {
        self.gate = Gate::Closing(nth_write.max(1), at);
    }

    /// Takes note of a request, and finds the fault that hits it: the first of the rules that applies. Every rule that
    /// matches counts the request.
    pub(super) fn arrive(&mut self, request: &ApiRequest) -> (u64, Option<Fault>) {
        let mut fault = None;
        for watched in &mut self.rules {
            if !watched.rule.when.matches(request) {
                continue;
            }
            watched.seen += 1;
            let is_due = watched.seen > watched.rule.after;
            let is_left = watched.rule.times.is_none_or(|times| watched.hit < times);
            if fault.is_none() && is_due && is_left {
                watched.hit += 1;
                fault = Some(watched.rule.fault.clone());
            }
        }
        self.counts.add(request);
        let id = self.next;
        self.next += 1;
        let mut request = request.clone();
        request.body.clear();
        self.log.insert(id, Entry { request, fault: fault.clone(), outcome: Outcome::Open });
        (id, fault)
    }

    /// Decides whether a request may go to the server, right before it does.
    pub(super) fn admit(&mut self, request: &ApiRequest) -> Admission {
        match &mut self.gate {
            Gate::Open => Admission::Forward,
            Gate::Closed => Admission::Hold,
            Gate::Closing(..) if !request.is_write() => Admission::Forward,
            Gate::Closing(left, _) if *left > 1 => {
                *left -= 1;
                Admission::Forward
            }
            Gate::Closing(_, at) => {
                let admission = match at {
                    KillAt::Before => Admission::Kill,
                    KillAt::After => Admission::ForwardThenKill,
                };
                self.gate = Gate::Closed;
                admission
            }
        }
    }

    pub(super) fn close(&mut self, id: u64, outcome: Outcome) {
        if let Some(entry) = self.log.get_mut(&id) {
            entry.outcome = outcome;
        }
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    pub(super) fn log(&self) -> Vec<Entry> {
        self.log.values().cloned().collect()
    }

    pub(super) fn unused_rules(&self) -> Vec<Rule> {
        self.rules.iter().filter(|watched| watched.hit == 0).map(|watched| watched.rule.clone()).collect()
    }

    pub(super) fn clear_rules(&mut self) {
        self.rules.clear();
    }

    pub(super) fn reset(&mut self) {
        self.counts = Counts::default();
        self.log.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apiserver::Verb;
    use crate::proxy::Match;
    use bytes::Bytes;

    fn request(method: &str, uri: &str) -> ApiRequest {
        let (parts, ()) = http::Request::builder().method(method).uri(uri).body(()).unwrap().into_parts();
        ApiRequest::read(&parts, Bytes::new())
    }

    fn write() -> ApiRequest {
        request("PATCH", "/api/v1/namespaces/apps/configmaps/a")
    }

    #[test]
    fn rules_hit_what_they_say_and_the_first_one_wins() {
        let cases: [(Rule, [bool; 4]); 4] = [
            (Rule::new(Match::any(), Fault::Cut), [true, true, true, true]),
            (Rule::new(Match::any(), Fault::Cut).times(2), [true, true, false, false]),
            (Rule::new(Match::any(), Fault::Cut).nth(3), [false, false, true, false]),
            (Rule::new(Match::verb(Verb::Get), Fault::Cut), [false; 4]),
        ];
        for (rule, expected) in cases {
            let mut ledger = Ledger::default();
            ledger.add(rule.clone());
            let hit = [(); 4].map(|()| ledger.arrive(&write()).1.is_some());
            assert_eq!(hit, expected, "{rule}");
            assert_eq!(ledger.unused_rules().len(), usize::from(expected == [false; 4]), "{rule}");
        }
        let mut ledger = Ledger::default();
        ledger.add(Rule::new(Match::any(), Fault::Cut).times(1));
        ledger.add(Rule::new(Match::any(), Fault::Hang).nth(2));
        let hit = [(); 3].map(|()| ledger.arrive(&write()).1);
        assert_eq!(hit, [Some(Fault::Cut), Some(Fault::Hang), None]);
    }

    #[test]
    fn nothing_passes_after_the_last_write() {
        use Admission::{Forward, ForwardThenKill, Hold, Kill};
        let read = request("GET", "/api/v1/configmaps");
        let dry_run = request("PATCH", "/api/v1/namespaces/apps/configmaps/a?dryRun=All");
        for (at, last) in [(KillAt::Before, Kill), (KillAt::After, ForwardThenKill)] {
            let mut ledger = Ledger::default();
            assert_eq!(ledger.admit(&write()), Forward);
            ledger.kill_at(2, at);
            let admitted = [&write(), &read, &dry_run, &write(), &write(), &read].map(|request| ledger.admit(request));
            assert_eq!(admitted, [Forward, Forward, Forward, last, Hold, Hold]);
        }
    }
}
