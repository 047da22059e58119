//! Durations as Go writes and reads them.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

mod parse;

pub use parse::DurationError;

/// A signed span of time with the precision, range and text form of Go's `time.Duration`.
///
/// Flux resources and annotations carry durations as text, and tools compare that text, so it has
/// to be Go's: `90s` prints as `1m30s`, `1h` as `1h0m0s`. Hours are the largest unit. The range is
/// ±2⁶³ ns, some 292 years.
///
/// ```
/// use flux_operator_api::GoDuration;
///
/// let interval: GoDuration = "1.5h".parse()?;
/// assert_eq!(interval.to_string(), "1h30m0s");
/// # Ok::<(), flux_operator_api::DurationError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoDuration(i64);

impl GoDuration {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest duration, `2562047h47m16.854775807s`.
    pub const MAX: Self = Self(i64::MAX);
    /// The most negative duration, `-2562047h47m16.854775808s`.
    pub const MIN: Self = Self(i64::MIN);

    /// A duration of nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// A duration of milliseconds, or the nearest there is.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// A duration of seconds, or the nearest there is.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// The duration in nanoseconds.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Whether it is less than zero.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// The duration as Rust knows it; `None` when negative.
    pub fn to_std(self) -> Option<Duration> {
        u64::try_from(self.0).ok().map(Duration::from_nanos)
    }
}

/// Fails beyond 2⁶³ ns, some 292 years.
impl TryFrom<Duration> for GoDuration {
    type Error = std::num::TryFromIntError;

    fn try_from(duration: Duration) -> Result<Self, Self::Error> {
        i64::try_from(duration.as_nanos()).map(Self)
    }
}

impl FromStr for GoDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse::parse(text).map(Self)
    }
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        let text = match nanos {
            0 => "0s".to_owned(),
            1..1_000 => format!("{sign}{nanos}ns"),
            1_000..1_000_000 => format!("{sign}{}µs", Decimal(nanos, 3)),
            1_000_000..1_000_000_000 => format!("{sign}{}ms", Decimal(nanos, 6)),
            _ => {
                let (minutes, nanos) = (nanos / 60_000_000_000, nanos % 60_000_000_000);
                let (hours, minutes) = (minutes / 60, minutes % 60);
                let seconds = Decimal(nanos, 9);
                match (hours, minutes) {
                    (0, 0) => format!("{sign}{seconds}s"),
                    (0, _) => format!("{sign}{minutes}m{seconds}s"),
                    _ => format!("{sign}{hours}h{minutes}m{seconds}s"),
                }
            }
        };
        f.pad(&text)
    }
}

/// A number with so many decimal places, printed without trailing zeros.
struct Decimal(u64, u32);

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(number, places) = *self;
        let scale = 10_u64.pow(places);
        write!(f, "{}", number / scale)?;
        let (mut fraction, mut width) = (number % scale, places as usize);
        if fraction == 0 {
            return Ok(());
        }
        while fraction % 10 == 0 {
            fraction /= 10;
            width -= 1;
        }
        write!(f, ".{fraction:0width$}")
    }
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl de::Visitor<'_> for Text {
            type Value = GoDuration;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as `1h30m`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: i64 = 1_000;
    const MS: i64 = 1_000_000;
    const S: i64 = 1_000_000_000;
    const M: i64 = 60 * S;
    const H: i64 = 60 * M;

    /// `nanos` prints as `text`, which reads as `nanos` again, also as JSON.
    #[track_caller]
    fn check(nanos: i64, text: &str) {
        let duration = GoDuration::from_nanos(nanos);
        assert_eq!(duration.to_string(), text);
        assert_eq!(text.parse(), Ok(duration));
        assert_eq!(serde_json::to_value(duration).unwrap(), text);
        assert_eq!(serde_json::from_value::<GoDuration>(text.into()).unwrap(), duration);
    }

    #[test]
    fn prints_as_go_does() {
        check(0, "0s");
        check(1, "1ns");
        check(999, "999ns");
        check(US, "1µs");
        check(1_100, "1.1µs");
        check(999_999, "999.999µs");
        check(MS, "1ms");
        check(2 * MS + 200 * US, "2.2ms");
        check(500 * MS, "500ms");
        check(S - 1, "999.999999ms");
        check(S, "1s");
        check(S + 500 * MS, "1.5s");
        check(3 * S + 300 * MS, "3.3s");
        check(2 * S + 818_583 * US, "2.818583s");
        check(M, "1m0s");
        check(M + 30 * S, "1m30s");
        check(4 * M + 5 * S + MS, "4m5.001s");
        check(H, "1h0m0s");
        check(H + 30 * M, "1h30m0s");
        check(5 * H + 6 * M + 7 * S + MS, "5h6m7.001s");
        check(24 * H, "24h0m0s");
        check(8 * M + 1, "8m0.000000001s");
    }

    #[test]
    fn prints_negative_ones_and_the_limits() {
        check(-1, "-1ns");
        check(-500 * MS, "-500ms");
        check(-90 * S, "-1m30s");
        check(i64::MAX, "2562047h47m16.854775807s");
        check(i64::MIN, "-2562047h47m16.854775808s");
        check(i64::MIN + 1, "-2562047h47m16.854775807s");
    }

    proptest::proptest! {
        #[test]
        fn every_duration_reads_as_written(nanos: i64) {
            check(nanos, &GoDuration::from_nanos(nanos).to_string());
        }
    }

    #[test]
    fn converts_to_and_from_std() {
        assert_eq!(GoDuration::from_secs(90).to_std(), Some(Duration::from_secs(90)));
        assert_eq!(GoDuration::ZERO.to_std(), Some(Duration::ZERO));
        assert_eq!(GoDuration::from_nanos(-1).to_std(), None);
        assert_eq!(GoDuration::try_from(Duration::from_millis(5)), Ok(GoDuration::from_millis(5)));
        assert!(GoDuration::try_from(Duration::MAX).is_err());
        assert_eq!(GoDuration::from_secs(i64::MIN), GoDuration::MIN);
    }

    #[test]
    fn is_refused_with_a_reason() {
        let error = serde_json::from_str::<GoDuration>("\"1d\"").unwrap_err().to_string();
        assert!(error.contains("unknown unit `d`"), "{error}");
        assert!(serde_json::from_str::<GoDuration>("60").is_err(), "numbers are no durations");
    }
}
