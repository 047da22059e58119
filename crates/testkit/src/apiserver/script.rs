//! How far a script has come.

use std::fmt::Write as _;

use super::reply::Reply;
use super::request::ApiRequest;
use super::step::{Call, Step};

#[derive(Debug, Default)]
pub(super) struct Script {
    steps: Vec<Vec<Line>>,
    /// Calls that are not in the script, each with the number of steps that were done then.
    unexpected: Vec<(usize, String)>,
}

#[derive(Debug)]
struct Line {
    call: Call,
    state: State,
}

#[derive(Debug)]
enum State {
    Expected,
    Came,
    /// It came, and this is wrong with it.
    Wrong(String),
}

impl Line {
    fn is_expected(&self) -> bool {
        matches!(self.state, State::Expected)
    }
}

impl Script {
    pub(super) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let lines = |step: Step| step.calls.into_iter().map(|call| Line { call, state: State::Expected }).collect();
        Self { steps: steps.into_iter().map(lines).collect(), unexpected: Vec::new() }
    }

    /// Finds the answer of a call, or says why there is none.
    pub(super) fn take(&mut self, request: &ApiRequest) -> Result<Reply, String> {
        let done = self.done();
        let open = || self.steps.get(done).into_iter().flatten().filter(|line| line.is_expected());
        let expected: Vec<_> = open().map(|line| format!("`{}`", line.call)).collect();
        let step = self.steps.get_mut(done).into_iter().flatten();
        let mut candidates: Vec<_> = step.filter(|line| line.is_expected() && line.call.is(request)).collect();
        // Of several calls that fit, one whose body fits as well.
        let index = candidates.iter().position(|line| line.call.fault(request).is_none()).unwrap_or_default();
        if candidates.is_empty() {
            let expected = if expected.is_empty() { "nothing".to_owned() } else { expected.join(" or ") };
            let text = format!("expected {expected}, came `{request}`");
            self.unexpected.push((done, text.clone()));
            return Err(text);
        }
        let line = candidates.swap_remove(index);
        let fault = line.call.fault(request);
        if let Some(fault) = fault {
            let text = format!("`{request}`: {fault}");
            line.state = State::Wrong(fault);
            return Err(text);
        }
        line.state = State::Came;
        Ok(line.call.reply.clone())
    }

    /// Whether calls are still to come, and none has gone wrong.
    pub(super) fn is_running(&self) -> bool {
        let fault = self.steps.iter().flatten().any(|line| matches!(line.state, State::Wrong(_)));
        self.done() < self.steps.len() && self.unexpected.is_empty() && !fault
    }

    /// The whole script with what happened, unless it is what was to happen.
    pub(super) fn report(&self) -> Option<String> {
        let is_followed = |line: &Line| matches!(line.state, State::Came);
        if self.unexpected.is_empty() && self.steps.iter().flatten().all(is_followed) {
            return None;
        }
        let mut report = String::new();
        for index in 0..=self.steps.len() {
            for (_, text) in self.unexpected.iter().filter(|(done, _)| *done == index) {
                let _ = writeln!(report, "  extra  {text}");
            }
            for Line { call, state } in self.steps.get(index).into_iter().flatten() {
                let _ = match state {
                    State::Expected => writeln!(report, "  never  {call}"),
                    State::Came => writeln!(report, "  came   {call}: {}", call.reply.summary()),
                    State::Wrong(fault) => writeln!(report, "  wrong  {call}: {fault}"),
                };
            }
        }
        Some(report)
    }

    /// How many steps are over.
    fn done(&self) -> usize {
        self.steps.iter().take_while(|step| !step.iter().any(Line::is_expected)).count()
    }
}
