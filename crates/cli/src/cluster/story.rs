//! What happens while it happens, on stderr.

use std::fmt;

use crate::ui::{self, Mark, Spinner};

/// Tells lines with a mark, unless `--quiet`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Story {
    quiet: bool,
}

impl Story {
    pub(crate) fn new(quiet: bool) -> Self {
        Self { quiet }
    }

    /// Something was asked for.
    pub(crate) fn sent(self, what: impl fmt::Display) {
        self.line(Mark::Sent, what);
    }

    /// Something takes its time.
    pub(crate) fn waiting(self, what: impl fmt::Display) {
        self.line(Mark::Waiting, what);
    }

    /// Turns while something is waited for, where somebody can see it.
    pub(crate) fn spinner(self) -> Spinner {
        Spinner::start(!self.quiet && ui::may_show_progress(false))
    }

    /// Something is done.
    pub(crate) fn done(self, what: impl fmt::Display) {
        self.line(Mark::Done, what);
    }

    /// Something was fine as it was.
    pub(crate) fn item(self, what: impl fmt::Display) {
        self.line(Mark::Item, what);
    }

    /// Something failed, and others go on.
    pub(crate) fn failed(self, what: impl fmt::Display) {
        self.line(Mark::Failed, what);
    }

    /// A remark without a mark.
    pub(crate) fn remark(self, what: impl fmt::Display) {
        if !self.quiet {
            ui::remark(&what.to_string());
        }
    }

    fn line(self, mark: Mark, what: impl fmt::Display) {
        if !self.quiet {
            ui::marked_line(mark, &what.to_string());
        }
    }
}
