//! Fields of events and spans, as JSON.

use std::error::Error;
use std::fmt;

use serde_json::Value;
use tracing::field::{Field, Visit};

use flux_operator_reconciler::outcome::describe;

/// What stands at the start of every line, and cannot be said a second time.
const RESERVED: [&str; 4] = ["level", "ts", "logger", "msg"];

/// The message of an event, and fields in the order in which they were first recorded.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fields {
    pub(super) message: Option<String>,
    pub(super) fields: Vec<(String, Value)>,
}

impl Fields {
    /// Adds fields; one that is there already gets the new value.
    pub(super) fn extend(&mut self, other: &Self) {
        for (name, value) in &other.fields {
            self.put(name, value.clone());
        }
    }

    fn put(&mut self, name: &str, value: Value) {
        match self.fields.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value,
            None => self.fields.push((name.to_owned(), value)),
        }
    }

    fn record(&mut self, field: &Field, value: Value) {
        match field.name() {
            "message" => {
                self.message = Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            }
            // What the bridge from the crate `log` adds.
            name if name.starts_with("log.") => {}
            name if RESERVED.contains(&name) => self.put(&format!("{name}_"), value),
            name => self.put(name.strip_prefix("r#").unwrap_or(name), value),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.record(field, describe(value).into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.record(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.record(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.record(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.record(field, value.into());
    }
}
