//! What a plain scalar means.

use jiff::civil::{Date, Time};
use jiff::tz::Offset;
use serde_json::{Number, Value};

use super::read::Scalar;

/// The rules by which plain scalars become numbers, booleans and nulls.
///
/// Both read integers in all the bases of YAML 1.1 (`0755`, `0o17`, `0x1F`, `0b11`, `1_000`) and
/// numbers such as `1e3` and `.5`. They differ in what else is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// YAML 1.1, as `kubectl` reads files and kustomize the text of a JSON patch: `yes`, `no`,
    /// `on`, `off`, `y` and `n` are booleans too, keys of other types become texts, and of
    /// duplicate keys the last counts.
    Yaml11,
    /// As kustomize reads manifests and strategic merge patches: only the spellings of `true` and
    /// `false` are booleans, a date becomes a timestamp in RFC 3339, keys have to be texts, and of
    /// duplicate keys the first counts.
    Manifest,
}

/// Why a scalar cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAScalar(pub String);

impl Scalar {
    /// True for nothing at all, `~` and the spellings of `null`.
    pub fn is_null(&self) -> bool {
        self.plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }
}

impl Dialect {
    pub(super) fn last_duplicate_wins(self) -> bool {
        self == Self::Yaml11
    }

    /// The JSON value of a scalar.
    ///
    /// # Errors
    /// Infinity and NaN, which JSON cannot hold.
    pub fn scalar(self, scalar: Scalar) -> Result<Value, NotAScalar> {
        if !scalar.plain {
            return Ok(Value::String(scalar.text));
        }
        if scalar.is_null() {
            return Ok(Value::Null);
        }
        let text = scalar.text;
        if let Some(value) = self.boolean(&text) {
            return Ok(Value::Bool(value));
        }
        if matches!(text.trim_start_matches(['+', '-']), ".inf" | ".Inf" | ".INF")
            || matches!(text.as_str(), ".nan" | ".NaN" | ".NAN")
        {
            return Err(NotAScalar(format!("`{text}` is a number that JSON cannot hold")));
        }
        if self == Self::Manifest
            && let Some(timestamp) = timestamp(&text)
        {
            return Ok(Value::String(timestamp));
        }
        Ok(number(&text).map_or(Value::String(text), Value::Number))
    }

    /// The text of a key.
    ///
    /// # Errors
    /// Null, and in [`Dialect::Manifest`] everything but a text.
    pub fn key(self, scalar: Scalar) -> Result<String, NotAScalar> {
        let written = scalar.clone();
        match (self.scalar(scalar)?, self) {
            (Value::String(key), _) => Ok(if self == Self::Manifest { written.text } else { key }),
            (Value::Null, _) => Err(NotAScalar("a key has to be a text, found null".to_owned())),
            (value, Self::Yaml11) => Ok(value.to_string()),
            (_, Self::Manifest) => {
                let text = written.text;
                Err(NotAScalar(format!("a key has to be a text, found `{text}`: put it in quotes")))
            }
        }
    }

    fn boolean(self, text: &str) -> Option<bool> {
        match text {
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            _ if self == Self::Manifest => None,
            "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
            "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
            _ => None,
        }
    }
}

/// True where every reader of YAML takes the bare text for a text, so that it needs no quotes.
pub fn reads_as_text(text: &str) -> bool {
    let Some(first) = text.bytes().next() else {
        return false;
    };
    match first {
        b'+' | b'-' | b'0'..=b'9' | b'.' => {
            number(text).is_none()
                && !matches!(text, ".nan" | ".NaN" | ".NAN")
                && !matches!(text.trim_start_matches(['+', '-']), ".inf" | ".Inf" | ".INF")
                && timestamp(text).is_none()
                && !is_sexagesimal(text)
        }
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => {
            Dialect::Yaml11.boolean(text).is_none() && !matches!(text, "~" | "null" | "Null" | "NULL")
        }
        _ => true,
    }
}

/// A number in the notations of YAML 1.1. Values without a fraction are integers: JSON makes no
/// difference between `1.0` and `1`, and neither may a hash or a comparison.
fn number(text: &str) -> Option<Number> {
    let first = text.bytes().next()?;
    if !matches!(first, b'+' | b'-' | b'.' | b'0'..=b'9')
        || first == b'.' && (text.ends_with('_') || text.contains("._") || text.contains("__"))
    {
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
fn is_sexagesimal(text: &str) -> bool {
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

/// A date or timestamp as RFC 3339 writes it, without trailing zeros in the fraction.
///
/// Accepted are `2006-1-2`, `2006-1-2 15:4:5.9` and `2006-1-2T15:4:5.9Z07:00`, with digits that
/// may lack a leading zero.
fn timestamp(text: &str) -> Option<String> {
    let is_year =
        text.len() > 5 && text.bytes().take(4).all(|c| c.is_ascii_digit()) && text.as_bytes().get(4) == Some(&b'-');
    if !is_year {
        return None;
    }
    let short = |text: &str| {
        (1..=2)
            .contains(&text.len())
            .then(|| text.bytes().all(|c| c.is_ascii_digit()).then(|| text.parse::<i8>().ok()))
            .flatten()
            .flatten()
    };
    let (date, clock) = match text.find(['T', 't', ' ']) {
        Some(at) => (text.get(..at)?, Some((text.as_bytes().get(at)?, text.get(at + 1..)?))),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let year = parts.next()?.parse().ok()?;
    let date = Date::new(year, short(parts.next()?)?, short(parts.next()?)?).ok()?;
    if parts.next().is_some() {
        return None;
    }
    let Some((separator, clock)) = clock else {
        return Some(format!("{date}T00:00:00Z"));
    };
    let (clock, zone) = if *separator == b' ' {
        (clock, "Z".to_owned())
    } else if let Some(clock) = clock.strip_suffix('Z') {
        (clock, "Z".to_owned())
    } else {
        let (clock, zone) = clock.split_at_checked(clock.len().checked_sub(6)?)?;
        let (hours, minutes) = zone.get(1..)?.split_once(':')?;
        let sign = if zone.starts_with('+') {
            1
        } else if zone.starts_with('-') {
            -1
        } else {
            return None;
        };
        let seconds = i32::from(short(hours)?) * 3600 + i32::from(short(minutes)?) * 60;
        Offset::from_seconds(sign * seconds).ok()?;
        (clock, if seconds == 0 { "Z".to_owned() } else { zone.to_owned() })
    };
    let mut parts = clock.split(':');
    let (hour, minute, second) = (short(parts.next()?)?, short(parts.next()?)?, parts.next()?);
    let (second, fraction) =
        second.split_once('.').map_or((second, None), |(second, fraction)| (second, Some(fraction)));
    if parts.next().is_some()
        || fraction.is_some_and(|fraction| fraction.is_empty() || !fraction.bytes().all(|c| c.is_ascii_digit()))
    {
        return None;
    }
    let time = Time::new(hour, minute, short(second)?, 0).ok()?;
    let fraction = fraction.unwrap_or_default().get(..9).or(fraction).unwrap_or_default().trim_end_matches('0');
    let dot = if fraction.is_empty() { "" } else { "." };
    Some(format!("{date}T{time}{dot}{fraction}{zone}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(text: &str, yaml11: &Value, manifest: &Value) {
        let plain = |dialect: Dialect| dialect.scalar(Scalar { text: text.to_owned(), plain: true }).unwrap();
        assert_eq!(&plain(Dialect::Yaml11), yaml11, "YAML 1.1 `{text}`");
        assert_eq!(&plain(Dialect::Manifest), manifest, "manifest `{text}`");
        assert!(
            reads_as_text(text) == (plain(Dialect::Yaml11).is_string() && plain(Dialect::Manifest) == text)
                || is_sexagesimal(text),
            "`{text}`"
        );
    }

    #[test]
    fn plain_scalars() {
        for text in ["y", "Y", "yes", "Yes", "YES", "on", "On", "ON"] {
            check(text, &json!(true), &json!(text));
        }
        for text in ["n", "N", "no", "No", "NO", "off", "Off", "OFF"] {
            check(text, &json!(false), &json!(text));
        }
        for (text, value) in [
            ("true", json!(true)),
            ("False", json!(false)),
            ("", json!(null)),
            ("~", json!(null)),
            ("Null", json!(null)),
            ("7", json!(7)),
            ("+1", json!(1)),
            ("-1", json!(-1)),
            ("010", json!(8)),
            ("0o10", json!(8)),
            ("0755", json!(493)),
            ("08", json!(8)),
            ("0x1F", json!(31)),
            ("0b11", json!(3)),
            ("-0b11", json!(-3)),
            ("1_000", json!(1000)),
            (".2_5", json!(0.25)),
            ("1e3", json!(1000)),
            (".5", json!(0.5)),
            ("1.", json!(1)),
            ("1.10", json!(1.1)),
            ("18446744073709551615", json!(18_446_744_073_709_551_615_u64)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("1e400", json!("1e400")),
            ("12:30", json!("12:30")),
            ("1.2.3", json!("1.2.3")),
            ("--5", json!("--5")),
            ("+-5", json!("+-5")),
            ("0x", json!("0x")),
            ("_1", json!("_1")),
            (".", json!(".")),
            (".e5", json!(".e5")),
            ("nope", json!("nope")),
        ] {
            check(text, &value, &value);
        }
    }

    #[test]
    fn dates_become_timestamps_in_manifests() {
        for (text, timestamp) in [
            ("2020-01-01", "2020-01-01T00:00:00Z"),
            ("2020-1-2", "2020-01-02T00:00:00Z"),
            ("2020-01-01T10:20:30Z", "2020-01-01T10:20:30Z"),
            ("2020-01-01 10:20:30.500", "2020-01-01T10:20:30.5Z"),
            ("2020-01-01t10:20:30+02:00", "2020-01-01T10:20:30+02:00"),
        ] {
            let scalar = Scalar { text: text.to_owned(), plain: true };
            assert_eq!(Dialect::Manifest.scalar(scalar.clone()).unwrap(), json!(timestamp));
            assert_eq!(Dialect::Yaml11.scalar(scalar).unwrap(), json!(text));
        }
        for text in
            ["2020-13-01", "2020-02-30", "2020-01-01T10:20", "2020-01-01T10:20:30", "20200-01-01", "2020-01-01-01"]
        {
            check(text, &json!(text), &json!(text));
        }
    }

    #[test]
    fn what_looks_like_another_type_needs_quotes() {
        for text in
            ["", "8080", "true", "y", "Off", "~", "null", "2020-01-01", "12:30:45", "1_000", ".inf", "0x1F", "1e3"]
        {
            assert!(!reads_as_text(text), "`{text}`");
        }
        for text in ["a", "yellow", "1.2.3", "v1", "12:70", "-", "1Gi", "100m", "<<", "="] {
            assert!(reads_as_text(text), "`{text}`");
        }
    }
}
