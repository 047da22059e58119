//! The notations of numbers.

use serde_json::{Number, Value};

/// A number in the notations of YAML 1.1. Values without a fraction are integers: JSON makes no
/// difference between `1.0` and `1`, and neither may a hash or a comparison.
pub(super) fn number(text: &str) -> Option<Number> {
    let first = text.bytes().next()?;
    if !matches!(first, b'+' | b'-' | b'.' | b'0'..=b'9')
        || first == b'.' && (text.ends_with('_') || text.contains("._") || text.contains("__"))
    {
        return None;
    }
    // Most texts that start like a number go on as a word: `100m`, `1Gi`, `--flag`.
    let is_number = |c: u8| c.is_ascii_hexdigit() || matches!(c, b'+' | b'-' | b'.' | b'_' | b'x' | b'X' | b'o' | b'O');
    if !text.bytes().all(is_number) {
        return None;
    }
    let digits: String = text.chars().filter(|c| *c != '_').collect();
    integer(&digits).or_else(|| if is_float(&digits) { float(&digits) } else { None })
}

fn integer(text: &str) -> Option<Number> {
    let (negative, magnitude) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let (radix, digits) = match magnitude.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => (16, magnitude.get(2..)?),
        Some("0o") => (8, magnitude.get(2..)?),
        Some("0b") => (2, magnitude.get(2..)?),
        _ if magnitude.len() > 1 && magnitude.starts_with('0') => (8, magnitude.get(1..)?),
        _ => (10, magnitude),
    };
    // `from_str_radix` would accept a second sign.
    if !digits.bytes().all(|digit| digit.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if negative { 0i64.checked_sub_unsigned(magnitude).map(Number::from) } else { Some(Number::from(magnitude)) }
}

/// The grammar `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`.
fn is_float(text: &str) -> bool {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let whole = digits(text);
    let Some(rest) = text.get(whole..) else { return false };
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => (digits(rest), rest.get(digits(rest)..).unwrap_or_default()),
        None => (0, rest),
    };
    if whole == 0 && fraction == 0 {
        return false;
    }
    match rest.strip_prefix(['e', 'E']) {
        Some(exponent) => {
            let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            !exponent.is_empty() && digits(exponent) == exponent.len()
        }
        None => rest.is_empty(),
    }
}

fn float(text: &str) -> Option<Number> {
    let value = text.parse::<f64>().ok().filter(|value| value.is_finite())?;
    whole_number(value).or_else(|| Number::from_f64(value))
}

/// The integer that a float stands for, if it has no fraction and 64 bits hold it.
fn whole_number(value: f64) -> Option<Number> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0; // 2^63, exact in a float
    #[expect(clippy::cast_possible_truncation, reason = "the range and the fraction were checked")]
    (value.fract() == 0.0 && (-LIMIT..LIMIT).contains(&value)).then(|| Number::from(value as i64))
}

/// Turns every number of a JSON value that has no fraction into an integer: `1.0` into `1`.
pub(crate) fn normalize_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(whole) = number.as_f64().filter(|_| number.is_f64()).and_then(whole_number) {
                *number = whole;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(normalize_numbers),
        Value::Object(map) => map.values_mut().for_each(normalize_numbers),
        _ => {}
    }
}

/// A number to base 60 such as `12:30:45`, which YAML 1.1 has and nobody means.
pub(super) fn is_sexagesimal(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = text.split(':');
    let Some(first) = parts.next() else { return false };
    if !first.starts_with(|c: char| c.is_ascii_digit()) || !first.bytes().all(|c| c.is_ascii_digit() || c == b'_') {
        return false;
    }
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return false;
    }
    while let Some(part) = parts.next() {
        let part = match (part.split_once('.'), parts.peek()) {
            (Some((part, fraction)), None) if fraction.bytes().all(|c| c.is_ascii_digit() || c == b'_') => part,
            (Some(_), _) => return false,
            (None, _) => part,
        };
        let sixty = match part.as_bytes() {
            [ones] => ones.is_ascii_digit(),
            [tens, ones] => (b'0'..=b'5').contains(tens) && ones.is_ascii_digit(),
            _ => false,
        };
        if !sixty {
            return false;
        }
    }
    true
}
