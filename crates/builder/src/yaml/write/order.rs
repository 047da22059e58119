//! The order of keys.

use std::cmp::Ordering;

/// True for keys whose natural order is their byte order: the ones without digits and odd characters.
fn sorts_by_bytes(key: &str) -> bool {
    key.bytes().all(|c| c.is_ascii_alphabetic() || matches!(c, b'-' | b'.' | b'/'))
}

/// True where keys that come in byte order are in their natural order too.
pub(super) fn in_natural_order<'k>(keys: impl Iterator<Item = &'k str> + Clone) -> bool {
    if keys.clone().all(sorts_by_bytes) {
        return true;
    }
    let mut previous: Option<&str> = None;
    for key in keys {
        if previous.is_some_and(|previous| natural_order(previous, key) == Ordering::Greater) {
            return false;
        }
        previous = Some(key);
    }
    true
}

/// Keys in the order a person would put them: letters after all else, runs of digits by value.
pub(super) fn natural_order(a: &str, b: &str) -> Ordering {
    let common = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    if let (Some(x), Some(y)) = (a.as_bytes().get(common), b.as_bytes().get(common))
        && x.is_ascii_alphabetic()
        && y.is_ascii_alphabetic()
    {
        return x.cmp(y);
    }
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(at) = a.iter().zip(&b).position(|(x, y)| x != y) else {
        return a.len().cmp(&b.len());
    };
    let (Some(&x), Some(&y)) = (a.get(at), b.get(at)) else { return Ordering::Equal };
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x.cmp(&y),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    // A zero inside a number is one of its digits, at its front it is not.
    let in_number = (x == '0' || y == '0')
        && a.get(..at).unwrap_or_default().iter().rev().take_while(|c| c.is_numeric()).any(|c| *c != '0');
    let run = |chars: &[char]| {
        let digits: Vec<_> = chars.get(at..).unwrap_or_default().iter().map_while(|c| c.to_digit(10)).collect();
        let value = digits
            .iter()
            .fold(u64::from(in_number), |value, digit| value.wrapping_mul(10).wrapping_add(u64::from(*digit)));
        (value, digits.len())
    };
    run(&a).cmp(&run(&b)).then(x.cmp(&y))
}
