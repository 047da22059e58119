//! Stages: what has to be in the cluster, and ready, before the rest is tried.

use flux_operator_api::Object;

/// Objects that go out together. A stage is done before the next one starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// What the objects have in common.
    pub kind: StageKind,
    /// In the order in which they go out; never empty.
    pub objects: Vec<Object>,
}

/// What the objects of a stage have in common, in the order of the stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StageKind {
    /// Custom resource definitions, namespaces and cluster roles: what other objects are made of,
    /// live in, or refer to. Waited for.
    Definitions,
    /// Kinds whose name ends in `Class`, such as `StorageClass`. Waited for.
    Classes,
    /// Kinds that the caller wants before the rest.
    Early,
    /// Everything else.
    Rest,
}

impl StageKind {
    /// Whether the next stage waits until the objects of this one are ready.
    pub fn is_waited_for(self) -> bool {
        matches!(self, Self::Definitions | Self::Classes)
    }

    /// The stage of an object.
    pub fn of(object: &Object, early: &[&str]) -> Self {
        let (group, kind) = (object.group(), object.kind());
        let is = |of_group: &str, of_kind: &str| group == of_group && kind.eq_ignore_ascii_case(of_kind);
        if is("apiextensions.k8s.io", "CustomResourceDefinition")
            || is("", "Namespace")
            || is("rbac.authorization.k8s.io", "ClusterRole")
        {
            Self::Definitions
        } else if kind.ends_with("Class") {
            Self::Classes
        } else if early.contains(&kind) {
            Self::Early
        } else {
            Self::Rest
        }
    }
}

/// Splits sorted objects into stages. The order inside a stage is kept.
pub(super) fn split(objects: Vec<Object>, early: &[&str]) -> Vec<Stage> {
    let mut stages: Vec<Stage> = Vec::new();
    for object in objects {
        let kind = StageKind::of(&object, early);
        match stages.iter_mut().find(|stage| stage.kind == kind) {
            Some(stage) => stage.objects.push(object),
            None => stages.push(Stage { kind, objects: vec![object] }),
        }
    }
    stages.sort_by_key(|stage| stage.kind);
    stages
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(api_version: &str, kind: &str, expected: StageKind) {
        let object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}});
        assert_eq!(StageKind::of(&Object::try_from(object).unwrap(), &["Role"]), expected, "{api_version} {kind}");
    }

    #[test]
    fn kinds_have_their_stage() {
        check("apiextensions.k8s.io/v1", "CustomResourceDefinition", StageKind::Definitions);
        check("v1", "Namespace", StageKind::Definitions);
        check("rbac.authorization.k8s.io/v1", "ClusterRole", StageKind::Definitions);
        check("rbac.authorization.k8s.io/v1", "clusterrole", StageKind::Definitions);
        check("example.com/v1", "Namespace", StageKind::Rest);
        check("storage.k8s.io/v1", "StorageClass", StageKind::Classes);
        check("cluster.x-k8s.io/v1", "ClusterClass", StageKind::Classes);
        check("rbac.authorization.k8s.io/v1", "Role", StageKind::Early);
        check("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", StageKind::Rest);
        check("apps/v1", "Deployment", StageKind::Rest);
        check("example.com/v1", "Classroom", StageKind::Rest);
    }

    #[test]
    fn stages_are_in_order_and_none_is_empty() {
        let object = |api_version: &str, kind: &str| {
            Object::try_from(json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}})).unwrap()
        };
        let stages =
            split(vec![object("apps/v1", "Deployment"), object("v1", "Namespace"), object("v1", "Secret")], &[]);
        let kinds: Vec<_> = stages.iter().map(|stage| (stage.kind, stage.objects.len())).collect();
        assert_eq!(kinds, [(StageKind::Definitions, 1), (StageKind::Rest, 2)]);
    }
}
