//! What holds for every object, however odd.

use flux_operator_api::Object;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::now;
use crate::health::kinds::RULES;
use crate::health::{Status, needs_watching, of};

/// Names that the rules look for, and one that they do not.
const FIELDS: &str = "
    availableReplicas clusterIP conditions containerStatuses currentNumberScheduled currentReplicas
    currentRevision deletionTimestamp desiredNumberScheduled finalizers fullyLabeledReplicas generation
    initContainerStatuses lastTransitionTime message name numberAvailable numberReady observedGeneration
    other partition phase progressDeadlineSeconds readyReplicas reason replicas rollingUpdate startTime
    state status suspend type updateRevision updateStrategy updatedNumberScheduled updatedReplicas waiting
";

/// Words that mean something in some field.
const WORDS: &str = "
    7 Available Complete CrashLoopBackOff Established Failed False LoadBalancer NamesAccepted
    NewReplicaSetAvailable OnDelete Pending PodScheduled ProgressDeadlineExceeded Progressing Ready
    Reconciling ReplicaFailure Running Stalled True Unknown Unschedulable -009999-01-02T01:59:59Z
    2026-01-01T11:59:00Z 9999-12-30T22:00:00Z
";

fn word(of: &'static str) -> impl Strategy<Value = &'static str> {
    prop::sample::select(of.split_whitespace().collect::<Vec<_>>())
}

/// Any JSON, more often than not with names and words that some rule looks for.
fn json() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-1i64..4).prop_map(Value::from),
        prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX)].prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word(WORDS).prop_map(Value::from),
        ".{0,4}".prop_map(Value::from),
    ];
    scalar.prop_recursive(4, 48, 8, |inner| {
        prop_oneof![prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from), mapping(inner)]
    })
}

fn mapping(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let entries = prop::collection::btree_map(word(FIELDS), inner, 0..12);
    entries.prop_map(|entries| {
        entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()
    })
}

/// A list like that of conditions.
fn conditions() -> impl Strategy<Value = Value> {
    let condition = [word(WORDS), word(WORDS), word(WORDS), word(WORDS)].prop_map(|[r#type, status, reason, time]| {
        json!({"type": r#type, "status": status, "reason": reason, "lastTransitionTime": time})
    });
    prop::collection::vec(condition, 0..4).prop_map(Value::from)
}

/// Group and kind: one of those with a rule, or another.
fn kind() -> impl Strategy<Value = (&'static str, &'static str)> {
    let rules = RULES.iter().map(|rule| (rule.group, rule.kind));
    prop::sample::select(rules.chain([("example.com", "Deployment"), ("", "Namespace")]).collect::<Vec<_>>())
}

prop_compose! {
    fn arbitrary()(
        (group, kind) in kind(),
        mut metadata in mapping(json()), spec in json(), mut status in prop_oneof![json(), mapping(json())],
        conditions in prop::option::of(conditions()),
    ) -> Object {
        metadata["name"] = json!("a");
        if let (Value::Object(status), Some(conditions)) = (&mut status, conditions) {
            status.insert("conditions".to_owned(), conditions);
        }
        let api_version = if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") };
        let value = json!({
            "apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec, "status": status,
        });
        Object::try_from(value).unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_object_has_a_status_and_a_message(object in arbitrary(), second in any::<i32>()) {
        for now in [Timestamp::MIN, Timestamp::from_second(second.into()).unwrap(), Timestamp::MAX] {
            let health = of(&object, now);
            prop_assert!(!matches!(health.status, Status::NotFound | Status::Unknown));
            prop_assert!(!health.message.is_empty());
        }
    }

    #[test]
    fn what_needs_no_watching_is_current_once_stored(object in arbitrary()) {
        let mut fields = object.clone().into_fields();
        fields.remove("status");
        let stored = Object::from_fields(fields).unwrap();
        let is_deleted = stored.pointer("/metadata/deletionTimestamp").is_some();
        if !needs_watching(&stored.id()) && !is_deleted {
            prop_assert_eq!(of(&stored, now()).status, Status::Current);
        }
    }
}
