//! What shows that work goes on, where it takes long enough to be wondered about.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::printable;

/// Work that is done sooner needs no bar.
const PATIENCE: Duration = Duration::from_millis(300);

/// Counts what is done, and shows it on stderr when it takes longer than [`PATIENCE`].
#[derive(Debug)]
pub(crate) struct Progress {
    total: usize,
    done: usize,
    since: Instant,
    shown: bool,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Starts counting. Nothing is ever shown unless `shown`.
    pub(crate) fn new(total: usize, shown: bool) -> Self {
        Self { total, done: 0, since: Instant::now(), shown: shown && total > 1, bar: None }
    }

    /// One more is done.
    pub(crate) fn advance(&mut self) {
        self.done += 1;
        if !self.shown || self.since.elapsed() < PATIENCE {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("◎ rendering [{bar:30}] {pos}/{len}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(self.total as u64).with_style(style.progress_chars("=> "))
        });
        bar.set_position(self.done as u64);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Whether somebody has the last line of the terminal.
static SPINS: AtomicBool = AtomicBool::new(false);

/// Turns while something is waited for, and tells how that is doing. Of several at a time, the first
/// is seen.
#[derive(Debug)]
pub(crate) struct Spinner(Option<ProgressBar>);

impl Spinner {
    /// Starts turning, if `shown`.
    pub(crate) fn start(shown: bool) -> Self {
        if !shown || SPINS.swap(true, Ordering::Relaxed) {
            return Self(None);
        }
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(Some(bar))
    }

    /// Tells how it is doing now.
    pub(crate) fn tell(&self, what: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(printable(what.lines().next().unwrap_or_default()));
        }
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
            SPINS.store(false, Ordering::Relaxed);
        }
    }
}
