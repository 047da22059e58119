//! The table of goals and figures.

use std::fmt;
use std::time::Duration;

/// Rows in the order in which they were measured.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    what: String,
    goal: Option<Figure>,
    measured: Figure,
}

/// A figure with its unit.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(super) enum Figure {
    Time(Duration),
    /// In bytes.
    Memory(u64),
    /// How often one figure goes into another.
    Ratio(f64),
}

impl Table {
    /// Adds a figure that has no goal.
    pub(super) fn note(&mut self, what: impl Into<String>, measured: Figure) {
        self.rows.push(Row { what: what.into(), goal: None, measured });
    }

    /// Adds a figure that is to be at most another.
    pub(super) fn at_most(&mut self, what: impl Into<String>, goal: Figure, measured: Figure) {
        self.rows.push(Row { what: what.into(), goal: Some(goal), measured });
    }

    /// Rows that miss their goal.
    pub(super) fn missed(&self) -> usize {
        self.rows.iter().filter(|row| row.is_missed()).count()
    }
}

impl Row {
    fn is_missed(&self) -> bool {
        self.goal.is_some_and(|goal| self.measured > goal)
    }

    fn cells(&self) -> [String; 4] {
        let goal = self.goal.map_or_else(String::new, |goal| format!("<= {goal}"));
        let verdict = match self.goal {
            None => "",
            Some(_) if self.is_missed() => "MISSED",
            Some(_) => "ok",
        };
        [self.what.clone(), goal, self.measured.to_string(), verdict.to_owned()]
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["WHAT", "GOAL", "MEASURED", "VERDICT"].map(str::to_owned);
        let rows: Vec<[String; 4]> = std::iter::once(head).chain(self.rows.iter().map(Row::cells)).collect();
        let mut widths = [0; 4];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for row in &rows {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("   ").trim_end())?;
        }
        Ok(())
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Time(time) if time < Duration::from_millis(1) => write!(f, "{} µs", time.as_micros()),
            Self::Time(time) if time < Duration::from_secs(1) => write!(f, "{:.1} ms", time.as_secs_f64() * 1e3),
            Self::Time(time) => write!(f, "{:.2} s", time.as_secs_f64()),
            Self::Memory(bytes) => write!(f, "{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
            Self::Ratio(ratio) => write!(f, "{ratio:.2}"),
        }
    }
}

/// The time that half of the runs stay below.
pub(super) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_verdicts_in_columns() {
        let mut table = Table::default();
        table.at_most("fast", Figure::Time(Duration::from_millis(2)), Figure::Time(Duration::from_micros(437)));
        table.at_most("large", Figure::Memory(30_000_000), Figure::Memory(31_290_000));
        table.note("growth", Figure::Ratio(1.004));
        assert_eq!(
            table.to_string(),
            "WHAT     GOAL         MEASURED   VERDICT\n\
             fast     <= 2.0 ms    437 µs     ok\n\
             large    <= 30.0 MB   31.2 MB    MISSED\n\
             growth                1.00\n"
        );
        assert_eq!(table.missed(), 1);
    }

    #[test]
    fn the_median_is_one_of_the_times() {
        let times = [9, 1, 5].map(Duration::from_secs);
        assert_eq!(median(times.to_vec()), Duration::from_secs(5));
    }
}
