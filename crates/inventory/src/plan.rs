//! What has to be done, decided from values alone. No client is in reach.
//!
//! [`ApplyPlan`] arranges a whole run: which objects go out in which [stage], and which objects of
//! the inventory are stale. [`decide()`] settles one object once the API server has answered a dry
//! run: create, configure, leave, skip or recreate.

pub mod decide;
pub mod drift;
pub mod managed_fields;
pub mod order;
pub mod prepare;
pub mod settled;
pub mod stage;
pub mod take_over;
pub mod writer;

use flux_operator_api::Object;

pub use decide::{Decision, Policy, Recreate, decide};
pub use drift::Drift;
pub use stage::{Stage, StageKind};

use crate::record::{Entry, Inventory};

/// A run over a set of objects.
///
/// ```
/// use flux_operator_api::Object;
/// use flux_operator_inventory::{ApplyPlan, Entry, Inventory};
/// use serde_json::json;
///
/// let map = |name: &str| {
///     Object::try_from(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "apps"}}))
/// };
/// let previous = [map("a")?, map("b")?].iter().map(Entry::from).collect();
/// let plan = ApplyPlan::new(vec![map("b")?, map("c")?], &previous);
///
/// let stale: Vec<String> = plan.stale().iter().map(|entry| entry.id.to_string()).collect();
/// assert_eq!(stale, ["ConfigMap/apps/a"]);
/// assert_eq!(plan.widened().len(), 3);
/// # Ok::<(), flux_operator_api::NotAnObject>(())
/// ```
///
/// # Guarantees
/// Nothing desired is stale. A kind goes out before the kinds that need it. [`widened`](Self::widened)
/// holds everything that was there before and everything that will be.
#[derive(Clone, Debug)]
pub struct ApplyPlan {
    stages: Vec<Stage>,
    desired: Inventory,
    previous: Inventory,
    stale: Vec<Entry>,
}

impl ApplyPlan {
    /// Plans to bring `desired` into a cluster that has `previous`.
    ///
    /// Of an object that is in `desired` twice, the last counts.
    pub fn new(desired: Vec<Object>, previous: &Inventory) -> Self {
        Self::with_early_kinds(desired, previous, &[])
    }

    /// Like [`new`](Self::new), with kinds that go out after the classes and before everything else.
    pub fn with_early_kinds(desired: Vec<Object>, previous: &Inventory, early: &[&str]) -> Self {
        let stages = stage::split(order::sort(desired), early);
        let objects = stages.iter().flat_map(|stage| &stage.objects);
        let desired: Inventory = objects.map(Entry::from).collect();
        let mut stale: Vec<Entry> = previous.difference(&desired).cloned().collect();
        order::sort_for_deletion(&mut stale);
        Self { stages, desired, previous: previous.clone(), stale }
    }

    /// The stages that have objects, first to last.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// The desired objects, in the order in which they go out.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.stages.iter().flat_map(|stage| &stage.objects)
    }

    /// What the inventory will be when all is done.
    pub fn desired(&self) -> &Inventory {
        &self.desired
    }

    /// The inventory the plan was made from.
    pub fn previous(&self) -> &Inventory {
        &self.previous
    }

    /// The objects of the previous inventory that are no longer desired, in the order of deletion.
    pub fn stale(&self) -> &[Entry] {
        &self.stale
    }

    /// What the inventory must be before the first write: everything that is or will be there.
    pub fn widened(&self) -> Inventory {
        self.previous.union(&self.desired)
    }

    /// What the inventory is after the run: what is desired, the stale objects that are still
    /// `remaining`, and what could not be read.
    pub fn narrowed(&self, remaining: impl IntoIterator<Item = Entry>) -> Inventory {
        let unreadable = self.previous.without_readable();
        let mut narrowed = self.desired.clone().union(&unreadable);
        narrowed.extend(remaining);
        narrowed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn objects(names: &[u8]) -> Vec<Object> {
        const KINDS: [(&str, &str); 5] = [
            ("v1", "ConfigMap"),
            ("apps/v1", "Deployment"),
            ("v1", "Namespace"),
            ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
            ("example.com/v1", "Widget"),
        ];
        let object = |name: &u8| {
            let (api_version, kind) = KINDS[usize::from(name % 5)];
            json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": format!("n{}", name / 5 % 6)}})
        };
        names.iter().map(|name| Object::try_from(object(name)).unwrap()).collect()
    }

    proptest! {
        #[test]
        fn nothing_desired_is_stale_and_nothing_is_forgotten(
            before in proptest::collection::vec(any::<u8>(), 0..12),
            after in proptest::collection::vec(any::<u8>(), 0..12),
        ) {
            let previous: Inventory = objects(&before).iter().map(Entry::from).collect();
            let desired = objects(&after);
            let plan = ApplyPlan::new(desired.clone(), &previous);
            prop_assert!(plan.stale().iter().all(|entry| !plan.desired().contains(&entry.id)));
            prop_assert!(desired.iter().all(|object| plan.desired().contains(&object.id())));
            let widened = plan.widened();
            prop_assert!(previous.iter().chain(plan.desired().iter()).all(|entry| widened.contains(&entry.id)));
            prop_assert_eq!(plan.narrowed(plan.stale().to_vec()).len(), widened.len());
            prop_assert_eq!(plan.narrowed([]).len(), plan.desired().len());

            // The plan after the run: nothing is stale, and nothing is to be remembered.
            let again = ApplyPlan::new(desired, &plan.narrowed([]));
            prop_assert!(again.stale().is_empty());
            prop_assert_eq!(&again.widened(), again.previous());
        }
    }

    #[test]
    fn of_an_object_that_is_there_twice_the_last_counts() {
        let map = |value: &str| {
            let metadata = json!({"name": "a", "namespace": "apps"});
            Object::try_from(
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": value}}),
            )
        };
        let plan = ApplyPlan::new(vec![map("1").unwrap(), map("2").unwrap()], &Inventory::default());
        let values: Vec<_> = plan.objects().filter_map(|object| object.pointer("/data/k")).collect();
        assert_eq!(values, ["2"]);
    }
}
