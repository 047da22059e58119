//! The log of the program, on stderr.
//!
//! In JSON, events have the field names of controllers written in Go, so that what reads their logs
//! reads ours; see `json`. `console` is the usual form of the `tracing` crates.

mod fields;
mod json;

use std::io;

use tracing::Subscriber;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::registry::{LookupSpan, Registry};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::args::{Log, LogEncoding, LogLevel};

/// What the targets of our own crates start with.
const OURS: &str = "flux_operator";

/// Logs every request that fails as an error, also those that are tried again.
const FAILED_REQUESTS: &str = "kube_client::client::builder";

/// Starts the log of the process. Does nothing where there is one already, as in tests.
pub fn install(log: Log) {
    // The only error is that there is a log.
    drop(subscriber(log, io::stderr).try_init());
}

fn subscriber<W>(log: Log, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    tracing_subscriber::registry().with(filter(log.level)).with(form::<Registry, W>(log.encoding, writer))
}

fn form<S, W>(encoding: LogEncoding, writer: W) -> Box<dyn Layer<Filtered<S>> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    match encoding {
        LogEncoding::Json => Box::new(json::Json::new(writer)),
        LogEncoding::Console => Box::new(tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer)),
    }
}

type Filtered<S> = tracing_subscriber::layer::Layered<Targets, S>;

/// Ours at the level; those of others not below information, unless everything is asked for.
fn filter(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Trace => return Targets::new().with_default(LevelFilter::TRACE),
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Error => LevelFilter::ERROR,
    };
    Targets::new()
        .with_default(level.min(LevelFilter::INFO))
        .with_target(OURS, level)
        .with_target(FAILED_REQUESTS, LevelFilter::OFF)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use tracing::{debug, error, info, trace, warn};

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn captured(encoding: LogEncoding, level: LogLevel, events: impl FnOnce()) -> String {
        let captured = Captured::default();
        let writer = captured.clone();
        tracing::subscriber::with_default(subscriber(Log { encoding, level }, move || writer.clone()), events);
        let bytes = captured.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[track_caller]
    fn check_level(level: LogLevel, expected: &[&str]) {
        let text = captured(LogEncoding::Json, level, || {
            error!("ours-error");
            warn!("ours-warn");
            info!("ours-info");
            debug!("ours-debug");
            trace!("ours-trace");
            info!(target: "kube_runtime::watcher", "theirs-info");
            debug!(target: "hyper_util::client", "theirs-debug");
            error!(target: "kube_client::client::builder", "request-error");
        });
        let message = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["msg"].clone();
        assert_eq!(text.lines().map(message).collect::<Vec<_>>(), expected, "{level:?}");
    }

    #[test]
    fn levels() {
        let info = ["ours-error", "ours-warn", "ours-info", "theirs-info"];
        check_level(LogLevel::Error, &["ours-error"]);
        check_level(LogLevel::Info, &info);
        check_level(LogLevel::Debug, &["ours-error", "ours-warn", "ours-info", "ours-debug", "theirs-info"]);
        check_level(
            LogLevel::Trace,
            &[
                "ours-error",
                "ours-warn",
                "ours-info",
                "ours-debug",
                "ours-trace",
                "theirs-info",
                "theirs-debug",
                "request-error",
            ],
        );
    }

    #[test]
    fn console_is_for_people() {
        let text = captured(LogEncoding::Console, LogLevel::Info, || info!(revision = "v2.7.5", "applied"));
        assert!(text.contains(" INFO ") && text.contains("applied revision=\"v2.7.5\""), "{text}");
        assert!(!text.contains('\u{1b}') && !text.starts_with('{'), "{text}");
    }
}
