//! The order of objects: out in the order of their kinds, away in the reverse.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use flux_operator_api::{Object, ObjectId, kind_order};

use crate::record::Entry;

/// Compares two objects by rank of kind, group, kind, namespace and name.
///
/// The same order as that of a rendered installation, see `docs/rendering.md#order`.
///
/// # Guarantees
/// A total order: two objects are equal only where they are the same object. Property test.
pub fn compare(left: &ObjectId, right: &ObjectId) -> Ordering {
    kind_order::rank(&left.kind).cmp(&kind_order::rank(&right.kind)).then_with(|| left.cmp(right))
}

/// Sorts objects for applying. Of the same object twice, the last is kept.
pub(crate) fn sort(objects: Vec<Object>) -> Vec<Object> {
    let last: BTreeMap<ObjectId, Object> = objects.into_iter().map(|object| (object.id(), object)).collect();
    let mut sorted: Vec<(ObjectId, Object)> = last.into_iter().collect();
    sorted.sort_by(|(left, _), (right, _)| compare(left, right));
    sorted.into_iter().map(|(_, object)| object).collect()
}

/// Sorts entries for deletion: users of a kind before the kind.
pub fn sort_for_deletion(entries: &mut [Entry]) {
    entries.sort_by(|left, right| compare(&right.id, &left.id));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(group: &str, kind: &str, name: &str) -> Entry {
        Entry { id: ObjectId::cluster(group, kind, name), version: "v1".to_owned() }
    }

    #[test]
    fn users_of_a_kind_are_deleted_before_it() {
        let mut entries = vec![
            entry("apiextensions.k8s.io", "CustomResourceDefinition", "widgets.example.com"),
            entry("", "Namespace", "apps"),
            entry("apps", "Deployment", "a"),
            entry("example.com", "Widget", "w"),
            entry("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", "v"),
        ];
        let expected: Vec<Entry> = entries.iter().rev().cloned().collect();
        entries.rotate_left(2);
        sort_for_deletion(&mut entries);
        assert_eq!(entries, expected);
    }

    fn id() -> impl Strategy<Value = ObjectId> {
        let kinds = prop_oneof![Just("Namespace"), Just("Deployment"), Just("Widget"), Just("Gadget")];
        ("(a|b)?", kinds, "(x|y)?", "(m|n)")
            .prop_map(|(group, kind, namespace, name)| ObjectId::new(group, kind, namespace, name))
    }

    proptest! {
        #[test]
        fn the_order_is_total(a in id(), b in id(), c in id()) {
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
            prop_assert_eq!(compare(&a, &b).is_eq(), a == b);
            if compare(&a, &b).is_le() && compare(&b, &c).is_le() {
                prop_assert!(compare(&a, &c).is_le());
            }
        }
    }
}
