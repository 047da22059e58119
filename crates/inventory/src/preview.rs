//! What a run would do, object by object, before anything is written.

use std::collections::BTreeMap;

use flux_operator_api::{Object, ObjectId};
use serde_json::Value;

use crate::change::{Action, SkipReason};
use crate::plan::drift;

/// One object, and what a run would do with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Foreseen {
    /// The object.
    pub id: ObjectId,
    /// What would be done.
    pub effect: Effect,
}

/// What a run would do with one object. Objects of the cluster are complete: mask them before they
/// are shown.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// It is not there.
    Create {
        /// As it would be.
        after: Object,
        /// Who says so.
        proof: Proof,
    },
    /// It is there and different.
    Configure {
        /// As it is.
        before: Object,
        /// As it would be.
        after: Object,
        /// Who says so.
        proof: Proof,
    },
    /// It has to be deleted and created anew.
    Recreate {
        /// As it is.
        before: Object,
        /// As it would be.
        after: Object,
    },
    /// It is as desired.
    Leave,
    /// It is no longer desired.
    Delete {
        /// As it is.
        before: Object,
    },
    /// It is left alone on purpose.
    Skip(SkipReason),
    /// The API server refuses it, and so would end the run.
    Refuse {
        /// As it is, where it is there.
        before: Option<Object>,
        /// As it is desired.
        after: Object,
        /// What the API server said. Without the values of a Secret.
        why: String,
    },
}

/// How a state was foreseen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The API server was asked, in a dry run.
    DryRun,
    /// It could not be asked, because the kind or the namespace only comes with the run, or because
    /// there is no cluster. What is known is what is desired; what would be added to it is not.
    Desired,
}

impl Effect {
    /// What the run will say of it; nothing is certain of what is refused.
    pub fn action(&self) -> Action {
        match self {
            Self::Create { .. } => Action::Created,
            Self::Configure { .. } | Self::Recreate { .. } => Action::Configured,
            Self::Leave => Action::Unchanged,
            Self::Delete { .. } => Action::Deleted,
            Self::Skip(reason) => Action::Skipped(*reason),
            Self::Refuse { .. } => Action::Unknown,
        }
    }

    /// The object as it is.
    pub fn before(&self) -> Option<&Object> {
        match self {
            Self::Configure { before, .. } | Self::Recreate { before, .. } | Self::Delete { before } => Some(before),
            Self::Refuse { before, .. } => before.as_ref(),
            Self::Create { .. } | Self::Leave | Self::Skip(_) => None,
        }
    }

    /// The object as it would be, or as it is desired where that is refused.
    pub fn after(&self) -> Option<&Object> {
        match self {
            Self::Create { after, .. }
            | Self::Configure { after, .. }
            | Self::Recreate { after, .. }
            | Self::Refuse { after, .. } => Some(after),
            Self::Delete { .. } | Self::Leave | Self::Skip(_) => None,
        }
    }
}

/// What would change from one set of desired objects to another, without a cluster.
///
/// In the order of `after`, then what is only in `before`.
///
/// ```
/// use flux_operator_api::Object;
/// use flux_operator_inventory::{Action, preview};
/// use serde_json::json;
///
/// let map = |name: &str| {
///     Object::try_from(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}))
/// };
/// let foreseen = preview::between(&[map("a")?, map("b")?], &[map("b")?, map("c")?]);
/// let actions: Vec<Action> = foreseen.iter().map(|foreseen| foreseen.effect.action()).collect();
/// assert_eq!(actions, [Action::Unchanged, Action::Created, Action::Deleted]);
/// # Ok::<(), flux_operator_api::NotAnObject>(())
/// ```
pub fn between(before: &[Object], after: &[Object]) -> Vec<Foreseen> {
    let mut gone: BTreeMap<ObjectId, &Object> = before.iter().map(|object| (object.id(), object)).collect();
    let mut foreseen = Vec::with_capacity(after.len());
    for object in after {
        let effect = match gone.remove(&object.id()) {
            None => Effect::Create { after: object.clone(), proof: Proof::Desired },
            Some(before) if drift::compare(before, object).is_none() => Effect::Leave,
            Some(before) => Effect::Configure { before: before.clone(), after: object.clone(), proof: Proof::Desired },
        };
        foreseen.push(Foreseen { id: object.id(), effect });
    }
    foreseen.extend(
        before
            .iter()
            .filter(|object| gone.contains_key(&object.id()))
            .map(|object| Foreseen { id: object.id(), effect: Effect::Delete { before: object.clone() } }),
    );
    foreseen
}

/// An object of the cluster with what is desired laid over it: maps are merged, everything else is
/// replaced.
pub(crate) fn overlay(live: &Object, desired: &Object) -> Object {
    let mut value = live.clone().into_value();
    merge(&mut value, &desired.clone().into_value());
    Object::try_from(value).unwrap_or_else(|_| desired.clone())
}

/// What a dry run answered, without the ports of a Service that the API server picks at random: the
/// next answer would have others.
pub(crate) fn without_picked(answer: Object, before: &Object, desired: &Object) -> Object {
    if !(answer.group().is_empty() && answer.kind() == "Service") {
        return answer;
    }
    let mut value = answer.clone().into_value();
    let health = "/spec/healthCheckNodePort";
    if before.pointer(health).is_none()
        && desired.pointer(health).is_none()
        && let Some(spec) = value.pointer_mut("/spec").and_then(Value::as_object_mut)
    {
        spec.remove("healthCheckNodePort");
    }
    let is_known = |port: &Value| {
        let same = |other: &Value| other.get("nodePort").is_some() && other.get("port") == port.get("port");
        let ports = |object: &'_ Object| object.pointer("/spec/ports").and_then(Value::as_array).cloned();
        [before, desired].into_iter().filter_map(ports).flatten().any(|other| same(&other))
    };
    for port in value.pointer_mut("/spec/ports").and_then(Value::as_array_mut).into_iter().flatten() {
        if !is_known(port)
            && let Some(fields) = port.as_object_mut()
        {
            fields.remove("nodePort");
        }
    }
    Object::try_from(value).unwrap_or(answer)
}

fn merge(value: &mut Value, desired: &Value) {
    match (value, desired) {
        (Value::Object(fields), Value::Object(desired)) => {
            for (name, desired) in desired {
                merge(fields.entry(name.clone()).or_insert(Value::Null), desired);
            }
        }
        (value, desired) => value.clone_from(desired),
    }
}
