//! How a text may be written: bare, in quotes, or as a block.

use crate::yaml::scalar::reads_as_text;

/// True for the many texts that need neither quotes nor folding: words without blanks, made of
/// characters that mean nothing to YAML anywhere, that no reader takes for anything but a text.
pub(super) fn is_simple(text: &str) -> bool {
    let is_simple = |c: &u8| {
        c.is_ascii_alphanumeric()
            || matches!(c, b'-' | b'_' | b'.' | b'/' | b'=' | b'$' | b'(' | b')' | b'+' | b';' | b'^')
    };
    let bytes = text.as_bytes();
    let starts = bytes.first().is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, b'/' | b'$' | b'(' | b'^'));
    starts && bytes.iter().all(is_simple) && (bytes.len() > LONGEST_WORD || reads_as_text(text))
}

/// The length of `false`, the longest of the words that are no texts.
const LONGEST_WORD: usize = 5;

/// What the characters of a text allow.
pub(super) struct Shape {
    pub(super) plain_allowed: bool,
    pub(super) single_quotes_allowed: bool,
    pub(super) block_allowed: bool,
}

impl Shape {
    pub(super) fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
            return Self { plain_allowed: true, single_quotes_allowed: true, block_allowed: false };
        };
        let blank_at = |at: usize| bytes.get(at).is_none_or(|byte| matches!(byte, b' ' | b'\t'));
        let mut indicator = text.starts_with("---") || text.starts_with("...");
        indicator |= match first {
            b'#' | b',' | b'[' | b']' | b'{' | b'}' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"' | b'%' | b'@'
            | b'`' => true,
            b'?' | b':' | b'-' => blank_at(1),
            _ => false,
        };
        let (mut break_before_space, mut space_before_break, mut line_breaks) = (false, false, false);
        let mut special = false;
        let mut previous = b'x';
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b':' if at > 0 => indicator |= blank_at(at + 1),
                b'#' if at > 0 => indicator |= matches!(previous, b' ' | b'\t' | b'\n'),
                b' ' => break_before_space |= previous == b'\n',
                b'\n' => {
                    line_breaks = true;
                    space_before_break |= previous == b' ';
                }
                0..=0x1f | 0x7f => special = true,
                _ => {}
            }
            previous = *byte;
        }
        if !special && !text.is_ascii() {
            special = text.chars().any(|c| !c.is_ascii() && (!is_printable(c) || is_break(c)));
        }
        let edges = matches!(first, b' ' | b'\n') || matches!(last, b' ' | b'\n');
        let odd = space_before_break || special;
        Self {
            plain_allowed: !(edges || break_before_space || odd || line_breaks || indicator),
            single_quotes_allowed: !(break_before_space || odd),
            block_allowed: *last != b' ' && !odd,
        }
    }
}

/// The line breaks of YAML 1.1. All but the line feed are written with an escape.
pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}') && c != '\u{feff}'
}

pub(super) fn escape(c: char) -> Option<String> {
    let short = match c {
        '\0' => "\\0",
        '\u{7}' => "\\a",
        '\u{8}' => "\\b",
        '\t' => "\\t",
        '\n' => "\\n",
        '\u{b}' => "\\v",
        '\u{c}' => "\\f",
        '\r' => "\\r",
        '\u{1b}' => "\\e",
        '"' => "\\\"",
        '\\' => "\\\\",
        '\u{85}' => "\\N",
        '\u{2028}' => "\\L",
        '\u{2029}' => "\\P",
        c if is_printable(c) => return None,
        c => {
            let code = u32::from(c);
            return Some(match code {
                0..=0xff => format!("\\x{code:02X}"),
                0x100..=0xffff => format!("\\u{code:04X}"),
                _ => format!("\\U{code:08X}"),
            });
        }
    };
    Some(short.to_owned())
}
