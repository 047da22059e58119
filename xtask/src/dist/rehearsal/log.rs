//! What the operator says of itself: a JSON value for each line.

use anyhow::{Context as _, bail};
use serde_json::Value;

/// Reads a log in which nothing may have gone wrong, and says how much is in it.
///
/// # Errors
/// A line is no event, or an error.
pub(super) fn read(log: &str) -> anyhow::Result<String> {
    let mut warnings = 0;
    // The last line may be about to be written.
    let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
    for line in whole.lines() {
        match event(line)?.as_str() {
            "error" => bail!("the operator logs an error: {line}"),
            "warn" | "warning" => {
                warnings += 1;
                eprintln!("           {line}");
            }
            _ => {}
        }
    }
    Ok(format!("{} lines, no error, {warnings} warnings", whole.lines().count()))
}

/// Reads a log up to the end of the operator, which loses its rights before it stops: it may say so, and panic never.
///
/// # Errors
/// A line is no event.
pub(super) fn whole(log: &str) -> anyhow::Result<()> {
    log.lines().try_for_each(|line| event(line).map(drop))
}

/// The level of an event.
fn event(line: &str) -> anyhow::Result<String> {
    let event: Value = serde_json::from_str(line).with_context(|| format!("no event, and in the log: {line}"))?;
    Ok(event.get("level").and_then(Value::as_str).with_context(|| format!("no level: {line}"))?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_not_let_through() {
        let fine = "{\"level\":\"info\",\"msg\":\"a\"}\n{\"level\":\"warn\",\"msg\":\"b\"}\n";
        assert_eq!(read(fine).unwrap(), "2 lines, no error, 1 warnings");
        let failed = format!("{fine}{{\"level\":\"error\",\"msg\":\"c\"}}\n");
        assert!(read(&failed).unwrap_err().to_string().contains("\"c\""));
        assert!(whole(&failed).is_ok());
        assert!(whole("thread 'main' panicked at src/main.rs\n").is_err());
    }
}
