//! The inventory: every object in the cluster that belongs to an instance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{InventoryIdError, ObjectId};

/// Objects that belong to an instance, as they are kept in its status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceInventory {
    /// The objects, in the order in which they were applied.
    pub entries: Vec<InventoryEntry>,
}

impl ResourceInventory {
    /// Whether nothing belongs to the instance.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether `id` belongs to the instance, in whatever version.
    pub fn contains(&self, id: &ObjectId) -> bool {
        let id = id.to_inventory_id();
        self.entries.iter().any(|entry| entry.id == id)
    }
}

impl FromIterator<InventoryEntry> for ResourceInventory {
    fn from_iter<I: IntoIterator<Item = InventoryEntry>>(entries: I) -> Self {
        Self { entries: entries.into_iter().collect() }
    }
}

/// One object of an inventory.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct InventoryEntry {
    /// Identity of the object, `<namespace>_<name>_<group>_<kind>`, such as
    /// `flux-system_source-controller_apps_Deployment`.
    pub id: String,

    /// Version of its API, without the group, such as `v1`.
    pub v: String,
}

impl InventoryEntry {
    /// The entry of `id` in `version`, which is without the group: `v1`, `v1beta2`.
    pub fn new(id: &ObjectId, version: impl Into<String>) -> Self {
        Self { id: id.to_inventory_id(), v: version.into() }
    }

    /// The identity this entry names.
    ///
    /// # Errors
    /// When somebody else wrote the entry and it is not an inventory id.
    pub fn object_id(&self) -> Result<ObjectId, InventoryIdError> {
        ObjectId::from_inventory_id(&self.id)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn is_written_as_other_tools_read_it() {
        let id = ObjectId::cluster("", "Namespace", "flux-system");
        let inventory: ResourceInventory = [InventoryEntry::new(&id, "v1")].into_iter().collect();
        let written = json!({"entries": [{"id": "_flux-system__Namespace", "v": "v1"}]});
        assert_eq!(serde_json::to_value(&inventory).unwrap(), written);
        assert_eq!(serde_json::from_value::<ResourceInventory>(written).unwrap(), inventory);
        assert!(inventory.contains(&id));
        assert!(!inventory.contains(&ObjectId::cluster("", "Namespace", "apps")));
    }

    #[test]
    fn empty_inventory_keeps_its_entries() {
        assert_eq!(serde_json::to_value(ResourceInventory::default()).unwrap(), json!({"entries": []}));
    }
}
