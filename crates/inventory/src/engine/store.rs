//! Where the inventory is kept, which is for the caller to say.

use std::future::Future;

use crate::record::Inventory;

/// Why an inventory could not be stored.
pub type StoreError = Box<dyn std::error::Error + Send + Sync>;

/// Keeps an inventory in the cluster, for example in the status of the owner.
pub trait InventoryStore: Send + Sync {
    /// Replaces what is stored. Only called with an inventory that differs from the last one. It has to
    /// end by itself, in an error if need be: the engine waits for it.
    ///
    /// It has to be durable when this returns: the engine writes right after that, and relies on
    /// finding the record again should the process die.
    ///
    /// # Errors
    /// Any error stops the run before its next write.
    fn save(&self, inventory: &Inventory) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Stores an inventory when it changes, and remembers what is stored.
pub(super) struct Recorder<'s, S> {
    store: &'s S,
    stored: Inventory,
}

impl<'s, S: InventoryStore> Recorder<'s, S> {
    pub(super) fn new(store: &'s S, stored: Inventory) -> Self {
        Self { store, stored }
    }

    pub(super) async fn record(&mut self, inventory: Inventory) -> Result<(), StoreError> {
        if inventory != self.stored {
            self.store.save(&inventory).await?;
            self.stored = inventory;
        }
        Ok(())
    }

    pub(super) fn into_stored(self) -> Inventory {
        self.stored
    }
}
