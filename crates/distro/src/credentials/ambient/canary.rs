//! Whatever goes wrong at whatever step: no secret gets out.

use std::error::Error;
use std::fmt::Write as _;
use std::sync::{Mutex, Once};

use super::stand_in::{CANARY, FLOWS, Reply, StandIn, clouds};
use super::*;

/// What every crate of this process logs, at every level.
struct Log(Mutex<String>);

static LOG: Log = Log(Mutex::new(String::new()));

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        writeln!(self.0.lock().unwrap(), "{} {}", record.target(), record.args()).unwrap();
    }

    fn flush(&self) {}
}

fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&LOG).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
    });
}

/// All that somebody could print of an error.
fn printed(error: &AmbientError) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(error) = source {
        write!(text, " {error} {error:?} {error:#?}").unwrap();
        source = error.source();
    }
    text
}

fn faults() -> Vec<Reply> {
    let names =
        ["error", "code", "Code", "__type", "error_description", "AccessKeyId", "access_token", "refresh_token"];
    let echo: serde_json::Map<_, _> = names.iter().map(|name| ((*name).to_owned(), CANARY.into())).collect();
    let echo = serde_json::Value::from(echo).to_string();
    let shape =
        format!(r#"{{"AccessKeyId": {{"{CANARY}": 1}}, "access_token": ["{CANARY}"], "expires_in": "{CANARY}"}}"#);
    let xml = format!("<a><Error><Code>{CANARY}</Code></Error><Credentials>{CANARY}</Credentials></a>");
    let data = format!(r#"{{"authorizationData": [{{"authorizationToken": "{CANARY}", "expiresAt": 1e99}}]}}"#);
    let mut faults = vec![Reply::Body(200, CANARY.repeat(200_000)), Reply::Redirect];
    for body in [echo, shape, xml, data, CANARY.to_owned(), String::new()] {
        faults.extend([200, 403, 500].map(|status| Reply::Body(status, body.clone())));
    }
    faults
}

#[tokio::test]
async fn no_secret_is_in_an_error_a_log_or_a_debug_text() {
    listen();
    let mut errors = 0;
    for flow in &FLOWS {
        for step in flow.steps {
            for fault in faults() {
                let stand_in = StandIn::start([(*step, fault.clone())]).await;
                let clouds = stand_in.clouds(flow);
                // Some faults look like somebody who has no identity, and some answers pass as tokens.
                let text = match clouds.lease(flow.host).await {
                    Ok(lease) => format!("{lease:?}"),
                    Err(error) => {
                        errors += 1;
                        printed(&error)
                    }
                };
                let text = format!("{text} {clouds:?} {clouds:#?}");
                assert!(!text.contains(CANARY), "{}, {step}, {fault:?}: {text}", flow.name);
            }
        }
        // The address may be a secret as well: it may have a password in it.
        let variables = flow.variables.iter().filter(|(_, value)| !value.contains("FILE")).copied().collect();
        let clouds = clouds(&format!("http://me:{CANARY}@127.0.0.1:1"), variables).unwrap();
        let text = clouds.lease(flow.host).await.map_or_else(|error| printed(&error), |lease| format!("{lease:?}"));
        let text = format!("{text} {clouds:?} {:?}", clouds.endpoints);
        assert!(!text.contains(CANARY), "{}: {text}", flow.name);
    }
    assert!(errors > 100, "{errors}");
    let log = LOG.0.lock().unwrap();
    assert!(log.contains("reqwest"), "the log is not heard: {log}");
    assert!(!log.contains(CANARY), "{log}");
}
