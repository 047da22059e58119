//! What the engine knows of the objects it applied, so that it need not ask again.
//!
//! After an object was verified, its [`Mark`] is kept beside a digest of what was desired. Watches
//! keep telling the mark that the object has now. While the two agree and the same is desired, the
//! object is as it was verified, and a pass has nothing to ask.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use flux_operator_api::{Object, ObjectId};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

use crate::change::{Action, SkipReason};

/// What is seen of an object's metadata, in a watch or in an answer.
pub(crate) struct Seen<'m> {
    pub(crate) uid: &'m str,
    pub(crate) resource_version: &'m str,
    pub(crate) generation: Option<i64>,
    pub(crate) labels: Vec<(&'m str, &'m str)>,
    pub(crate) annotations: Vec<(&'m str, &'m str)>,
}

impl<'m> Seen<'m> {
    /// What is seen in an answer.
    pub(crate) fn of(live: &'m Object) -> Self {
        let text = |pointer: &str| live.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        Self {
            uid: text("/metadata/uid"),
            resource_version: text("/metadata/resourceVersion"),
            generation: live.pointer("/metadata/generation").and_then(Value::as_i64),
            labels: live.labels().collect(),
            annotations: live.annotations().collect(),
        }
    }
}

/// What tells one state of an object from another.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    uid: Box<str>,
    resource_version: Box<str>,
    /// Counts changes of what is desired, for kinds that have it; 0 for others.
    generation: i64,
    /// Of labels and annotations, which do not count as a generation.
    metadata: u64,
}

impl Mark {
    /// The mark of what is seen. Only the keys that are desired count, and those that are addressed
    /// to the operator: controllers annotate what they work on.
    fn of(seen: &Seen<'_>, keys: &BTreeSet<Box<str>>) -> Self {
        let counts = |(key, _): &&(&str, &str)| keys.contains(*key) || key.starts_with(OURS);
        let mut metadata = DefaultHasher::new();
        for texts in [&seen.labels, &seen.annotations] {
            texts.iter().filter(counts).collect::<BTreeSet<_>>().hash(&mut metadata);
        }
        Self {
            uid: seen.uid.into(),
            resource_version: seen.resource_version.into(),
            generation: seen.generation.unwrap_or_default(),
            metadata: metadata.finish(),
        }
    }

    /// Whether it is of a later version than another one.
    fn is_after(&self, other: &Self) -> bool {
        self.number() > other.number()
    }

    fn number(&self) -> Option<u64> {
        number(&self.resource_version)
    }

    /// Whether nothing that can be desired has changed between the two.
    ///
    /// For kinds that count generations, a new resource version alone is a change of status.
    fn is_as_desired(&self, verified: &Self) -> bool {
        let is_counted = self.generation > 0 && self.generation == verified.generation;
        self.uid == verified.uid
            && self.metadata == verified.metadata
            && (is_counted || self.resource_version == verified.resource_version)
    }
}

/// Resource versions are numbers that grow: <https://kep.k8s.io/5504>. None for an API server that
/// has others: then nothing is ever late.
fn number(resource_version: &str) -> Option<u64> {
    resource_version.parse().ok()
}

/// What the keys of labels and annotations start with that are addressed to the operator.
const OURS: &str = "fluxcd.controlplane.io/";

/// A digest of a desired object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DesiredDigest([u8; 32]);

impl DesiredDigest {
    pub(crate) fn of(object: &Object) -> Self {
        let mut digest = Sha256::new();
        for (name, value) in object.fields() {
            digest.update(name);
            // A value is always JSON.
            digest.update(serde_json::to_vec(value).unwrap_or_default());
        }
        Self(digest.finalize().into())
    }
}

#[derive(Debug, Default)]
struct Known {
    /// Keys of labels and annotations that are desired.
    keys: BTreeSet<Box<str>>,
    /// As the watch has it; none where the object is gone.
    observed: Option<Mark>,
    /// As it was when it was found, or made, as desired, or was left alone.
    verified: Option<Verified>,
    /// What is desired, for kinds that do not count generations: without it nobody could tell whether
    /// a new version is more than a change of status.
    desired: Option<Object>,
    /// The resource version in which it was ready.
    ready: Option<Box<str>>,
}

/// A state about which there is nothing to ask.
#[derive(Debug)]
struct Verified {
    mark: Mark,
    desired: DesiredDigest,
    action: Action,
}

/// The memory of one engine.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<ObjectId, Known>,
    /// Group and kind of what is watched, and whether the watch is complete.
    watched: BTreeMap<(String, String), bool>,
}

impl Memory {
    /// Notes that the object is as desired, in this state.
    pub(crate) fn verified(&self, desired: &Object, live: &Object, digest: DesiredDigest) {
        self.settle(desired, live, digest, Action::Unchanged);
    }

    /// Notes that the object was left alone in this state.
    pub(crate) fn skipped(&self, desired: &Object, live: &Object, digest: DesiredDigest, reason: SkipReason) {
        self.settle(desired, live, digest, Action::Skipped(reason));
    }

    fn settle(&self, desired: &Object, live: &Object, digest: DesiredDigest, action: Action) {
        let keys = desired.labels().chain(desired.annotations()).map(|(key, _)| key.into()).collect();
        let mark = Mark::of(&Seen::of(live), &keys);
        let mut state = self.lock();
        let known = state.objects.entry(desired.id()).or_default();
        // Compared with other keys, so not comparable any more.
        let is_behind = known.keys != keys || known.observed.as_ref().is_none_or(|observed| !observed.is_after(&mark));
        if is_behind {
            known.observed = Some(mark.clone());
        }
        known.keys = keys;
        known.desired = (mark.generation == 0).then(|| desired.clone());
        known.verified = Some(Verified { mark, desired: digest, action });
    }

    /// What becomes of the object where it is certain that nothing has to be done.
    pub(crate) fn known(&self, id: &ObjectId, desired: DesiredDigest) -> Option<Action> {
        let state = self.lock();
        let is_watched = state.watched.get(&kind_of(id)).copied().unwrap_or_default();
        let known = state.objects.get(id).filter(|_| is_watched)?;
        let (observed, verified) = (known.observed.as_ref()?, known.verified.as_ref()?);
        let is_certain = verified.desired == desired && observed.is_as_desired(&verified.mark);
        is_certain.then_some(verified.action)
    }

    /// Notes that the object was ready in this state.
    pub(crate) fn ready(&self, id: &ObjectId, live: &Object) {
        let version = live.pointer("/metadata/resourceVersion").and_then(Value::as_str);
        self.lock().objects.entry(id.clone()).or_default().ready = version.map(Into::into);
    }

    /// Whether the object is certain to be ready still.
    pub(crate) fn is_ready(&self, id: &ObjectId) -> bool {
        let state = self.lock();
        let is_watched = state.watched.get(&kind_of(id)).copied().unwrap_or_default();
        let known = state.objects.get(id);
        is_watched
            && known.is_some_and(|known| {
                let observed = known.observed.as_ref().map(|mark| &mark.resource_version);
                observed.is_some() && observed == known.ready.as_ref()
            })
    }

    /// Forgets what was verified of an object: the next pass looks again.
    pub(crate) fn forget(&self, id: &ObjectId) {
        self.lock().objects.remove(id);
    }

    /// Forgets everything that was verified.
    pub(crate) fn forget_all(&self) {
        self.lock().objects.clear();
    }

    /// The objects that were as desired, and are no longer.
    pub(crate) fn drifted(&self) -> Vec<ObjectId> {
        let state = self.lock();
        let is_drifted = |known: &Known| match (&known.observed, &known.verified) {
            (Some(observed), Some(verified)) => !observed.is_as_desired(&verified.mark),
            (None, Some(_)) => true,
            (_, None) => false,
        };
        state.objects.iter().filter(|(_, known)| is_drifted(known)).map(|(id, _)| id.clone()).collect()
    }

    /// What is desired of an object of which only the version has changed, as far as a watch can tell.
    pub(crate) fn suspect(&self, id: &ObjectId) -> Option<(Object, DesiredDigest)> {
        let state = self.lock();
        let known = state.objects.get(id)?;
        let (observed, verified) = (known.observed.as_ref()?, known.verified.as_ref()?);
        let is_same = observed.uid == verified.mark.uid && observed.metadata == verified.mark.metadata;
        let desired = known.desired.clone().filter(|_| is_same && verified.action == Action::Unchanged)?;
        Some((desired, verified.desired))
    }

    /// Waits until a watch has something new.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// What a watch has: the object is in this state.
    pub(crate) fn observe(&self, id: &ObjectId, seen: &Seen<'_>) {
        let mut state = self.lock();
        // What was never applied is nobody's business here.
        let Some(known) = state.objects.get_mut(id) else {
            return;
        };
        let mark = Mark::of(seen, &known.keys);
        let is_late = known.observed.as_ref().is_some_and(|observed| observed.is_after(&mark));
        if !is_late && known.observed.as_ref() != Some(&mark) {
            known.observed = Some(mark);
            drop(state);
            self.changed.notify_one();
        }
    }

    /// What a watch has: the object is gone, and this was its last version.
    pub(crate) fn observe_absence(&self, id: &ObjectId, resource_version: &str) {
        let mut state = self.lock();
        let last = number(resource_version);
        // Of an object that was created anew, the end of the former one may be told late.
        if let Some(known) = state.objects.get_mut(id)
            && known.observed.take_if(|observed| observed.number() <= last).is_some()
        {
            drop(state);
            self.changed.notify_one();
        }
    }

    /// A watch starts to list: until it is complete, nothing of the kind is certain.
    pub(crate) fn begin(&self, kind: &(String, String)) {
        self.lock().watched.insert(kind.clone(), false);
    }

    /// A watch has listed everything of its kind. What it did not find is gone.
    pub(crate) fn complete(&self, kind: &(String, String), found: &BTreeSet<ObjectId>) {
        let mut state = self.lock();
        for (id, known) in &mut state.objects {
            if kind_of(id) == *kind && !found.contains(id) {
                known.observed = None;
            }
        }
        state.watched.insert(kind.clone(), true);
        drop(state);
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is a single assignment, so a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn kind_of(id: &ObjectId) -> (String, String) {
    (id.group.clone(), id.kind.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn live(version: &str, generation: Option<i64>, label: &str) -> Object {
        let metadata = json!({
            "name": "a", "uid": "u", "resourceVersion": version, "generation": generation, "labels": {"l": label},
        });
        Object::try_from(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata})).unwrap()
    }

    /// Whether an object that was verified as `before` needs no look once it is `after`.
    #[track_caller]
    fn check(before: &Object, after: &Object, expected: bool) {
        let memory = Memory::default();
        let digest = DesiredDigest::of(before);
        let id = before.id();
        memory.verified(before, before, digest);
        assert!(memory.known(&id, digest).is_none(), "not before the watch is complete");
        memory.complete(&kind_of(&id), &[id.clone()].into());
        assert_eq!(memory.known(&id, digest), Some(Action::Unchanged));
        memory.observe(&id, &Seen::of(after));
        assert_eq!(memory.known(&id, digest).is_some(), expected);
        assert_eq!(memory.drifted().is_empty(), expected);
    }

    #[test]
    fn a_change_of_status_is_no_drift_where_generations_are_counted() {
        check(&live("1", Some(4), "x"), &live("1", Some(4), "x"), true);
        check(&live("1", Some(4), "x"), &live("2", Some(4), "x"), true);
        check(&live("1", Some(4), "x"), &live("2", Some(5), "x"), false);
        check(&live("1", Some(4), "x"), &live("2", Some(4), "y"), false);
        check(&live("1", None, "x"), &live("1", None, "x"), true);
        check(&live("1", None, "x"), &live("2", None, "x"), false);
    }

    #[test]
    fn annotations_of_controllers_are_no_drift() {
        let before = live("1", Some(4), "x");
        let annotated = |key: &str| {
            let mut after = live("2", Some(4), "x").into_value();
            after["metadata"]["annotations"] = json!({key: "1"});
            Object::try_from(after).unwrap()
        };
        check(&before, &annotated("deployment.kubernetes.io/revision"), true);
        check(&before, &annotated("fluxcd.controlplane.io/reconcile"), false);
    }

    #[test]
    fn another_desire_is_not_verified() {
        let memory = Memory::default();
        let (one, other) = (live("1", Some(1), "x"), live("1", Some(1), "y"));
        memory.verified(&one, &one, DesiredDigest::of(&one));
        memory.complete(&kind_of(&one.id()), &[one.id()].into());
        assert!(memory.known(&one.id(), DesiredDigest::of(&other)).is_none());
    }

    #[test]
    fn what_is_gone_has_drifted() {
        let memory = Memory::default();
        let object = live("1", Some(1), "x");
        let (id, digest) = (object.id(), DesiredDigest::of(&object));
        memory.verified(&object, &object, digest);
        memory.complete(&kind_of(&id), &BTreeSet::new());
        assert!(memory.known(&id, digest).is_none());
        assert_eq!(memory.drifted(), std::slice::from_ref(&id));
        memory.forget(&id);
        assert!(memory.drifted().is_empty());
    }

    #[test]
    fn a_watch_that_starts_anew_makes_nothing_certain() {
        let memory = Memory::default();
        let object = live("1", Some(1), "x");
        let (id, digest) = (object.id(), DesiredDigest::of(&object));
        memory.verified(&object, &object, digest);
        memory.ready(&id, &object);
        memory.complete(&kind_of(&id), &[id.clone()].into());
        assert!(memory.known(&id, digest).is_some() && memory.is_ready(&id));
        memory.begin(&kind_of(&id));
        assert!(memory.known(&id, digest).is_none() && !memory.is_ready(&id));
    }

    #[test]
    fn news_of_former_versions_come_too_late() {
        let memory = Memory::default();
        let (before, after) = (live("9", Some(1), "x"), live("10", Some(2), "x"));
        let (id, digest) = (after.id(), DesiredDigest::of(&after));
        memory.verified(&after, &after, digest);
        memory.complete(&kind_of(&id), &[id.clone()].into());
        memory.observe(&id, &Seen::of(&before));
        memory.observe_absence(&id, "9");
        assert_eq!(memory.drifted(), []);

        // And a change that is told before the write it follows was answered is not lost.
        let changed = live("11", Some(3), "x");
        memory.observe(&id, &Seen::of(&changed));
        memory.verified(&after, &after, digest);
        assert_eq!(memory.drifted(), std::slice::from_ref(&id));
        memory.observe_absence(&id, "12");
        assert_eq!(memory.drifted(), [id]);
    }

    #[test]
    fn what_was_left_alone_is_left_alone_until_it_changes() {
        let memory = Memory::default();
        let skipped = Action::Skipped(SkipReason::ReconcileDisabled);
        let mut annotated = live("1", Some(1), "x").into_value();
        annotated["metadata"]["annotations"] = json!({"fluxcd.controlplane.io/reconcile": "disabled"});
        let (desired, annotated) = (live("", None, "x"), Object::try_from(annotated).unwrap());
        let (id, digest) = (desired.id(), DesiredDigest::of(&desired));
        memory.skipped(&desired, &annotated, digest, SkipReason::ReconcileDisabled);
        memory.complete(&kind_of(&id), &[id.clone()].into());
        assert_eq!(memory.known(&id, digest), Some(skipped));
        memory.observe(&id, &Seen::of(&live("2", Some(1), "x")));
        assert_eq!(memory.known(&id, digest), None);
        assert_eq!(memory.drifted(), [id]);
    }
}
