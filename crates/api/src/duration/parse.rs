//! The grammar of Go's `time.ParseDuration`.
//!
//! `[-+]?` and either `0` alone or a sequence of decimal numbers with a unit each. A number needs a
//! digit, before or after the point. Fractions go through floating point exactly as in Go, so that
//! both read the same nanoseconds.

/// The unit names and their nanoseconds. Go takes both code points for the micro sign.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Magnitude of the most negative duration, one more than that of the longest.
const LIMIT: u64 = 1 << 63;

/// A text that is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a duration such as `1h30m`, `90s` or `500ms`, found `{text}`: {problem}")]
pub struct DurationError {
    /// The text as it was written.
    pub text: String,
    /// What is wrong with it.
    pub problem: String,
}

/// Reads a duration in nanoseconds.
pub(super) fn parse(text: &str) -> Result<i64, DurationError> {
    let error = |problem: &str| DurationError { text: text.to_owned(), problem: problem.to_owned() };
    let too_long = || error("it is beyond 292 years");
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(error("it is empty"));
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        let (digits, after) = split_digits(rest);
        let (decimals, after) = after.strip_prefix('.').map_or(("", after), split_digits);
        if digits.is_empty() && decimals.is_empty() {
            return Err(error("a number is missing"));
        }
        let end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (name, after) = after.split_at(end);
        let unit = UNITS.iter().find(|(unit, _)| *unit == name).map(|(_, nanos)| *nanos).ok_or_else(|| {
            if name.is_empty() {
                error("a unit is missing, units are `ns`, `us`, `ms`, `s`, `m`, `h`")
            } else {
                error(&format!("unknown unit `{name}`, units are `ns`, `us`, `ms`, `s`, `m`, `h`"))
            }
        })?;
        total = whole(digits, unit)
            .and_then(|nanos| nanos.checked_add(fraction(decimals, unit)))
            .and_then(|nanos| total.checked_add(nanos))
            .filter(|total| *total <= LIMIT)
            .ok_or_else(too_long)?;
        rest = after;
    }
    if negative { 0_i64.checked_sub_unsigned(total) } else { 0_i64.checked_add_unsigned(total) }.ok_or_else(too_long)
}

/// Splits off leading ASCII digits.
fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// The nanoseconds of a whole number of units; `None` when there are too many.
fn whole(digits: &str, unit: u64) -> Option<u64> {
    let number = if digits.is_empty() { 0 } else { digits.parse::<u64>().ok()? };
    number.checked_mul(unit)
}

/// The nanoseconds of the decimals of a unit, rounded down. Decimals beyond the precision of an
/// `i64` do not count.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the very arithmetic of Go, whose result is at most one hour"
)]
fn fraction(decimals: &str, unit: u64) -> u64 {
    let (mut number, mut scale) = (0_u64, 1_f64);
    for digit in decimals.bytes().map(|byte| u64::from(byte - b'0')) {
        if number > (LIMIT - 1) / 10 {
            break;
        }
        let next = number * 10 + digit;
        if next > LIMIT {
            break;
        }
        number = next;
        scale *= 10.0;
    }
    (number as f64 * (unit as f64 / scale)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: i64 = 1_000;
    const MS: i64 = 1_000_000;
    const S: i64 = 1_000_000_000;
    const M: i64 = 60 * S;
    const H: i64 = 60 * M;

    #[track_caller]
    fn check(text: &str, nanos: i64) {
        assert_eq!(parse(text), Ok(nanos));
    }

    #[track_caller]
    fn refused(text: &str, problem: &str) {
        let expected = format!("expected a duration such as `1h30m`, `90s` or `500ms`, found `{text}`: {problem}");
        assert_eq!(parse(text).map_err(|error| error.to_string()), Err(expected));
    }

    #[test]
    fn simple_ones() {
        check("0", 0);
        check("-0", 0);
        check("+0", 0);
        check("5s", 5 * S);
        check("30s", 30 * S);
        check("1478s", 1478 * S);
        check("-5s", -5 * S);
        check("+5s", 5 * S);
    }

    #[test]
    fn decimals() {
        check("5.0s", 5 * S);
        check("5.6s", 5 * S + 600 * MS);
        check("5.s", 5 * S);
        check(".5s", 500 * MS);
        check("1.0s", S);
        check("1.00s", S);
        check("1.004s", S + 4 * MS);
        check("1.0040s", S + 4 * MS);
        check("100.00100s", 100 * S + MS);
        check("-.5s", -500 * MS);
        check("-2m3.4s", -(2 * M + 3 * S + 400 * MS));
    }

    #[test]
    fn units() {
        check("10ns", 10);
        check("11us", 11 * US);
        check("12\u{b5}s", 12 * US);
        check("12\u{3bc}s", 12 * US);
        check("13ms", 13 * MS);
        check("14s", 14 * S);
        check("15m", 15 * M);
        check("16h", 16 * H);
    }

    #[test]
    fn sequences_in_any_order() {
        check("3h30m", 3 * H + 30 * M);
        check("10.5s4m", 4 * M + 10 * S + 500 * MS);
        check("-2m3.4s", -(2 * M + 3 * S + 400 * MS));
        check("1h2m3s4ms5us6ns", H + 2 * M + 3 * S + 4 * MS + 5 * US + 6);
        check("39h9m14.425s", 39 * H + 9 * M + 14 * S + 425 * MS);
        check("1s1s", 2 * S);
    }

    #[test]
    fn many_digits() {
        check("52763797000ns", 52_763_797_000);
        // More decimals than count.
        check("0.3333333333333333333h", 20 * M);
        check("0.100000000000000000000h", 6 * M);
        check("0.830103483285477580700h", 49 * M + 48 * S + 372_539_827);
        check("0.9223372036854775807h", 55 * M + 20 * S + 413_933_267);
        // Beyond what a double can hold exactly.
        check("9007199254740993ns", (1 << 53) + 1);
        check("9007199254.740993ms", (1 << 53) + 1);
    }

    #[test]
    fn limits() {
        check("9223372036854775807ns", i64::MAX);
        check("9223372036854775.807us", i64::MAX);
        check("9223372036s854ms775us807ns", i64::MAX);
        check("-9223372036854775808ns", i64::MIN);
        check("-9223372036854775.808us", i64::MIN);
        check("-9223372036s854ms775us808ns", i64::MIN);
        check("-2562047h47m16.854775808s", i64::MIN);
        for text in [
            "9223372036854775810ns",
            "9223372036854775808ns",
            "-9223372036854775809ns",
            "9223372036854776us",
            "3000000h",
            "9223372036854775807h",
            "99999999999999999999999h",
            "9223372036854775.808us",
            "9223372036854ms775us808ns",
            // Go wraps around here and reads zero.
            "9223372036854775808ns9223372036854775808ns",
        ] {
            refused(text, "it is beyond 292 years");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let units = "units are `ns`, `us`, `ms`, `s`, `m`, `h`";
        for text in ["", "-", "+"] {
            refused(text, "it is empty");
        }
        for text in
            [".", "-.", ".s", "+.s", "s", "--5s", "-+5s", "1h-30m", "1h+30m", " 5s", "1h 30m", "5s ", "infinity"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
        refused("3", &format!("a unit is missing, {units}"));
        refused("00", &format!("a unit is missing, {units}"));
        refused("1h5", &format!("a unit is missing, {units}"));
        refused("1d", &format!("unknown unit `d`, {units}"));
        refused("1M", &format!("unknown unit `M`, {units}"));
        refused("1h-30m", &format!("unknown unit `h-`, {units}"));
        refused("1h 30m", &format!("unknown unit `h `, {units}"));
        refused("\u{0}s", "a number is missing");
        refused(".s", "a number is missing");
        refused("١s", "a number is missing");
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_strange(text in "[-+]?([0-9]{0,22}[.]?[0-9]{0,22}(ns|us|µs|μs|ms|s|m|h|d| )?){0,4}") {
            let _ = parse(&text);
        }

        #[test]
        fn what_is_read_is_written_alike(text in "[-+]?([0-9]{0,7}[.]?[0-9]{1,9}(ns|us|ms|s|m|h)){1,4}") {
            if let Ok(nanos) = parse(&text) {
                let written = crate::GoDuration::from_nanos(nanos).to_string();
                proptest::prop_assert_eq!(parse(&written), Ok(nanos));
            }
        }
    }
}
