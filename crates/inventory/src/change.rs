//! What became of objects, in the words users know from `kubectl`.

use std::fmt;

use flux_operator_api::ObjectId;

/// What was done with one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// It was not there, and is now.
    Created,
    /// It was there and was different.
    Configured,
    /// It was as desired; nothing was written.
    Unchanged,
    /// It is gone, or is on its way.
    Deleted,
    /// It was left alone on purpose.
    Skipped(SkipReason),
    /// The attempt failed, and nobody can tell.
    Unknown,
}

/// Why an object was left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SkipReason {
    /// It does not carry the owner labels of the one who wants to delete it.
    NotOwned,
    /// It is marked to be kept: `fluxcd.controlplane.io/prune: disabled`.
    PruneDisabled,
    /// It is marked to be left alone: `fluxcd.controlplane.io/reconcile: disabled`.
    ReconcileDisabled,
    /// Somebody changes it again and again, and it is not its turn yet: see
    /// [`Policy::held`](crate::Policy::held).
    Held,
}

/// One object and what was done with it.
///
/// `Display` is the line that events and logs show: `Deployment/flux-system/source-controller
/// configured`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// The object.
    pub id: ObjectId,
    /// What was done with it.
    pub action: Action,
    /// The fields that differed, as JSON pointers; only of [`Action::Configured`]. At most
    /// [`MAX_FIELDS`](crate::plan::drift::MAX_FIELDS).
    pub fields: Vec<String>,
    /// The field manager that wrote to the object last, the operator aside; only of
    /// [`Action::Configured`], and only where there is one.
    pub manager: Option<String>,
}

/// What a run did, object by object, in the order in which it came to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeSet {
    changes: Vec<Change>,
}

impl Action {
    /// Whether the cluster is different now, or may be.
    pub fn is_change(self) -> bool {
        match self {
            Self::Created | Self::Configured | Self::Deleted | Self::Unknown => true,
            Self::Unchanged | Self::Skipped(_) => false,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Unchanged => "unchanged",
            Self::Deleted => "deleted",
            Self::Skipped(_) => "skipped",
            Self::Unknown => "unknown",
        })
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotOwned => "it has no owner labels of this instance",
            Self::PruneDisabled => "`fluxcd.controlplane.io/prune` is `disabled`",
            Self::ReconcileDisabled => "`fluxcd.controlplane.io/reconcile` is `disabled`",
            Self::Held => "somebody changes it again and again",
        })
    }
}

impl Change {
    /// A change without fields.
    pub fn new(id: ObjectId, action: Action) -> Self {
        Self { id, action, fields: Vec::new(), manager: None }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.action)
    }
}

impl ChangeSet {
    /// Adds what was done with one more object.
    pub fn push(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Every object, changed or not.
    pub fn iter(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter()
    }

    /// How many objects there are, changed or not.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether nothing was looked at.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The changes that are worth telling: see [`Action::is_change`].
    pub fn effective(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.action.is_change())
    }

    /// What was done with an object; the last thing, if there were several.
    pub fn action(&self, id: &ObjectId) -> Option<Action> {
        self.changes.iter().rev().find(|change| change.id == *id).map(|change| change.action)
    }

    /// How many objects an action befell.
    pub fn count(&self, action: Action) -> usize {
        self.changes.iter().filter(|change| change.action == action).count()
    }
}

impl Extend<Change> for ChangeSet {
    fn extend<I: IntoIterator<Item = Change>>(&mut self, changes: I) {
        self.changes.extend(changes);
    }
}

impl IntoIterator for ChangeSet {
    type Item = Change;
    type IntoIter = std::vec::IntoIter<Change>;

    fn into_iter(self) -> Self::IntoIter {
        self.changes.into_iter()
    }
}

impl fmt::Display for ChangeSet {
    /// A line for each object, without a line break at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, change) in self.changes.iter().enumerate() {
            let separator = if number == 0 { "" } else { "\n" };
            write!(f, "{separator}{change}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_the_cluster_is_worth_telling() {
        let id = ObjectId::new("apps", "Deployment", "flux-system", "source-controller");
        let skipped = Action::Skipped(SkipReason::PruneDisabled);
        let mut changes = ChangeSet::default();
        for action in
            [Action::Created, Action::Configured, Action::Unchanged, Action::Deleted, skipped, Action::Unknown]
        {
            changes.push(Change::new(id.clone(), action));
        }
        let told: Vec<String> = changes.effective().map(ToString::to_string).collect();
        let told: Vec<&str> = told.iter().filter_map(|line| line.rsplit(' ').next()).collect();
        assert_eq!(told, ["created", "configured", "deleted", "unknown"]);
        assert_eq!(changes.action(&id), Some(Action::Unknown));
        assert_eq!(changes.count(skipped), 1);
    }

    #[test]
    fn a_line_names_the_object_and_the_action() {
        let deployment = ObjectId::new("apps", "Deployment", "flux-system", "source-controller");
        let mut changes = ChangeSet::default();
        changes.push(Change::new(deployment, Action::Configured));
        changes.push(Change::new(ObjectId::cluster("", "Namespace", "flux-system"), Action::Unchanged));
        let expected = "Deployment/flux-system/source-controller configured\nNamespace/flux-system unchanged";
        assert_eq!(changes.to_string(), expected);
    }
}
