//! The only writes: applies a plan, takes away what is stale, and waits.
//!
//! ```text
//! for each stage:   read what is there -> dry run what differs -> decide -> record -> write -> wait until ready
//! in the end:       delete what is stale -> record
//! ```
//!
//! # Guarantees
//! - **Recorded before, forgotten after.** Before the first write the inventory has everything that
//!   will be written, and after the last deletion only what is there. So the process may die at any
//!   moment: the next run knows every object.
//! - **Nothing is written that is as desired.** A second run over the same objects leaves every
//!   resource version as it was, and the inventory too.
//! - **All or nothing is refused.** Where the API server refuses one object of a stage in a dry run,
//!   no object of that stage is written.
//! - **No failure is lost.** Every one comes back with its object, beside what was done.
//!
//! A run is a future. Dropping it stops it between two requests, which is as safe as the death of
//! the process.

pub mod failure;
pub mod store;

mod apply;
mod definition;
mod delete;
mod examine;
mod finalizers;
mod follow;
mod kinds;
mod list;
mod memory;
mod migrate;
mod preview;
mod request;
mod wait;
mod watches;
mod write;

use std::sync::Arc;
use std::time::Duration;

use flux_operator_api::ObjectId;
use kube::Client;

pub use delete::Deletion;
pub use failure::{ApplyError, Cause, Failure, Step};
pub use kinds::KindError;
pub use migrate::Migration;
pub use request::{Connection, RequestError, RequestLimits, patch_params};
pub use store::{InventoryStore, StoreError};

use crate::change::ChangeSet;
use crate::owner::Owner;
use crate::record::Inventory;
use kinds::Kinds;
use memory::Memory;
use watches::Watches;

/// Applies, prunes and waits, for one owner.
///
/// Cheap to share behind an [`Arc`]; one run at a time is meant. What it has verified is kept until
/// it is dropped, so a long-lived engine is what makes runs cheap.
pub struct Engine {
    client: Client,
    connection: Connection,
    owner: Owner,
    options: EngineOptions,
    kinds: Kinds,
    memory: Arc<Memory>,
    watches: Watches,
}

/// How an engine works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineOptions {
    /// How many requests are on their way at the same time. Default 8, at least 1.
    pub window: usize,
    /// How requests are tried.
    pub requests: RequestLimits,
    /// How long a stage may take to become ready. Default 60 s.
    pub stage_timeout: Duration,
    /// How long to wait for objects that are pruned to be gone. Those that take longer stay in the
    /// inventory, and the next run looks again. Default 10 s.
    pub prune_timeout: Duration,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            window: 8,
            requests: RequestLimits::default(),
            stage_timeout: Duration::from_secs(60),
            prune_timeout: Duration::from_secs(10),
        }
    }
}

/// How much of a run may rest on what was verified before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verification {
    /// Objects whose watch says that nothing changed since they were verified are not asked for.
    /// Without a watch, or while one is being set up, all are.
    #[default]
    Watched,
    /// Every object is verified with the API server.
    Full,
}

/// What a run came to.
#[derive(Debug)]
pub struct Outcome {
    /// What was done, object by object; up to the failure, where there was one.
    pub changes: ChangeSet,
    /// The inventory as it was stored last.
    pub inventory: Inventory,
    /// Whether everything is applied, and everything stale gone.
    pub result: Result<(), ApplyError>,
}

impl Engine {
    /// An engine with the default options.
    ///
    /// The engine tries requests again by itself and reads `Retry-After`. Switch off the client's
    /// own retries (`kube::Config::default_retry`), which may sleep for many minutes.
    pub fn new(client: Client, owner: Owner) -> Self {
        Self::with_options(client, owner, EngineOptions::default())
    }

    /// An engine.
    pub fn with_options(client: Client, owner: Owner, options: EngineOptions) -> Self {
        let connection = Connection::new(client.clone(), options.requests.clone());
        Self {
            client,
            connection,
            owner,
            options,
            kinds: Kinds::default(),
            memory: Arc::default(),
            watches: Watches::default(),
        }
    }

    /// Whose objects it handles.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// The connection it was made with.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// How it asks, for requests that are about something else than the owner's objects.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Watches the kinds of these objects, so that runs over unchanged objects ask for nothing and
    /// [`drifted`](Self::drifted) tells of changes. Only metadata is transferred, and only of
    /// objects with the owner's labels.
    ///
    /// Kinds that are watched and not in `inventory` no longer are.
    ///
    /// # Errors
    /// The API server cannot be asked about a kind that it does not have from the start.
    pub async fn watch(&self, inventory: &Inventory) -> Result<(), RequestError> {
        let mut kinds = Vec::new();
        for entry in inventory.iter() {
            kinds.extend(self.kinds.of_entry(&self.connection, entry).await?);
        }
        kinds.dedup();
        self.watches.set(kinds, &self.client, &self.owner.selector(), &self.memory);
        Ok(())
    }

    /// Ends every watch, and with it what is certain without asking.
    pub fn unwatch(&self) {
        self.watches.set(Vec::new(), &self.client, &self.owner.selector(), &self.memory);
    }

    /// The objects that were as desired after the last run, and have been changed or deleted since
    /// by somebody else.
    ///
    /// Watches know, except of kinds that do not count generations: of these, objects with a new
    /// version are read, and left out where only their status has changed.
    ///
    /// # Cancellation
    /// Safe.
    pub async fn drifted(&self) -> Vec<ObjectId> {
        let mut drifted = Vec::new();
        for id in self.memory.drifted() {
            let is_desired = match self.memory.suspect(&id) {
                Some((desired, digest)) => self.is_still_desired(desired, digest).await,
                None => false,
            };
            if !is_desired {
                drifted.push(id);
            }
        }
        drifted
    }

    /// Waits until a watch has news. They may turn out to be of no interest: look at
    /// [`drifted`](Self::drifted).
    ///
    /// # Cancellation
    /// Safe. News that come while nobody waits are told to the next who does.
    pub async fn changed(&self) {
        self.memory.changed().await;
    }

    /// Forgets everything that was verified.
    pub fn forget(&self) {
        self.memory.forget_all();
    }
}
