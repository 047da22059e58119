//! What to do with one object. The one place where that is decided.

use std::collections::BTreeSet;

use flux_operator_api::{Object, ObjectId, annotations};

use super::drift::{self, Drift};
use super::take_over::TakeOver;
use crate::change::SkipReason;
use crate::owner::is_disabled;

/// What the engine will do with one object. Computed before any write, from values only.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// It is not there: apply it.
    Create,
    /// It is different: apply it.
    Configure {
        /// What is different; nothing, where it only has to be taken over.
        drift: Drift,
        /// How to take it over first, if somebody else had it.
        take_over: Option<TakeOver>,
    },
    /// It is as desired: write nothing.
    Leave,
    /// It must not be touched.
    Skip(SkipReason),
    /// A field that cannot be changed has to: delete it, and create it anew.
    Recreate,
    /// It is on its way out: wait until it is gone, and create it anew.
    Outlast,
}

/// A dry run that the API server refused.
#[derive(Clone, Copy, Debug)]
pub struct Refused<E> {
    /// Whether it is because of a field that cannot be changed.
    pub is_immutable: bool,
    /// What the API server said.
    pub error: E,
}

/// What the caller permits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// When an object is deleted and created anew because a field cannot be changed.
    pub recreate: Recreate,
    /// Whether an object annotated `fluxcd.controlplane.io/reconcile: disabled` in the cluster is
    /// left alone. Off by default.
    pub honours_reconcile: bool,
    /// Field managers that are taken over, besides those that install Flux.
    pub predecessors: Vec<String>,
    /// Objects that a run looks at and does not touch, because it is not their turn yet: their
    /// drift was corrected too often in too short a time. Default: none.
    pub held: BTreeSet<ObjectId>,
}

/// When an object is deleted and created anew because a field cannot be changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recreate {
    /// Never: it is a failure that names the object and the field.
    #[default]
    Never,
    /// Where the object is annotated `fluxcd.controlplane.io/force: enabled`, as desired or in the
    /// cluster.
    Annotated,
    /// Always.
    Always,
}

/// The annotation of [`Recreate::Annotated`], and its value.
const FORCE: (&str, &str) = ("fluxcd.controlplane.io/force", "enabled");

/// Decides what to do with `desired`, given what is there and what a dry run would make of it.
///
/// `live` may be absent only where the object is: a dry run with a resource version tells that there
/// is one.
///
/// # Guarantees
/// An object of the cluster that is as desired is left alone, so its resource version stays.
/// Nothing is recreated unless the policy says so.
///
/// # Errors
/// What the API server said, where it refused and the policy has no way out.
pub fn decide<E>(
    desired: &Object,
    live: Option<&Object>,
    dry_run: Result<Object, Refused<E>>,
    policy: &Policy,
) -> Result<Decision, E> {
    if live.is_some_and(|live| policy.honours_reconcile && is_disabled(live, annotations::RECONCILE)) {
        return Ok(Decision::Skip(SkipReason::ReconcileDisabled));
    }
    if live.is_some_and(|live| live.pointer("/metadata/deletionTimestamp").is_some()) {
        return Ok(Decision::Outlast);
    }
    match (dry_run, live) {
        (Err(refused), Some(live)) if refused.is_immutable && policy.recreates(desired, live) => Ok(Decision::Recreate),
        (Err(refused), _) => Err(refused.error),
        (Ok(_), None) => Ok(Decision::Create),
        (Ok(dry_run), Some(live)) => {
            let take_over = TakeOver::of(live, &policy.predecessors);
            Ok(match drift::compare(live, &dry_run) {
                None if take_over.is_none() => Decision::Leave,
                drift => Decision::Configure { drift: drift.unwrap_or_default(), take_over },
            })
        }
    }
}

impl Policy {
    fn recreates(&self, desired: &Object, live: &Object) -> bool {
        let is_annotated = |object: &Object| object.annotations().any(|annotation| annotation == FORCE);
        match self.recreate {
            Recreate::Never => false,
            Recreate::Annotated => is_annotated(desired) || is_annotated(live),
            Recreate::Always => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn map(metadata: &Value, value: &str) -> Object {
        let mut metadata = metadata.clone();
        metadata["name"] = json!("a");
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": value}});
        Object::try_from(object).unwrap()
    }

    const REFUSED: Result<Decision, &str> = Err("no");

    #[expect(clippy::unnecessary_wraps, reason = "the form in which a dry run is given")]
    fn accepted(object: &Object) -> Result<Object, Refused<&'static str>> {
        Ok(object.clone())
    }

    fn refused(is_immutable: bool) -> Result<Object, Refused<&'static str>> {
        Err(Refused { is_immutable, error: "no" })
    }

    #[test]
    fn writes_only_what_differs() {
        let none = json!({});
        let (one, two) = (map(&none, "1"), map(&none, "2"));
        let policy = Policy::default();
        assert_eq!(decide(&one, None, accepted(&one), &policy), Ok(Decision::Create));
        assert_eq!(decide(&one, Some(&one), accepted(&one), &policy), Ok(Decision::Leave));
        let Ok(Decision::Configure { drift, take_over: None }) = decide(&two, Some(&one), accepted(&two), &policy)
        else {
            panic!("expected a drift without a take-over");
        };
        assert_eq!(drift.fields(), ["/data/k"]);
    }

    #[test]
    fn what_is_equal_but_somebody_elses_is_taken_over() {
        let theirs = json!({"managedFields": [{"manager": "helm", "operation": "Update", "fieldsV1": {}}]});
        let live = map(&theirs, "1");
        let Ok(Decision::Configure { drift, take_over: Some(_) }) =
            decide(&live, Some(&live), accepted(&live), &Policy::default())
        else {
            panic!("expected a take-over");
        };
        assert!(drift.fields().is_empty());
    }

    #[test]
    fn an_immutable_field_is_fought_only_where_asked() {
        let plain = map(&json!({}), "1");
        let forced = map(&json!({"annotations": {FORCE.0: FORCE.1}}), "1");
        let cases = [
            (Recreate::Never, &forced, Some(&forced), REFUSED),
            (Recreate::Annotated, &plain, Some(&plain), REFUSED),
            (Recreate::Annotated, &forced, Some(&plain), Ok(Decision::Recreate)),
            (Recreate::Annotated, &plain, Some(&forced), Ok(Decision::Recreate)),
            (Recreate::Always, &plain, Some(&plain), Ok(Decision::Recreate)),
            // Not there, so there is nothing that could be in the way.
            (Recreate::Always, &plain, None, REFUSED),
        ];
        for (recreate, desired, live, expected) in cases {
            let policy = Policy { recreate, ..Policy::default() };
            assert_eq!(decide(desired, live, refused(true), &policy), expected, "{recreate:?}");
            assert_eq!(decide(desired, live, refused(false), &policy), REFUSED);
        }
    }

    #[test]
    fn what_is_being_deleted_is_not_written_to() {
        let live = map(&json!({"deletionTimestamp": "2026-01-01T00:00:00Z"}), "1");
        let desired = map(&json!({}), "1");
        for dry_run in [accepted(&live), refused(true), refused(false)] {
            let decision = decide(&desired, Some(&live), dry_run, &Policy::default());
            assert_eq!(decision, Ok(Decision::Outlast));
        }
    }

    #[test]
    fn what_is_switched_off_is_left_alone_where_that_counts() {
        let live = map(&json!({"annotations": {annotations::RECONCILE: "Disabled"}}), "1");
        let desired = map(&json!({}), "2");
        let honouring = Policy { honours_reconcile: true, ..Policy::default() };
        let skip = Ok(Decision::Skip(SkipReason::ReconcileDisabled));
        assert_eq!(decide(&desired, Some(&live), accepted(&desired), &honouring), skip);
        assert_eq!(decide(&desired, Some(&live), refused(false), &honouring), skip);
        assert_ne!(decide(&desired, Some(&live), accepted(&desired), &Policy::default()), skip);
    }
}
