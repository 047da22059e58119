//! What a plain scalar means.

mod number;
mod timestamp;

use serde_json::Value;

use super::node::Scalar;
use number::{is_sexagesimal, number};
use timestamp::timestamp;

pub(crate) use number::normalize_numbers;

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
