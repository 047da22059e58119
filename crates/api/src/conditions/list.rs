//! The conditions of an instance, kept consistent with each other.

use std::ops::Deref;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Condition, ConditionStatus, ConditionType, Reason, whole_seconds};

/// The conditions of an instance: `Stalled`, `Reconciling`, `Ready` in this order, then those of
/// others.
///
/// Changed through [`set`](Self::set) and [`settle`](Self::settle) only, so that the list never
/// says that an instance is both under way and stuck.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Conditions(Vec<Condition>);

impl Conditions {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The condition of a type.
    pub fn find(&self, r#type: ConditionType) -> Option<&Condition> {
        self.0.iter().find(|condition| condition.r#type == r#type.as_str())
    }

    /// Whether the condition of a type is there and holds.
    pub fn is_true(&self, r#type: ConditionType) -> bool {
        self.find(r#type).is_some_and(|condition| condition.status == ConditionStatus::True)
    }

    /// Puts a condition in place of the one of its type, whose transition time it keeps if both say
    /// the same.
    ///
    /// `Reconciling` drives out `Stalled`, and the other way round. A message that is too long is
    /// trimmed.
    pub fn set(&mut self, mut condition: Condition) {
        condition.message = super::trim_message(condition.message);
        match condition.r#type.parse() {
            Ok(ConditionType::Reconciling) => self.remove(ConditionType::Stalled),
            Ok(ConditionType::Stalled) => self.remove(ConditionType::Reconciling),
            Ok(ConditionType::Ready) | Err(_) => {}
        }
        match self.0.iter_mut().find(|previous| previous.r#type == condition.r#type) {
            Some(previous) => {
                if previous.says_the_same(&condition) {
                    condition.last_transition_time = previous.last_transition_time.clone();
                }
                *previous = condition;
            }
            None => self.0.push(condition),
        }
        self.sort();
    }

    /// Takes the condition of a type away.
    pub fn remove(&mut self, r#type: ConditionType) {
        self.0.retain(|condition| condition.r#type != r#type.as_str());
    }

    /// Ends a run: what is not ready but under way will be retried, and what is ready or stuck is
    /// not under way.
    pub fn settle(&mut self, now: Timestamp) {
        if self.is_true(ConditionType::Ready) || self.is_true(ConditionType::Stalled) {
            self.remove(ConditionType::Reconciling);
            return;
        }
        let failed = self.find(ConditionType::Ready).is_some_and(|ready| ready.status == ConditionStatus::False);
        let reconciling = self.0.iter_mut().find(|condition| condition.r#type == ConditionType::Reconciling.as_str());
        if let Some(reconciling) = reconciling
            && failed
            && reconciling.reason != Reason::ProgressingWithRetry.as_str()
        {
            reconciling.reason = Reason::ProgressingWithRetry.to_string();
            reconciling.last_transition_time = whole_seconds(now);
        }
    }

    /// Owned conditions in the order of [`ConditionType`], then the others by name.
    fn sort(&mut self) {
        fn key(condition: &Condition) -> (bool, Option<ConditionType>, &str) {
            let owned = condition.r#type.parse().ok();
            (owned.is_none(), owned, &condition.r#type)
        }
        self.0.sort_by(|a, b| key(a).cmp(&key(b)));
    }
}

impl Deref for Conditions {
    type Target = [Condition];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl FromIterator<Condition> for Conditions {
    fn from_iter<I: IntoIterator<Item = Condition>>(conditions: I) -> Self {
        let mut list = Self::default();
        for condition in conditions {
            list.set(condition);
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use ConditionStatus::{False, True, Unknown};
    use ConditionType::{Ready, Reconciling, Stalled};
    use Reason::{BuildFailed, Progressing, ProgressingWithRetry, ReconciliationFailed, ReconciliationSucceeded};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn condition(r#type: ConditionType, status: ConditionStatus, reason: Reason, second: i64) -> Condition {
        Condition::new(r#type, status, reason, "", at(second))
    }

    fn somebody_elses(r#type: &str) -> Condition {
        Condition { r#type: r#type.to_owned(), ..condition(Ready, True, Progressing, 0) }
    }

    /// Sets `conditions` one second apart, settles at 100 s if asked to, and compares `type=status
    /// reason @time`.
    #[track_caller]
    fn check(conditions: &[(ConditionType, ConditionStatus, Reason)], settle: bool, expected: &[&str]) {
        let mut list = Conditions::default();
        for (second, (r#type, status, reason)) in (1..).zip(conditions) {
            list.set(condition(*r#type, *status, *reason, second));
        }
        if settle {
            list.settle(at(100));
        }
        let line =
            |c: &Condition| format!("{}={} {} @{}", c.r#type, c.status, c.reason, c.last_transition_time.0.as_second());
        assert_eq!(list.iter().map(line).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn keeps_transition_time_unless_something_is_said_anew() {
        let started = (Ready, Unknown, Progressing);
        check(&[started, started], false, &["Ready=Unknown Progressing @1"]);
        check(&[started, (Ready, True, Progressing)], false, &["Ready=True Progressing @2"]);
        check(&[started, (Ready, Unknown, BuildFailed)], false, &["Ready=Unknown BuildFailed @2"]);

        let mut list: Conditions = [condition(Ready, True, Progressing, 1)].into_iter().collect();
        list.set(condition(Ready, True, Progressing, 2).observed(Some(7)));
        assert_eq!(list[0].last_transition_time.0, at(1), "a new generation is no transition");
        assert_eq!(list[0].observed_generation, Some(7));
        list.set(Condition::new(Ready, True, Progressing, "new words", at(3)));
        assert_eq!(list[0].last_transition_time.0, at(3));
    }

    #[test]
    fn reconciling_and_stalled_drive_each_other_out() {
        let (under_way, stuck) = ((Reconciling, True, Progressing), (Stalled, True, BuildFailed));
        check(&[under_way, stuck], false, &["Stalled=True BuildFailed @2"]);
        check(&[stuck, under_way], false, &["Reconciling=True Progressing @2"]);
    }

    #[test]
    fn order_is_stalled_reconciling_ready_others() {
        check(
            &[(Ready, True, Progressing), (Reconciling, True, Progressing)],
            false,
            &["Reconciling=True Progressing @2", "Ready=True Progressing @1"],
        );
        let mut list = Conditions::default();
        for condition in [somebody_elses("Other"), somebody_elses("Another"), condition(Ready, True, Progressing, 1)] {
            list.set(condition);
        }
        list.set(condition(Stalled, True, BuildFailed, 1));
        let types: Vec<_> = list.iter().map(|condition| condition.r#type.as_str()).collect();
        assert_eq!(types, ["Stalled", "Ready", "Another", "Other"]);
    }

    #[test]
    fn a_settled_run_is_retried_ready_or_stuck() {
        let under_way = (Reconciling, True, Progressing);
        check(
            &[under_way, (Ready, False, ReconciliationFailed)],
            true,
            &["Reconciling=True ProgressingWithRetry @100", "Ready=False ReconciliationFailed @2"],
        );
        check(
            &[(Reconciling, True, ProgressingWithRetry), (Ready, False, ReconciliationFailed)],
            true,
            &["Reconciling=True ProgressingWithRetry @1", "Ready=False ReconciliationFailed @2"],
        );
        check(&[under_way, (Ready, True, ReconciliationSucceeded)], true, &["Ready=True ReconciliationSucceeded @2"]);
        check(
            &[(Stalled, True, BuildFailed), (Ready, False, BuildFailed)],
            true,
            &["Stalled=True BuildFailed @1", "Ready=False BuildFailed @2"],
        );
        check(
            &[under_way, (Ready, Unknown, Progressing)],
            true,
            &["Reconciling=True Progressing @1", "Ready=Unknown Progressing @2"],
        );
    }
}
