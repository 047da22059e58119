//! A plan for people.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use flux_operator_impact::{Counts, Difference, Line, Risk, Word};
use serde_json::Value;

use super::Prediction;
use crate::inputs::counted;
use crate::ui::printable;

/// The longest value that is shown as it is, in characters.
const SHOWN: usize = 100;

/// The plan, with colours.
pub(super) fn plan(prediction: &Prediction) -> String {
    let mut text = String::new();
    let Prediction { desired, from, assessment, .. } = prediction;
    let _ = writeln!(text, "FluxInstance/{}/{}", desired.namespace, desired.name);
    let _ = writeln!(text, "  {}\n", way(from.as_deref(), &desired.revision));
    let (plain, telling): (Vec<&Line>, Vec<&Line>) = assessment.lines.iter().partition(|line| is_plain(line));
    for line in telling {
        let (sign, color) = sign(line.effect);
        let _ = writeln!(text, "{} {} {}", painted(sign, color), printable(&line.object), risk(line));
        for finding in &line.findings {
            let _ = writeln!(text, "    {} {}", bullet(finding.risk), printable(&finding.text));
            if !finding.advice.is_empty() {
                let _ = writeln!(text, "      → {}", printable(&finding.advice));
            }
        }
        text.push_str(&differences(&line.differences, "    "));
    }
    text.push_str(&folded(&plain));
    if !assessment.lines.is_empty() {
        text.push('\n');
    }
    let _ = writeln!(text, "{}", summary(&assessment.counts()));
    if !assessment.is_empty() {
        let risk = assessment.risk();
        let _ = writeln!(text, "Risk: {}", painted(&risk.to_string(), color(risk)));
    }
    let untried = assessment.lines.iter().filter(|line| !line.tried && prediction.cluster.is_some()).count();
    if untried > 0 {
        let _ = writeln!(
            text,
            "{} could not be tried: their kind or namespace only comes with this change",
            counted(untried, "object")
        );
    }
    text
}

/// Whether an object only gets other labels or annotations, as every object does in an upgrade.
fn is_plain(line: &Line) -> bool {
    let is_metadata = |difference: &Difference| difference.path.starts_with("metadata.");
    line.effect == Word::Changed && line.findings.is_empty() && line.differences.iter().all(is_metadata)
}

/// Objects that only get other labels or annotations: one line for all, and each difference once.
fn folded(lines: &[&Line]) -> String {
    let Some(first) = lines.first() else {
        return String::new();
    };
    let (sign, color) = sign(first.effect);
    let mut text =
        format!("{} {}: labels and annotations only\n", painted(sign, color), counted(lines.len(), "object"));
    let mut told: Vec<Difference> = Vec::new();
    for difference in lines.iter().flat_map(|line| &line.differences) {
        if !told.contains(difference) {
            told.push(difference.clone());
        }
    }
    text.push_str(&differences(&told, "    "));
    text
}

/// The fields that differ, a line each.
pub(crate) fn differences(differences: &[Difference], indent: &str) -> String {
    let mut text = String::new();
    for Difference { path, before, after } in differences {
        let path = printable(path);
        let _ = match (before, after) {
            (Some(before), Some(after)) => writeln!(text, "{indent}± {path}: {} → {}", value(before), value(after)),
            (Some(before), None) => writeln!(text, "{indent}- {path}: {}", value(before)),
            (None, Some(after)) => writeln!(text, "{indent}+ {path}: {}", value(after)),
            (None, None) => Ok(()),
        };
    }
    text
}

/// What becomes of an object, as `flux diff` says it.
pub(crate) fn mark(word: Word) -> &'static str {
    match word {
        Word::Created => "created",
        Word::Changed => "drifted",
        Word::Replaced => "replaced",
        Word::Pruned => "deleted",
        Word::Skipped => "skipped",
        Word::Refused => "refused",
    }
}

/// From which revision to which.
pub(super) fn way(from: Option<&str>, to: &str) -> String {
    match from {
        None => format!("nothing → {to}"),
        Some(from) if from == to => format!("{to}, which is applied"),
        Some(from) => format!("{from} → {to}"),
    }
}

/// How many objects become what.
pub(super) fn summary(counts: &Counts) -> String {
    let Counts { created, changed, replaced, pruned, skipped, refused, unchanged } = *counts;
    let words = [
        (created, "created"),
        (changed, "changed"),
        (replaced, "replaced"),
        (pruned, "pruned"),
        (skipped, "left alone"),
        (refused, "refused"),
        (unchanged, "unchanged"),
    ];
    let told: Vec<String> =
        words.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if told.is_empty() { "No objects".to_owned() } else { told.join(", ") }
}

/// A value on one line, cut where it is long.
pub(super) fn value(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    printable(&shown)
}

fn sign(word: Word) -> (&'static str, AnsiColor) {
    match word {
        Word::Created => ("+", AnsiColor::Green),
        Word::Changed => ("~", AnsiColor::Yellow),
        Word::Replaced => ("±", AnsiColor::Red),
        Word::Pruned => ("-", AnsiColor::Red),
        Word::Skipped => ("•", AnsiColor::Cyan),
        Word::Refused => ("✗", AnsiColor::Red),
    }
}

fn color(risk: Risk) -> AnsiColor {
    match risk {
        Risk::Low => AnsiColor::Green,
        Risk::Medium => AnsiColor::Yellow,
        Risk::High | Risk::Blocked => AnsiColor::Red,
    }
}

fn risk(line: &Line) -> String {
    if line.risk == Risk::Low { String::new() } else { painted(&format!("[{}]", line.risk), color(line.risk)) }
}

fn bullet(risk: Risk) -> String {
    match risk {
        Risk::Low => "·".to_owned(),
        risk => painted("!", color(risk)),
    }
}

fn painted(text: &str, color: AnsiColor) -> String {
    let style = Style::new().fg_color(Some(color.into()));
    format!("{style}{text}{style:#}")
}
