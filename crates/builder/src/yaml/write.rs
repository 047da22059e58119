//! From JSON values to the YAML that Kubernetes users see everywhere.
//!
//! The layout is the one of the Go library behind `kubectl` and `flux` (libyaml's emitter rules),
//! byte for byte: a diff against their output is empty, and the revision, which is a digest of
//! this text, is the one that other tools compute for the same objects.

mod order;
mod text;

use flux_operator_api::{Field, Fields, Object};
use serde_json::Value;

use super::scalar::reads_as_text;
use order::{in_natural_order, natural_order};
use text::{Shape, escape, is_break, is_simple};

/// The column after which a line is folded at its next blank.
const WIDTH: usize = 80;
/// A longer key is written in the explicit form, `? key`.
const MAX_SIMPLE_KEY: usize = 128;

/// Appends one value as a YAML document that ends with a line break.
///
/// ```
/// use flux_operator_builder::yaml::write;
///
/// let mut text = String::new();
/// write(&serde_json::json!({"port": "8080", "args": ["--on", "*"]}), &mut text);
/// assert_eq!(text, "args:\n- --on\n- '*'\nport: \"8080\"\n");
/// ```
pub fn write(value: &Value, out: &mut String) {
    let line_start = out.len();
    let mut writer = Writer { out, line_start };
    match value {
        Value::Object(map) if !map.is_empty() => {
            writer.mapping(map.iter().map(|(key, value)| (key.as_str(), value)), 0, false);
        }
        Value::Array(items) if !items.is_empty() => writer.sequence(items, 0, false),
        other => {
            writer.leaf(other, 2);
            writer.line_break();
        }
    }
}

/// Appends an object like [`write()`]. Fields that were written before are only copied.
pub fn write_object(object: &Object, out: &mut String) {
    write_fields(object.shared_fields(), out);
}

/// Appends the top-level fields of an object, like [`write_object`].
pub(crate) fn write_fields(fields: &Fields, out: &mut String) {
    let mut fields: Vec<_> = fields.iter().collect();
    fields.sort_by(|(a, _), (b, _)| natural_order(a, b));
    for (name, field) in fields {
        out.push_str(field_text(name, field));
    }
}

/// A top-level field as it is written, with its name.
pub(crate) fn field_text<'f>(name: &str, field: &'f Field) -> &'f str {
    field.text(|value| {
        let mut text = String::new();
        Writer { out: &mut text, line_start: 0 }.entry(name, value, 0, false);
        text
    })
}

struct Writer<'o> {
    out: &'o mut String,
    /// Where in `out` the current line begins.
    line_start: usize,
}

impl Writer<'_> {
    /// Entries at column `indent`; the first one continues the current line where `inline`.
    fn mapping<'a>(
        &mut self,
        entries: impl Iterator<Item = (&'a str, &'a Value)> + Clone,
        indent: usize,
        inline: bool,
    ) {
        let mut inline = inline;
        if in_natural_order(entries.clone().map(|(key, _)| key)) {
            for (key, value) in entries {
                self.entry(key, value, indent, inline);
                inline = false;
            }
        } else {
            let mut entries: Vec<_> = entries.collect();
            entries.sort_by(|(a, _), (b, _)| natural_order(a, b));
            for (key, value) in entries {
                self.entry(key, value, indent, inline);
                inline = false;
            }
        }
    }

    fn entry(&mut self, key: &str, value: &Value, indent: usize, inline: bool) {
        if !inline {
            self.indent(indent);
        }
        if key.len() > MAX_SIMPLE_KEY || !is_simple(key) && key.contains(is_break) {
            self.out.push_str("? ");
            self.text(key, indent + 2, true);
            self.line_break();
            self.indent(indent);
            self.out.push(':');
            self.item(value, indent);
            return;
        }
        self.text(key, indent, false);
        self.out.push(':');
        match value {
            Value::Object(map) if !map.is_empty() => {
                self.line_break();
                self.mapping(map.iter().map(|(key, value)| (key.as_str(), value)), indent + 2, false);
            }
            Value::Array(items) if !items.is_empty() => {
                self.line_break();
                self.sequence(items, indent, false);
            }
            other => {
                self.out.push(' ');
                self.leaf(other, indent + 2);
                self.line_break();
            }
        }
    }

    /// Dashes at column `indent`; the first one continues the current line where `inline`.
    fn sequence(&mut self, items: &[Value], indent: usize, inline: bool) {
        let mut inline = inline;
        for item in items {
            if !inline {
                self.indent(indent);
            }
            inline = false;
            self.out.push('-');
            self.item(item, indent);
        }
    }

    /// A value on the line of the indicator that stands at column `indent`.
    fn item(&mut self, item: &Value, indent: usize) {
        self.out.push(' ');
        match item {
            Value::Object(map) if !map.is_empty() => {
                self.mapping(map.iter().map(|(key, value)| (key.as_str(), value)), indent + 2, true);
            }
            Value::Array(items) if !items.is_empty() => self.sequence(items, indent + 2, true),
            other => {
                self.leaf(other, indent + 2);
                self.line_break();
            }
        }
    }

    fn leaf(&mut self, value: &Value, indent: usize) {
        match value {
            Value::Null => self.out.push_str("null"),
            Value::Bool(true) => self.out.push_str("true"),
            Value::Bool(false) => self.out.push_str("false"),
            Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
                Some(float) => self.out.push_str(&general_notation(float)),
                None => self.out.push_str(&number.to_string()),
            },
            Value::String(text) => self.text(text, indent, true),
            Value::Array(_) => self.out.push_str("[]"),
            Value::Object(_) => self.out.push_str("{}"),
        }
    }

    /// A text whose further lines stand at column `indent`; folded only where `may_fold`.
    fn text(&mut self, text: &str, indent: usize, may_fold: bool) {
        if is_simple(text) {
            self.out.push_str(text);
            return;
        }
        let shape = Shape::of(text);
        if text.contains('\n') && may_fold && shape.block_allowed {
            self.literal(text, indent);
        } else if text.contains('\n') || !reads_as_text(text) {
            self.double_quoted(text, indent, may_fold);
        } else if shape.plain_allowed {
            self.folded(text, indent, may_fold, false);
        } else if shape.single_quotes_allowed {
            self.out.push('\'');
            self.folded(text, indent, may_fold, true);
            self.out.push('\'');
        } else {
            self.double_quoted(text, indent, may_fold);
        }
    }

    /// A plain or single-quoted text, its line folded at single blanks behind the width.
    fn folded(&mut self, text: &str, indent: usize, may_fold: bool, quoted: bool) {
        let fits = self.out.len() - self.line_start + text.len() <= WIDTH;
        if (fits || !may_fold) && !(quoted && text.contains('\'')) {
            self.out.push_str(text);
            return;
        }
        let mut after_space = false;
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if c == ' ' {
                let next = chars.peek().map(|(_, next)| *next);
                let inside = !quoted || (at > 0 && next.is_some());
                if may_fold && !after_space && inside && next != Some(' ') && self.column() > WIDTH {
                    self.line_break();
                    self.indent(indent);
                } else {
                    self.out.push(' ');
                }
                after_space = true;
            } else {
                if quoted && c == '\'' {
                    self.out.push('\'');
                }
                self.out.push(c);
                after_space = false;
            }
        }
    }

    fn double_quoted(&mut self, text: &str, indent: usize, may_fold: bool) {
        self.out.push('"');
        let mut after_space = false;
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if c == ' ' {
                let next = chars.peek().map(|(_, next)| *next);
                if may_fold && !after_space && at > 0 && next.is_some() && self.column() > WIDTH {
                    self.line_break();
                    self.indent(indent);
                    if next == Some(' ') {
                        self.out.push('\\');
                    }
                } else {
                    self.out.push(' ');
                }
                after_space = true;
                continue;
            }
            after_space = false;
            match escape(c) {
                Some(escaped) => self.out.push_str(&escaped),
                None => self.out.push(c),
            }
        }
        self.out.push('"');
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.out.push('|');
        if text.starts_with([' ', '\n']) {
            self.out.push('2');
        }
        match text.strip_suffix('\n') {
            None => self.out.push('-'),
            Some(rest) if rest.is_empty() || rest.ends_with('\n') => self.out.push('+'),
            Some(_) => {}
        }
        for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
            self.line_break();
            if !line.is_empty() {
                self.indent(indent);
                self.out.push_str(line);
            }
        }
    }

    fn indent(&mut self, columns: usize) {
        const BLANKS: &str = "                                                                ";
        let mut left = columns;
        while left > 0 {
            let some = left.min(BLANKS.len());
            self.out.push_str(BLANKS.get(..some).unwrap_or(BLANKS));
            left -= some;
        }
    }

    fn line_break(&mut self) {
        self.out.push('\n');
        self.line_start = self.out.len();
    }

    /// The characters already on the current line.
    fn column(&self) -> usize {
        self.out.get(self.line_start..).map_or(0, |line| line.chars().count())
    }
}

/// The shortest digits that read back as the same number, with an exponent where that is below -4
/// or above 5, as Go prints a number that has a fraction (`%g`).
fn general_notation(value: f64) -> String {
    let scientific = format!("{value:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return value.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::super::{Dialect, Limits, read_documents};
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(value: &Value, expected: &str) {
        let mut text = String::new();
        write(value, &mut text);
        assert_eq!(text, expected);
        let back = read_documents(&text, Dialect::Yaml11, &Limits::INPUT).unwrap();
        assert_eq!(back.first().unwrap_or(&Value::Null), value);
    }

    #[test]
    fn lays_out_collections() {
        check(
            &json!({"a": {"b": [{"c": 1, "d": []}, [1, [2]], {}], "e": {}}}),
            "a:\n  b:\n  - c: 1\n    d: []\n  - - 1\n    - - 2\n  - {}\n  e: {}\n",
        );
        check(&json!([null, true, 1.5, -3]), "- null\n- true\n- 1.5\n- -3\n");
    }

    #[test]
    fn quotes_only_what_needs_it() {
        for (text, expected) in [
            ("", "\"\""),
            ("true", "\"true\""),
            ("y", "\"y\""),
            ("8080", "\"8080\""),
            ("2020-01-01", "\"2020-01-01\""),
            ("12:30:45", "\"12:30:45\""),
            ("*", "'*'"),
            ("{a", "'{a'"),
            ("a: b", "'a: b'"),
            ("a #b", "'a #b'"),
            ("it's", "it's"),
            ("'it", "'''it'"),
            ("a:b#c", "a:b#c"),
            ("- a", "'- a'"),
            ("-a", "-a"),
            (" a", "' a'"),
            ("a\tb", "\"a\\tb\""),
            ("ü", "ü"),
            ("\u{1f600}", "\"\\U0001F600\""),
            ("\u{2028}", "\"\\L\""),
            ("a\nb", "|-\n  a\n  b"),
            ("a\n\nb\n", "|\n  a\n\n  b"),
            ("a\n\n", "|+\n  a\n"),
            (" a\nb", "|2-\n   a\n  b"),
            ("a \nb", "\"a \\nb\""),
        ] {
            check(&json!({"k": text}), &format!("k: {expected}\n"));
        }
    }

    #[test]
    fn folds_behind_the_width() {
        let words = |count| ["123456789"; 9][..count].join(" ");
        check(&json!({"k": words(9)}), &format!("k: {}\n  123456789\n", words(8)));
        check(&json!({"k": format!("*{}", words(9))}), &format!("k: '*{}\n  123456789'\n", words(8)));
        check(&json!({"k": format!("\t{}", words(9))}), &format!("k: \"\\t{}\n  123456789\"\n", words(8)));
        check(&json!({"k": "x".repeat(100)}), &format!("k: {}\n", "x".repeat(100)));
    }

    #[test]
    fn sorts_keys_as_people_do() {
        check(
            &json!({"a10": 1, "a2": 1, "B": 1, "a-b": 1, "a_b": 1, "y": 1}),
            "B: 1\na-b: 1\na_b: 1\na2: 1\na10: 1\n\"y\": 1\n",
        );
        check(&json!({"v1": 1, "v1beta1": 1, "v10": 1, "v01": 1}), "v1: 1\nv01: 1\nv10: 1\nv1beta1: 1\n");
    }

    #[test]
    fn long_keys_take_the_explicit_form() {
        let key = "k".repeat(129);
        check(&json!({ &key: {"a": [1]} }), &format!("? {key}\n: a:\n  - 1\n"));
    }
}
