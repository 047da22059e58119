//! A plan for a pull request.

use std::fmt::Write as _;

use flux_operator_impact::Risk;

use super::Prediction;
use super::text::{differences, summary, way};

/// The plan: a table of the objects, what to look at first, and the fields folded away.
pub(super) fn plan(prediction: &Prediction) -> String {
    let Prediction { desired, from, assessment, .. } = prediction;
    let mut text = String::new();
    let _ = writeln!(text, "### Plan for FluxInstance `{}/{}`\n", desired.namespace, desired.name);
    let _ = writeln!(text, "{}\n", escaped(&way(from.as_deref(), &desired.revision)));
    let _ = writeln!(text, "{}. Risk: **{}**.", summary(&assessment.counts()), assessment.risk());
    if assessment.lines.is_empty() {
        return text;
    }
    let mut serious: Vec<_> = assessment
        .lines
        .iter()
        .flat_map(|line| line.findings.iter().map(move |finding| (line, finding)))
        .filter(|(_, finding)| finding.risk >= Risk::High)
        .collect();
    serious.sort_by_key(|(_, finding)| std::cmp::Reverse(finding.risk));
    if !serious.is_empty() {
        text.push('\n');
    }
    for (line, finding) in serious {
        let advice = if finding.advice.is_empty() { String::new() } else { format!(" — {}", finding.advice) };
        let _ = writeln!(text, "- **{}** `{}`: {}{}", finding.risk, line.object, finding.text, advice);
    }
    text.push_str("\n| object | change | risk | what it means |\n| --- | --- | --- | --- |\n");
    for line in &assessment.lines {
        let word = serde_json::to_value(line.effect).unwrap_or_default();
        let findings: Vec<String> = line.findings.iter().map(|finding| escaped(&finding.text)).collect();
        let word = word.as_str().unwrap_or_default();
        let _ = writeln!(text, "| `{}` | {word} | {} | {} |", line.object, line.risk, findings.join("<br>"));
    }
    let fields: String = assessment
        .lines
        .iter()
        .filter(|line| !line.differences.is_empty())
        .map(|line| format!("{}\n{}", line.object, differences(&line.differences, "  ")))
        .collect();
    if !fields.is_empty() {
        let _ = writeln!(text, "\n<details><summary>Fields</summary>\n\n```text\n{fields}```\n\n</details>");
    }
    text
}

/// A text for a cell of a table.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ").replace('<', "&lt;")
}
