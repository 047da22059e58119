//! Whose objects they are.

use flux_operator_api::{Object, annotations, labels};

use crate::change::SkipReason;

/// The one who applies: its objects carry its name and namespace as labels, which are the licence
/// to delete them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Name, the value of the label [`labels::OWNER_NAME`].
    pub name: String,
    /// Namespace, the value of the label [`labels::OWNER_NAMESPACE`].
    pub namespace: String,
    /// The labels that its objects carry, all of them.
    labels: Vec<(String, String)>,
}

impl Owner {
    /// An owner.
    pub fn new(name: impl Into<String>, namespace: impl Into<String>) -> Self {
        let (name, namespace) = (name.into(), namespace.into());
        let label = |key: &str, value: &String| (key.to_owned(), value.clone());
        let labels = vec![label(labels::OWNER_NAME, &name), label(labels::OWNER_NAMESPACE, &namespace)];
        Self { name, namespace, labels }
    }

    /// An owner whose objects are told by another label, as those of an application that no instance
    /// describes.
    pub fn labelled(key: impl Into<String>, name: impl Into<String>, namespace: impl Into<String>) -> Self {
        let name = name.into();
        Self { labels: vec![(key.into(), name.clone())], name, namespace: namespace.into() }
    }

    /// The label selector of everything the owner has.
    pub fn selector(&self) -> String {
        let terms: Vec<_> = self.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        terms.join(",")
    }

    /// Whether an object of the cluster carries the owner's labels.
    pub fn owns(&self, live: &Object) -> bool {
        let has = |(key, value): &(String, String)| live.labels().any(|(found, of)| found == key && of == value);
        self.labels.iter().all(has)
    }

    /// Why the owner must not delete an object of the cluster, if it must not.
    pub fn keeps(&self, live: &Object) -> Option<SkipReason> {
        if !self.owns(live) {
            return Some(SkipReason::NotOwned);
        }
        let kept = is_disabled(live, labels::PRUNE) || is_disabled(live, annotations::PRUNE);
        kept.then_some(SkipReason::PruneDisabled)
    }
}

/// Whether a label or an annotation of the object says `disabled`, in whatever case.
pub(crate) fn is_disabled(object: &Object, key: &str) -> bool {
    let mut entries = object.labels().chain(object.annotations());
    entries.any(|(found, value)| found == key && annotations::is_disabled(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn keeps(labels: &serde_json::Value, annotations: &serde_json::Value) -> Option<SkipReason> {
        let metadata = json!({"name": "a", "namespace": "n", "labels": labels, "annotations": annotations});
        let live = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata});
        Owner::new("flux", "flux-system").keeps(&Object::try_from(live).unwrap())
    }

    #[test]
    fn another_label_may_tell_the_owner() {
        let owner = Owner::labelled("app.kubernetes.io/name", "flux-operator", "flux-system");
        assert_eq!(owner.selector(), "app.kubernetes.io/name=flux-operator");
        let selector = "fluxcd.controlplane.io/name=flux,fluxcd.controlplane.io/namespace=flux-system";
        assert_eq!(Owner::new("flux", "flux-system").selector(), selector);
    }

    #[test]
    fn only_what_is_owned_and_not_kept_is_deleted() {
        let owned = |more: &[(&str, &str)]| {
            let mut labels = json!({labels::OWNER_NAME: "flux", labels::OWNER_NAMESPACE: "flux-system"});
            for (key, value) in more {
                labels[*key] = json!(value);
            }
            labels
        };
        let none = json!({});
        assert_eq!(keeps(&owned(&[]), &none), None);
        assert_eq!(keeps(&none, &none), Some(SkipReason::NotOwned));
        assert_eq!(keeps(&owned(&[(labels::OWNER_NAME, "other")]), &none), Some(SkipReason::NotOwned));
        assert_eq!(keeps(&owned(&[(labels::OWNER_NAMESPACE, "other")]), &none), Some(SkipReason::NotOwned));
        assert_eq!(keeps(&owned(&[]), &json!({annotations::PRUNE: "Disabled"})), Some(SkipReason::PruneDisabled));
        assert_eq!(keeps(&owned(&[(labels::PRUNE, "disabled")]), &none), Some(SkipReason::PruneDisabled));
        assert_eq!(keeps(&owned(&[]), &json!({annotations::PRUNE: "enabled"})), None);
    }
}
