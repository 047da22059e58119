//! Dates and times.

use jiff::civil::{Date, Time};
use jiff::tz::Offset;

/// A date or timestamp as RFC 3339 writes it, without trailing zeros in the fraction.
///
/// Accepted are `2006-1-2`, `2006-1-2 15:4:5.9` and `2006-1-2T15:4:5.9Z07:00`, with digits that
/// may lack a leading zero.
pub(super) fn timestamp(text: &str) -> Option<String> {
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
