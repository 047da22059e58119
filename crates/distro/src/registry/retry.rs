//! When a request is worth another try, and when. Pure.

use std::time::Duration;

/// Requests in all.
pub(super) const ATTEMPTS: u32 = 4;
/// The pause after the first failure; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause that a registry may ask for. One that asks for more is asked again at the next
/// reconcile or poll.
const MAX_PAUSE: Duration = Duration::from_secs(10);

/// Whether a status says that the same request may succeed later.
pub(super) fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504 | 499 | 522)
}

/// How long to wait after a failure; `None` if it is not worth it.
///
/// `failures` counts from 1. `chance` is between 0 and 1, and spreads clients over half of the pause.
pub(super) fn pause(failures: u32, retry_after: Option<Duration>, chance: f64) -> Option<Duration> {
    if failures >= ATTEMPTS {
        return None;
    }
    let backoff = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let asked = retry_after.unwrap_or_default();
    (asked <= MAX_PAUSE).then(|| asked.max(backoff + backoff.mul_f64(chance.clamp(0.0, 1.0) / 2.0)))
}

/// Reads `Retry-After` in seconds. Dates are not read: no registry sends them, and clocks differ.
pub(super) fn retry_after(header: Option<&str>) -> Option<Duration> {
    header?.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let ms = Duration::from_millis;
        for (failures, asked, chance, expected) in [
            (1, None, 0.0, Some(ms(200))),
            (1, None, 1.0, Some(ms(300))),
            (2, None, 0.0, Some(ms(400))),
            (3, None, 0.5, Some(ms(1_000))),
            (4, None, 0.0, None),
            (1, Some(ms(5_000)), 1.0, Some(ms(5_000))),
            (1, Some(ms(0)), 0.0, Some(ms(200))),
            (1, Some(ms(10_001)), 0.0, None),
        ] {
            assert_eq!(pause(failures, asked, chance), expected, "{failures} {asked:?} {chance}");
        }
    }

    #[test]
    fn reads_seconds() {
        assert_eq!(retry_after(Some(" 3 ")), Some(Duration::from_secs(3)));
        for odd in [None, Some(""), Some("-1"), Some("soon"), Some("Wed, 21 Oct 2026 07:28:00 GMT")] {
            assert_eq!(retry_after(odd), None, "{odd:?}");
        }
    }
}
