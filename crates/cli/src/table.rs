//! Tables as scripts expect them: columns padded to their widest cell, and a TAB behind each.

use unicode_width::UnicodeWidthStr;

use crate::ui::printable;

/// Rows below a line of headers.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    headers: Vec<String>,
    rows: Vec<Vec<String>>,
    widths: Vec<usize>,
}

impl Table {
    /// A table without rows. Headers are upper-cased.
    pub(crate) fn new<'h>(headers: impl IntoIterator<Item = &'h str>) -> Self {
        let headers: Vec<String> = headers.into_iter().map(str::to_uppercase).collect();
        let widths = headers.iter().map(|header| header.width()).collect();
        Self { headers, rows: Vec::new(), widths }
    }

    /// Adds a row. Cells may have several lines; anything that would move the cursor is shown.
    pub(crate) fn push(&mut self, row: impl IntoIterator<Item = String>) {
        let clean = |cell: String| cell.trim_end().lines().map(printable).collect::<Vec<_>>().join("\n");
        let row: Vec<String> = row.into_iter().map(clean).collect();
        for (width, cell) in self.widths.iter_mut().zip(&row) {
            *width = cell.lines().map(UnicodeWidthStr::width).max().unwrap_or_default().max(*width);
        }
        self.rows.push(row);
    }

    /// The headers and all rows.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let last = self.headers.len().saturating_sub(1);
        for (column, (header, width)) in self.headers.iter().zip(&self.widths).enumerate() {
            pad(&mut text, header, *width);
            text.push(if column == last { ' ' } else { '\t' });
        }
        text.push('\n');
        text.push_str(&self.rows_text());
        text
    }

    /// The rows without the headers, as wide as all that came before.
    pub(crate) fn rows_text(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            let height = row.iter().map(|cell| cell.lines().count()).max().unwrap_or_default().max(1);
            for line in 0..height {
                for (cell, width) in row.iter().zip(&self.widths) {
                    pad(&mut text, cell.lines().nth(line).unwrap_or_default(), *width);
                    text.push('\t');
                }
                text.push('\n');
            }
        }
        text
    }

    /// Takes the rows out, and keeps the widths.
    pub(crate) fn clear(&mut self) {
        self.rows.clear();
    }
}

fn pad(text: &mut String, cell: &str, width: usize) {
    text.push_str(cell);
    text.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width())));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[&[&str]]) -> Table {
        let mut table = Table::new(["name", "ready", "message"]);
        for row in rows {
            table.push(row.iter().map(|cell| (*cell).to_owned()));
        }
        table
    }

    #[test]
    fn only_headers_without_rows() {
        assert_eq!(table(&[]).text(), "NAME\tREADY\tMESSAGE \n");
    }

    #[test]
    fn cells_are_padded_by_what_is_seen() {
        let text = table(&[&["web", "True", "Applied rev. 12"], &["港口", "False", ""]]).text();
        assert_eq!(
            text,
            "NAME\tREADY\tMESSAGE         \nweb \tTrue \tApplied rev. 12\t\n港口\tFalse\t               \t\n"
        );
    }

    #[test]
    fn a_cell_may_have_lines_but_not_move_the_cursor() {
        let text = table(&[&["a", "True", "one\ntwo\u{1b}[2J\n"]]).text();
        assert_eq!(text, "NAME\tREADY\tMESSAGE      \na   \tTrue \tone         \t\n    \t     \ttwo\\u{1b}[2J\t\n");
    }
}
