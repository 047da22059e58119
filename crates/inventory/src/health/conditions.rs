//! The conditions of an object, as its controller wrote them.
//!
//! Unlike the operator's own conditions these are borrowed and may lack anything but type and
//! status, see the [API conventions].
//!
//! [API conventions]: https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#typical-status-properties

use flux_operator_api::{ConditionStatus, Object};
use jiff::Timestamp;
use serde_json::Value;

use super::fields::{list, text_in};

/// One condition of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Condition<'o> {
    pub(super) r#type: &'o str,
    pub(super) status: ConditionStatus,
    pub(super) reason: Option<&'o str>,
    pub(super) message: Option<&'o str>,
    /// When the status last changed, if that can be read.
    pub(super) since: Option<Timestamp>,
}

impl<'o> Condition<'o> {
    fn read(entry: &'o Value) -> Option<Self> {
        Some(Self {
            r#type: text_in(entry, "type")?,
            status: text_in(entry, "status")?.parse().ok()?,
            reason: text_in(entry, "reason"),
            message: text_in(entry, "message"),
            since: text_in(entry, "lastTransitionTime").and_then(|time| time.parse().ok()),
        })
    }

    pub(super) fn is_true(&self) -> bool {
        self.status == ConditionStatus::True
    }

    pub(super) fn is_false(&self) -> bool {
        self.status == ConditionStatus::False
    }

    pub(super) fn has_reason(&self, reason: &str) -> bool {
        self.reason == Some(reason)
    }

    /// The message, or what comes closest to one.
    pub(super) fn words(&self) -> String {
        self.message.or(self.reason).map_or_else(|| format!("{} is {}", self.r#type, self.status), str::to_owned)
    }

    /// Reason and message, `BackoffLimitExceeded: Job has reached …`, as far as they are there.
    pub(super) fn reason_and_words(&self) -> String {
        match (self.reason, self.message) {
            (Some(reason), Some(message)) => format!("{reason}: {message}"),
            _ => self.words(),
        }
    }
}

/// The conditions in the order in which they are stored. Entries without type or with a status
/// that the API does not have are left out.
pub(super) fn all(object: &Object) -> impl Iterator<Item = Condition<'_>> {
    list(object, "/status/conditions").filter_map(Condition::read)
}

/// The condition of this type.
pub(super) fn find<'o>(object: &'o Object, r#type: &str) -> Option<Condition<'o>> {
    all(object).find(|condition| condition.r#type == r#type)
}

/// The condition of this type, if it holds.
pub(super) fn find_true<'o>(object: &'o Object, r#type: &str) -> Option<Condition<'o>> {
    find(object, r#type).filter(Condition::is_true)
}

/// The condition of this type, if it does not hold.
pub(super) fn find_false<'o>(object: &'o Object, r#type: &str) -> Option<Condition<'o>> {
    find(object, r#type).filter(Condition::is_false)
}
