//! Jobs.

use flux_operator_api::Object;
use serde_json::Value;

use super::fields::{count, text};
use super::{Health, conditions};

/// Current when the job is done, or is not meant to run for now; a running job is in progress.
///
/// What is asked for decides about suspension, not the condition `Suspended`, which lags behind.
pub(super) fn job(object: &Object) -> Health {
    if object.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true) {
        return Health::current("Job is suspended");
    }
    let succeeded = count(object, "/status/succeeded");
    if conditions::find_true(object, "Complete").is_some() {
        return Health::current(format!("Job is complete. Succeeded: {succeeded}"));
    }
    if let Some(failed) = conditions::find_true(object, "Failed") {
        return Health::failed(failed.reason_and_words());
    }
    if text(object, "/status/startTime").is_none() {
        return Health::in_progress("Job has not started");
    }
    let (active, failed) = (count(object, "/status/active"), count(object, "/status/failed"));
    Health::in_progress(format!("Job is running. Active: {active}, succeeded: {succeeded}, failed: {failed}"))
}
