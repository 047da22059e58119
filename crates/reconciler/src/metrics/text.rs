//! From the format of the library, `OpenMetrics`, to the text format that every scraper reads.

/// The same metrics as plain text of version 0.0.4.
///
/// There, a counter is described under the name of its samples, with `_total`. Units and the mark of
/// the end are comments that say nothing.
pub(super) fn plain(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    // The text of the metric whose type comes next.
    let mut help = None;
    for line in open_metrics.lines() {
        if let Some(described) = line.strip_prefix("# HELP ") {
            help = described.split_once(' ');
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|typed| typed.split_once(' ')) {
            let total = if kind == "counter" { "_total" } else { "" };
            if let Some((_, help)) = help.take() {
                text.extend(["# HELP ", name, total, " ", help, "\n"]);
            }
            text.extend(["# TYPE ", name, total, " ", kind, "\n"]);
        } else if !line.starts_with('#') {
            text.extend([line, "\n"]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(open_metrics: &str, expected: &str) {
        assert_eq!(plain(open_metrics), expected);
    }

    #[test]
    fn counters_are_described_by_the_name_of_their_samples() {
        check(
            "# HELP a Some a.\n# TYPE a counter\na_total{b=\"# c\"} 1\n# EOF\n",
            "# HELP a_total Some a.\n# TYPE a_total counter\na_total{b=\"# c\"} 1\n",
        );
    }

    #[test]
    fn other_metrics_stay_as_they_are() {
        let gauge = "# HELP a Some a.\n# TYPE a gauge\na 1\n";
        check(gauge, gauge);
        check("# HELP a_s A.\n# TYPE a_s gauge\n# UNIT a_s s\na_s 1\n", "# HELP a_s A.\n# TYPE a_s gauge\na_s 1\n");
    }
}
