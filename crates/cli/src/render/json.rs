//! JSON as `kubectl` and every other Go program prints it.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{Formatter, PrettyFormatter};

/// Writes a value with an indentation of two blanks.
///
/// The characters `<`, `>`, `&`, U+2028 and U+2029 are escaped, so that the text is safe inside of
/// HTML and JavaScript, and equal to the bytes that Go writes.
pub(super) fn write(value: &impl Serialize, out: impl Write) -> io::Result<()> {
    let formatter = Escaping { pretty: PrettyFormatter::new() };
    value.serialize(&mut Serializer::with_formatter(out, formatter)).map_err(io::Error::from)
}

struct Escaping {
    pretty: PrettyFormatter<'static>,
}

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(position) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            let (plain, from) = rest.split_at(position);
            let mut letters = from.chars();
            let special = letters.next().map_or(0, u32::from);
            write!(writer, "{plain}\\u{special:04x}")?;
            rest = letters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.pretty.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.pretty.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[track_caller]
    fn check(value: &Value, expected: &str) {
        let mut bytes = Vec::new();
        write(value, &mut bytes).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn escapes_what_go_escapes() {
        check(
            &json!(["<a> & \u{2028}\u{2029}", "é\"\\\n\t\u{1}\u{7f}"]),
            "[\n  \"\\u003ca\\u003e \\u0026 \\u2028\\u2029\",\n  \"é\\\"\\\\\\n\\t\\u0001\u{7f}\"\n]",
        );
        check(&json!({"<": 1}), "{\n  \"\\u003c\": 1\n}");
    }

    #[test]
    fn sorts_keys_and_keeps_empty_values_on_one_line() {
        check(&json!({"b": {}, "a": []}), "{\n  \"a\": [],\n  \"b\": {}\n}");
    }
}
