//! Stored objects, into the storage version of their CRD.

use std::collections::BTreeSet;

use flux_operator_api::ObjectId;
use flux_operator_builder::upgrade;
use flux_operator_inventory::{Action, Migration, RequestError};

use super::Run;
use super::apply::Applied;
use super::build::Built;
use crate::context::Memory;
use crate::outcome::describe;

impl Run<'_> {
    /// Migrates what needs it. Returns the force token that was acted upon.
    ///
    /// It is looked for once after a start, when a CRD changed, and until it succeeded. With a forced
    /// migration, and after a minor upgrade, every object is stored anew, needed or not. A failure
    /// is logged and does not fail the run: objects in an old version work as before.
    pub(super) async fn migrate(&self, memory: &mut Memory, applied: &Applied, built: &Built) -> Option<String> {
        if !self.spec().is_some_and(|spec| spec.migrate_resources) {
            return None;
        }
        let status = &self.instance.status;
        let is_asked = self.settings.forces_migration(status.last_handled_force_at.as_deref());
        let is_forced = is_asked
            || upgrade::is_minor_upgrade(status.last_applied_revision.as_deref(), &built.revision)
            || memory.has_forced_migration_failed;
        let has_changed = applied
            .changes
            .effective()
            .any(|change| change.id.is_definition() && matches!(change.action, Action::Created | Action::Configured));
        if !is_forced && !has_changed && memory.is_migrated {
            return None;
        }
        let definitions = applied.inventory.iter().map(|entry| &entry.id).filter(|id| id.is_definition());
        let result = self.migrate_all(definitions.map(|id| id.name.as_str()), is_forced).await;
        memory.is_migrated = result.is_ok();
        memory.has_forced_migration_failed = is_forced && result.is_err();
        match result {
            Ok(()) => self.settings.force_at.clone().filter(|_| is_asked),
            Err(error) => {
                tracing::error!(
                    error = describe(&error),
                    "migration of stored objects failed, the next run tries again"
                );
                None
            }
        }
    }

    /// Moves stored objects out of the versions that these CRDs drop.
    pub(super) async fn make_way(&self, built: &Built, held: &BTreeSet<ObjectId>) -> Result<(), RequestError> {
        for definition in built.objects.iter().filter(|object| held.contains(&object.id())) {
            if let Migration::Migrated(objects) = self.ctx.engine.make_way(definition).await? {
                tracing::info!(crd = definition.name(), objects, "CRD migrated");
            }
        }
        Ok(())
    }

    /// Migrates the objects of every one of these CRDs, whatever becomes of the others.
    async fn migrate_all(&self, definitions: impl Iterator<Item = &str>, force: bool) -> Result<(), RequestError> {
        let mut result = Ok(());
        for name in definitions {
            match self.ctx.engine.migrate(name, force).await {
                Ok(Migration::Migrated(objects)) => tracing::info!(crd = name, objects, "CRD migrated"),
                Ok(Migration::UpToDate) => {}
                Err(error) => {
                    tracing::warn!(crd = name, error = describe(&error), "CRD not migrated");
                    result = Err(error);
                }
            }
        }
        result
    }
}
