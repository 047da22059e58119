//! The inventory as a set: which objects are ours.

use std::collections::BTreeMap;

use flux_operator_api::{InventoryEntry, Object, ObjectId, ResourceInventory};

/// The objects that belong to an instance, each with the version of its API.
///
/// Identity is group, kind, namespace and name: an object in another API version is the same
/// object. The order of the entries is kept.
///
/// An entry that is no inventory id, because somebody else wrote it, is carried along unread: it is
/// neither lost nor acted upon, and [`unreadable`](Self::unreadable) lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    entries: Vec<Entry>,
    positions: BTreeMap<ObjectId, usize>,
    unreadable: Vec<InventoryEntry>,
}

/// One object of an inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The object.
    pub id: ObjectId,
    /// Version of its API without the group, such as `v1`.
    pub version: String,
}

impl Entry {
    /// The API version as objects have it: `v1`, `apps/v1`.
    pub fn api_version(&self) -> String {
        if self.id.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.id.group, self.version) }
    }
}

impl From<&Object> for Entry {
    fn from(object: &Object) -> Self {
        Self { id: object.id(), version: object.version().to_owned() }
    }
}

impl Inventory {
    /// Adds an object, or notes the new version of one that is there.
    pub fn insert(&mut self, entry: Entry) {
        if let Some(known) = self.positions.get(&entry.id).and_then(|position| self.entries.get_mut(*position)) {
            known.version = entry.version;
        } else {
            self.positions.insert(entry.id.clone(), self.entries.len());
            self.entries.push(entry);
        }
    }

    /// Whether the object is in it, in whatever version.
    pub fn contains(&self, id: &ObjectId) -> bool {
        self.positions.contains_key(id)
    }

    /// The objects, in the order in which they were added.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no object, and nothing unreadable either.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.unreadable.is_empty()
    }

    /// Entries that are no inventory ids.
    pub fn unreadable(&self) -> &[InventoryEntry] {
        &self.unreadable
    }

    /// Only what could not be read.
    pub(crate) fn without_readable(&self) -> Self {
        Self { unreadable: self.unreadable.clone(), ..Self::default() }
    }

    /// Everything in either, with the versions of `other` where both have the object.
    ///
    /// # Guarantees
    /// Contains every object of both. `a.union(a) == a`. Property tests.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut union = self.clone();
        union.extend(other.iter().cloned());
        for entry in &other.unreadable {
            if !union.unreadable.contains(entry) {
                union.unreadable.push(entry.clone());
            }
        }
        union
    }

    /// The objects that `other` does not have. What is unreadable is in neither's difference.
    ///
    /// # Guarantees
    /// Never contains an object of `other`. `a.difference(a)` is empty. Property tests.
    pub fn difference<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a Entry> {
        self.iter().filter(|entry| !other.contains(&entry.id))
    }
}

impl Extend<Entry> for Inventory {
    fn extend<I: IntoIterator<Item = Entry>>(&mut self, entries: I) {
        for entry in entries {
            self.insert(entry);
        }
    }
}

impl FromIterator<Entry> for Inventory {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        let mut inventory = Self::default();
        inventory.extend(entries);
        inventory
    }
}

impl From<&ResourceInventory> for Inventory {
    fn from(stored: &ResourceInventory) -> Self {
        let mut inventory = Self::default();
        for entry in &stored.entries {
            match entry.object_id() {
                Ok(id) => inventory.insert(Entry { id, version: entry.v.clone() }),
                Err(_) => inventory.unreadable.push(entry.clone()),
            }
        }
        inventory
    }
}

impl From<&Inventory> for ResourceInventory {
    fn from(inventory: &Inventory) -> Self {
        let entries = inventory.iter().map(|entry| InventoryEntry::new(&entry.id, entry.version.as_str()));
        entries.chain(inventory.unreadable.iter().cloned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn inventory(names: &[(u8, u8)]) -> Inventory {
        names
            .iter()
            .map(|(name, version)| Entry {
                id: ObjectId::new("", "ConfigMap", "apps", format!("c{}", name % 8)),
                version: format!("v{}", version % 3),
            })
            .collect()
    }

    #[test]
    fn what_cannot_be_read_is_carried_along() {
        let stored: ResourceInventory = [("nonsense", "v1"), ("apps_a__ConfigMap", "v1")]
            .map(|(id, v)| InventoryEntry { id: id.into(), v: v.into() })
            .into_iter()
            .collect();
        let inventory = Inventory::from(&stored);
        assert_eq!((inventory.len(), inventory.unreadable().len()), (1, 1));
        assert!(
            !Inventory::from(&[InventoryEntry { id: "x".into(), v: "v1".into() }].into_iter().collect()).is_empty()
        );
        let again = ResourceInventory::from(&inventory.union(&inventory));
        assert_eq!(again.entries.len(), 2);
        assert_eq!(again.entries[1].id, "nonsense");
    }

    proptest! {
        #[test]
        fn union_has_everything_and_difference_nothing_of_the_other(
            left in proptest::collection::vec(any::<(u8, u8)>(), 0..12),
            right in proptest::collection::vec(any::<(u8, u8)>(), 0..12),
        ) {
            let (left, right) = (inventory(&left), inventory(&right));
            let union = left.union(&right);
            prop_assert!(left.iter().chain(right.iter()).all(|entry| union.contains(&entry.id)));
            prop_assert!(union.iter().all(|entry| left.contains(&entry.id) || right.contains(&entry.id)));
            prop_assert_eq!(left.union(&left), left.clone());
            prop_assert_eq!(union.len(), right.len() + left.difference(&right).count());
            prop_assert!(left.difference(&right).all(|entry| left.contains(&entry.id) && !right.contains(&entry.id)));
            prop_assert_eq!(left.difference(&left).count(), 0);
            prop_assert_eq!(Inventory::from(&ResourceInventory::from(&union)), union);
        }
    }
}
