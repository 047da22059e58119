//! The identity of an object, for people and for the inventory.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Group of the kinds whose names may hold a colon.
const RBAC_GROUP: &str = "rbac.authorization.k8s.io";

/// Kinds of [`RBAC_GROUP`], the only ones whose names are not DNS names.
const RBAC_KINDS: [&str; 4] = ["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"];

/// Stands for a colon in the inventory id of an RBAC object. The inventory is read by other tools,
/// which know this form.
const COLON: &str = "__";

/// Identity of an object: group, kind, namespace and name. A changed API version is the same
/// object.
///
/// `Display` is the form for people, `Kind/namespace/name`, or `Kind/name` when the object is
/// cluster-scoped. The form for the inventory is [`to_inventory_id`](Self::to_inventory_id). Ids
/// sort by group, kind, namespace, name.
///
/// ```
/// use flux_operator_api::ObjectId;
///
/// let id = ObjectId::new("apps", "Deployment", "flux-system", "source-controller");
/// assert_eq!(id.to_string(), "Deployment/flux-system/source-controller");
/// assert_eq!(id.to_inventory_id(), "flux-system_source-controller_apps_Deployment");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectId {
    /// API group, empty for core kinds.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Namespace, empty for cluster-scoped objects.
    pub namespace: String,
    /// Name.
    pub name: String,
}

pub(crate) fn is_definition(group: &str, kind: &str) -> bool {
    group == "apiextensions.k8s.io" && kind == "CustomResourceDefinition"
}

impl ObjectId {
    /// The id of an object in a namespace, or of a cluster-scoped one when `namespace` is empty.
    pub fn new(
        group: impl Into<String>,
        kind: impl Into<String>,
        namespace: impl Into<String>,
        name: impl Into<String>,
    ) -> Self {
        Self { group: group.into(), kind: kind.into(), namespace: namespace.into(), name: name.into() }
    }

    /// The id of a cluster-scoped object.
    pub fn cluster(group: impl Into<String>, kind: impl Into<String>, name: impl Into<String>) -> Self {
        Self::new(group, kind, "", name)
    }

    /// Whether the object lives in a namespace.
    pub fn is_namespaced(&self) -> bool {
        !self.namespace.is_empty()
    }

    /// Whether this is the id of a CRD.
    pub fn is_definition(&self) -> bool {
        is_definition(&self.group, &self.kind)
    }

    /// The id as the inventory holds it: `<namespace>_<name>_<group>_<kind>`, `:` in names of RBAC
    /// kinds as `__`.
    pub fn to_inventory_id(&self) -> String {
        let Self { group, kind, namespace, name } = self;
        if self.has_rbac_name() {
            format!("{namespace}_{}_{group}_{kind}", name.replace(':', COLON))
        } else {
            format!("{namespace}_{name}_{group}_{kind}")
        }
    }

    /// Reads an id of the inventory.
    ///
    /// Neither a namespace, a group nor a kind holds an underscore, so the text is taken apart from
    /// both ends and the name is what remains. Two RBAC names do not survive, because the
    /// format cannot tell: one that truly holds `__`, and one with an underscore beside a colon.
    ///
    /// # Errors
    /// When there are fewer than four parts, or name or kind is empty.
    pub fn from_inventory_id(id: &str) -> Result<Self, InventoryIdError> {
        let error = |problem| InventoryIdError { id: id.to_owned(), problem };
        let parts = || {
            let (namespace, rest) = id.split_once('_')?;
            let (rest, kind) = rest.rsplit_once('_')?;
            let (name, group) = rest.rsplit_once('_')?;
            Some((namespace, name, group, kind))
        };
        let (namespace, name, group, kind) = parts().ok_or_else(|| error("it has fewer than four parts"))?;
        if name.is_empty() {
            return Err(error("its name is empty"));
        }
        if kind.is_empty() {
            return Err(error("its kind is empty"));
        }
        let mut object = Self::new(group, kind, namespace, name);
        if object.has_rbac_name() {
            object.name = name.replace(COLON, ":");
        }
        Ok(object)
    }

    fn has_rbac_name(&self) -> bool {
        self.group == RBAC_GROUP && RBAC_KINDS.contains(&self.kind.as_str())
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, namespace, name, .. } = self;
        if namespace.is_empty() { write!(f, "{kind}/{name}") } else { write!(f, "{kind}/{namespace}/{name}") }
    }
}

/// An inventory id that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an inventory id `<namespace>_<name>_<group>_<kind>`, found `{id}`: {problem}")]
pub struct InventoryIdError {
    /// The id as it was written.
    pub id: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    const RBAC: &str = RBAC_GROUP;

    /// `id` is how `object` is written to the inventory, and reads as `object` again.
    #[track_caller]
    fn check(object: &ObjectId, id: &str) {
        assert_eq!(object.to_inventory_id(), id);
        assert_eq!(ObjectId::from_inventory_id(id).as_ref(), Ok(object));
    }

    #[track_caller]
    fn refused(id: &str, problem: &str) {
        let expected = format!("expected an inventory id `<namespace>_<name>_<group>_<kind>`, found `{id}`: {problem}");
        assert_eq!(ObjectId::from_inventory_id(id).unwrap_err().to_string(), expected);
    }

    #[test]
    fn inventory_ids_round_trip() {
        check(
            &ObjectId::new("apps", "Deployment", "flux-system", "source-controller"),
            "flux-system_source-controller_apps_Deployment",
        );
        check(&ObjectId::new("", "Service", "flux-system", "webhook"), "flux-system_webhook__Service");
        check(&ObjectId::cluster("", "Namespace", "flux-system"), "_flux-system__Namespace");
        check(
            &ObjectId::cluster("apiextensions.k8s.io", "CustomResourceDefinition", "buckets.source.toolkit.fluxcd.io"),
            "_buckets.source.toolkit.fluxcd.io_apiextensions.k8s.io_CustomResourceDefinition",
        );
    }

    #[test]
    fn colons_of_rbac_names_round_trip() {
        let cases = [
            ("system:node", "system__node"),
            ("a:b:c", "a__b__c"),
            (":a", "__a"),
            ("a:", "a__"),
            ("a::b", "a____b"),
            ("my_role", "my_role"),
            ("_a_", "_a_"),
        ];
        for kind in ["ClusterRole", "ClusterRoleBinding"] {
            for (name, written) in cases {
                check(&ObjectId::cluster(RBAC, kind, name), &format!("_{written}_{RBAC}_{kind}"));
            }
        }
        for kind in ["Role", "RoleBinding"] {
            for (name, written) in cases {
                check(&ObjectId::new(RBAC, kind, "apps", name), &format!("apps_{written}_{RBAC}_{kind}"));
            }
        }
    }

    #[test]
    fn only_rbac_kinds_have_colons() {
        check(&ObjectId::new("example.com", "Role", "apps", "a__b"), "apps_a__b_example.com_Role");
        check(&ObjectId::new("", "ConfigMap", "apps", "a__b"), "apps_a__b__ConfigMap");
    }

    #[test]
    fn unreadable_ids_say_why() {
        refused("", "it has fewer than four parts");
        refused("a_b_c", "it has fewer than four parts");
        refused("Deployment", "it has fewer than four parts");
        refused("ns__apps_Deployment", "its name is empty");
        refused("___", "its name is empty");
        refused("ns_a_apps_", "its kind is empty");
    }

    #[test]
    fn display_is_the_form_for_people() {
        let deployment = ObjectId::new("apps", "Deployment", "flux-system", "source-controller");
        assert_eq!(deployment.to_string(), "Deployment/flux-system/source-controller");
        assert_eq!(ObjectId::cluster("", "Namespace", "flux-system").to_string(), "Namespace/flux-system");
    }

    proptest::proptest! {
        #[test]
        fn every_id_reads_as_written(
            namespace in "([a-z0-9-]{1,8})?", name in "[a-z0-9:.-]{1,12}", group in "([a-z.]{1,12})?",
            kind in "[A-Z][a-zA-Z]{0,8}",
        ) {
            for id in [
                ObjectId::new(group.as_str(), kind.as_str(), namespace.as_str(), name.as_str()),
                ObjectId::new(RBAC, "Role", namespace.as_str(), name.as_str()),
            ] {
                check(&id, &id.to_inventory_id());
            }
        }

        #[test]
        fn what_is_read_is_written_alike(id in "[a-z_:.A-Z]{0,24}") {
            if let Ok(object) = ObjectId::from_inventory_id(&id) {
                proptest::prop_assert_eq!(object.to_inventory_id(), id);
            }
        }
    }
}
