//! Events as JSON, a line each:
//!
//! ```json
//! {"level":"info","ts":"2026-01-02T03:04:05.678Z","msg":"applied","controller":"fluxinstance","name":"flux"}
//! ```
//!
//! `logger` is there where an event does not come from our own crates, and says whose it is. After the
//! message come the fields of the enclosing spans, outermost first, then those of the event.

use std::io::Write as _;

use jiff::Timestamp;
use serde_json::Value;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, Scope};

use super::OURS;
use super::fields::Fields;

/// Writes events as JSON.
pub(super) struct Json<W> {
    writer: W,
    clock: fn() -> Timestamp,
}

impl<W> Json<W> {
    pub(super) fn new(writer: W) -> Self {
        Self { writer, clock: Timestamp::now }
    }
}

impl<S, W> Layer<S> for Json<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        if let Some(span) = ctx.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: Context<'_, S>) {
        if let Some(span) = ctx.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let mut own = Fields::default();
        event.record(&mut own);
        let mut fields = Fields::default();
        for span in ctx.event_scope(event).into_iter().flat_map(Scope::from_root) {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                fields.extend(of_span);
            }
        }
        fields.extend(&own);
        fields.message = own.message;
        let line = line(event.metadata(), (self.clock)(), fields);
        // In one piece, so that lines of several threads do not mix. There is nobody to tell a failure.
        drop(self.writer.make_writer_for(event.metadata()).write_all(line.as_bytes()));
    }
}

fn line(metadata: &Metadata<'_>, now: Timestamp, fields: Fields) -> String {
    let mut line = String::from("{");
    put(&mut line, "level", &level(*metadata.level()).into());
    put(&mut line, "ts", &now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string().into());
    if !metadata.target().starts_with(OURS) {
        put(&mut line, "logger", &metadata.target().into());
    }
    put(&mut line, "msg", &fields.message.unwrap_or_default().into());
    for (name, value) in &fields.fields {
        put(&mut line, name, value);
    }
    line.push_str("}\n");
    line
}

fn put(line: &mut String, name: &str, value: &Value) {
    if line.len() > 1 {
        line.push(',');
    }
    line.extend([Value::from(name).to_string(), ":".to_owned(), value.to_string()]);
}

fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing::{debug, error, info, info_span, warn};
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<String>>);

    impl io::Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().push_str(std::str::from_utf8(bytes).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[track_caller]
    fn check(events: impl FnOnce(), expected: &str) {
        let captured = Captured::default();
        let writer = captured.clone();
        let json =
            Json { writer: move || writer.clone(), clock: || Timestamp::new(1_767_323_045, 678_900_000).unwrap() };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(json), events);
        let text = captured.0.lock().unwrap().replace(r#","ts":"2026-01-02T03:04:05.678Z""#, "");
        assert_eq!(text, expected);
    }

    #[test]
    fn an_event_is_a_line() {
        check(
            || {
                info!("first");
                debug!(count = 3, negative = -1, share = 0.5, done = true, name = "x\n\"y\"", "second");
            },
            concat!(
                "{\"level\":\"info\",\"msg\":\"first\"}\n",
                r#"{"level":"debug","msg":"second","count":3,"negative":-1,"share":0.5,"done":true,"name":"x\n\"y\""}"#,
                "\n"
            ),
        );
    }

    #[test]
    fn fields_of_spans_come_first_and_the_innermost_counts() {
        check(
            || {
                let run = info_span!(
                    "reconcile",
                    controller = "fluxinstance",
                    name = "flux",
                    reconcileID = tracing::field::Empty
                );
                let _run = run.enter();
                run.record("reconcileID", "1-2");
                let step = info_span!("apply", name = "apps");
                let _step = step.enter();
                info!(controller = "other", revision = %"v2", "applied");
            },
            concat!(
                r#"{"level":"info","msg":"applied","controller":"other","name":"apps","reconcileID":"1-2","revision":"v2"}"#,
                "\n"
            ),
        );
    }

    #[test]
    fn errors_tell_their_causes() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot apply")]
        struct Failed(#[source] io::Error);

        let failed = Failed(io::Error::other("no space"));
        check(
            || error!(error = &failed as &dyn std::error::Error, "reconciliation failed"),
            "{\"level\":\"error\",\"msg\":\"reconciliation failed\",\"error\":\"cannot apply: no space\"}\n",
        );
    }

    #[test]
    fn what_is_not_ours_says_whose_it_is() {
        check(
            || warn!(target: "kube_runtime::watcher", level = 5, "lost"),
            "{\"level\":\"warn\",\"logger\":\"kube_runtime::watcher\",\"msg\":\"lost\",\"level_\":5}\n",
        );
    }
}
