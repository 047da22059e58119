//! A progress bar for work that takes long enough to be wondered about.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

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
