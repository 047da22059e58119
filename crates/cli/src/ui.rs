//! What people see, all of it on stderr.

mod progress;

use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal as _, Write as _};

use anstyle::{AnsiColor, Style};

pub(crate) use progress::{Progress, Spinner};

use crate::error::Failure;

/// How many files a complaint that several share lists.
const LISTED: usize = 5;

/// Prints a failure: a block for each complaint, and below it what to do.
///
/// Colours are only used on terminals, and never with `NO_COLOR`.
pub fn report(failure: &Failure) {
    // There is nobody to tell where stderr is closed.
    let _ = anstream::stderr().lock().write_all(describe(failure).as_bytes());
}

/// Prints that something has been done.
pub(crate) fn done(what: fmt::Arguments<'_>) {
    let _ = writeln!(anstream::stderr(), "✔ {}", printable(&what.to_string()));
}

/// What a line of the story starts with. People search for these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Something was asked for.
    Sent,
    /// Something takes its time.
    Waiting,
    /// Something is done.
    Done,
    /// Something failed.
    Failed,
    /// One of several, fine as it was.
    Item,
}

impl Mark {
    fn colored(self) -> String {
        match self {
            Self::Sent => "►".to_owned(),
            Self::Waiting => "◎".to_owned(),
            Self::Done => marked("✔", AnsiColor::Green),
            Self::Failed => marked("✗", AnsiColor::Red),
            Self::Item => "•".to_owned(),
        }
    }

    /// The line as text, with colours where `anstream` leaves them.
    pub(crate) fn line(self, what: &str) -> String {
        format!("{} {}\n", self.colored(), printable(what))
    }
}

/// Prints a line of the story.
pub(crate) fn marked_line(mark: Mark, what: &str) {
    let _ = anstream::stderr().lock().write_all(mark.line(what).as_bytes());
}

/// Prints a remark.
pub(crate) fn remark(what: &str) {
    let _ = writeln!(anstream::stderr(), "{}", printable(what));
}

/// True where a progress bar can be seen and does no harm: on a terminal, and not between data.
pub(crate) fn may_show_progress(data_on_stdout: bool) -> bool {
    io::stderr().is_terminal() && !(data_on_stdout && io::stdout().is_terminal())
}

fn describe(failure: &Failure) -> String {
    let mut text = String::new();
    let mut blocks = failure.blocks().into_iter().peekable();
    while let Some(block) = blocks.next() {
        let gap = if text.is_empty() { "" } else { "\n" };
        let _ = write!(text, "{gap}{} ", marked("✗", AnsiColor::Red));
        let (first, others) = block.subjects.split_first().unzip();
        let subject = first.map(|subject| format!("{subject}: ")).unwrap_or_default();
        let _ = writeln!(text, "{}", printable(&format!("{subject}{}", block.what)));
        for cause in &block.causes {
            let _ = writeln!(text, "  {}", printable(cause));
        }
        let others = others.unwrap_or_default();
        if !others.is_empty() {
            let _ = writeln!(text, "  also: {}", printable(&list(others)));
        }
        // Complaints in a row that need the same advice share it.
        let shared = blocks.peek().is_some_and(|next| next.hint == block.hint);
        if let Some(hint) = block.hint.filter(|_| !shared) {
            let _ = writeln!(text, "\n{} {}", marked("hint:", AnsiColor::Cyan), printable(&hint));
        }
    }
    text
}

fn list(subjects: &[String]) -> String {
    let listed = subjects.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
    match subjects.len().saturating_sub(LISTED) {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}

fn marked(word: &str, color: AnsiColor) -> String {
    let style = Style::new().fg_color(Some(color.into())).bold();
    format!("{style}{word}{style:#}")
}

/// The text with control characters made visible: names and values come from strangers, and must
/// not move the cursor of whoever reads about them, nor turn around what they read.
pub(crate) fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_unseen(c) { safe.extend(c.escape_default()) } else { safe.push(c) }
    }
    safe
}

/// True for the characters that change the direction of others, join or part them, or break lines,
/// and show nothing themselves.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Advise, Complaint};

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Plain(&'static str);

    impl Advise for Plain {}

    #[test]
    fn control_characters_are_shown_not_sent() {
        let text = describe(&Complaint::about("a\u{1b}[2J", Plain("b\r")).into());
        assert!(text.ends_with("a\\u{1b}[2J: b\\r\n"), "{text:?}");
    }

    #[test]
    fn characters_that_turn_the_text_around_are_shown_not_sent() {
        assert_eq!(printable("a\u{202e}b\u{2066}\u{feff}"), "a\\u{202e}b\\u{2066}\\u{feff}");
        assert_eq!(printable("grün, 港, \u{1f600}"), "grün, 港, \u{1f600}");
    }

    #[test]
    fn long_lists_are_cut() {
        let subjects: Vec<String> = (0..8).map(|number| number.to_string()).collect();
        assert_eq!(list(&subjects), "0, 1, 2, 3, 4 and 3 more");
        assert_eq!(list(&subjects[..2]), "0, 1");
    }
}
