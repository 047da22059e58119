//! How a set of objects is doing.

use flux_operator_api::ObjectId;

use super::{Health, Status};

/// Whether to go on waiting for a set of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All are current. An empty set is ready.
    Ready,
    /// Some may still change.
    InProgress,
    /// Some have failed and all others are current: there is nothing left to wait for.
    Failed,
}

/// The objects of a set that are not current, sorted by their names for people.
///
/// Collect it from every object of the set and its health. One that nobody has looked at so far is
/// `Unknown` and has no message.
///
/// ```
/// use flux_operator_api::ObjectId;
/// use flux_operator_inventory::health::{Health, Status, Summary, Verdict};
///
/// let id = |name| ObjectId::new("apps", "Deployment", "flux-system", name);
/// let summary: Summary = [
///     (id("source-controller"), Health::new(Status::Current, "Deployment is available. Replicas: 1")),
///     (id("helm-controller"), Health::new(Status::InProgress, "0 of 1 replicas exist")),
/// ]
/// .into_iter()
/// .collect();
/// assert_eq!(summary.verdict(), Verdict::InProgress);
/// assert_eq!(
///     summary.timeout_message(),
///     "timeout waiting for: [Deployment/flux-system/helm-controller status: 'InProgress': 0 of 1 replicas exist]",
/// );
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    unready: Vec<(ObjectId, Health)>,
}

impl FromIterator<(ObjectId, Health)> for Summary {
    fn from_iter<I: IntoIterator<Item = (ObjectId, Health)>>(set: I) -> Self {
        let mut unready: Vec<_> = set.into_iter().filter(|(_, health)| health.status != Status::Current).collect();
        // The group decides between kinds of one name.
        unready.sort_by_cached_key(|(id, _)| (id.to_string(), id.group.clone()));
        Self { unready }
    }
}

impl Summary {
    /// Whether to go on waiting.
    pub fn verdict(&self) -> Verdict {
        if self.unready.is_empty() {
            Verdict::Ready
        } else if self.unready.iter().all(|(_, health)| health.status == Status::Failed) {
            Verdict::Failed
        } else {
            Verdict::InProgress
        }
    }

    /// The objects that are not current.
    pub fn unready(&self) -> &[(ObjectId, Health)] {
        &self.unready
    }

    /// What to say when waiting ended with [`Verdict::Failed`]: the objects that have failed.
    pub fn failure_message(&self) -> String {
        let failed = self.unready.iter().filter(|(_, health)| health.status == Status::Failed);
        format!("failed early due to stalled resources: [{}]", items(failed))
    }

    /// What to say when time ran out: all objects that are not current.
    pub fn timeout_message(&self) -> String {
        format!("timeout waiting for: [{}]", items(&self.unready))
    }
}

/// `Deployment/apps/web status: 'Failed': ProgressDeadlineExceeded: …`, comma separated.
fn items<'s>(entries: impl IntoIterator<Item = &'s (ObjectId, Health)>) -> String {
    let items: Vec<_> = entries.into_iter().map(|(id, health)| item(id, health)).collect();
    items.join(", ")
}

fn item(id: &ObjectId, Health { status, message }: &Health) -> String {
    match (status, message.as_str()) {
        // Nobody has looked so far, or there would be an error to tell.
        (Status::Unknown, "") => format!("can't determine status for {id}"),
        (_, "") => format!("{id} status: '{status}'"),
        _ => format!("{id} status: '{status}': {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(set: &[(&str, Status, &str)]) -> Summary {
        let object = |&(name, status, message): &(&str, Status, &str)| {
            (ObjectId::new("apps", "Deployment", "apps", name), Health::new(status, message))
        };
        set.iter().map(object).collect()
    }

    #[track_caller]
    fn check(statuses: &[Status], expected: Verdict) {
        let set: Vec<_> = statuses.iter().map(|status| ("a", *status, "")).collect();
        assert_eq!(summary(&set).verdict(), expected, "{statuses:?}");
    }

    #[test]
    fn waiting_ends_when_nothing_can_change() {
        use Status::{Current, Failed, InProgress, NotFound, Terminating, Unknown};
        check(&[], Verdict::Ready);
        check(&[Current, Current], Verdict::Ready);
        check(&[Current, Failed], Verdict::Failed);
        check(&[Failed], Verdict::Failed);
        for pending in [InProgress, Terminating, NotFound, Unknown] {
            check(&[pending, Current], Verdict::InProgress);
            check(&[pending, Failed], Verdict::InProgress);
        }
    }

    #[test]
    fn messages_name_objects_in_order() {
        let summary = summary(&[
            ("c", Status::Unknown, "connection refused"),
            ("b", Status::Failed, "ProgressDeadlineExceeded: no progress"),
            ("d", Status::Current, "Deployment is available. Replicas: 1"),
            ("a", Status::NotFound, ""),
            ("e", Status::Unknown, ""),
        ]);
        let names: Vec<_> = summary.unready().iter().map(|(id, _)| id.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c", "e"]);
        assert_eq!(
            summary.timeout_message(),
            "timeout waiting for: [Deployment/apps/a status: 'NotFound', \
             Deployment/apps/b status: 'Failed': ProgressDeadlineExceeded: no progress, \
             Deployment/apps/c status: 'Unknown': connection refused, \
             can't determine status for Deployment/apps/e]",
        );
        assert_eq!(
            summary.failure_message(),
            "failed early due to stalled resources: \
             [Deployment/apps/b status: 'Failed': ProgressDeadlineExceeded: no progress]",
        );
    }

    #[test]
    fn the_same_name_in_two_groups_has_an_order() {
        let health = Health::new(Status::Failed, "");
        let [one, other] = ["a.example.com", "b.example.com"].map(|group| ObjectId::new(group, "Queue", "apps", "q"));
        let forth: Summary = [(one.clone(), health.clone()), (other.clone(), health.clone())].into_iter().collect();
        let back: Summary = [(other, health.clone()), (one, health)].into_iter().collect();
        assert_eq!(forth, back);
    }
}
