//! Which kinds live in a namespace.

use crate::resource::Identity;

/// The kinds of Kubernetes that belong to the whole cluster, with their API group.
const CLUSTER_KINDS: &[(&str, &str)] = &[
    ("", "ComponentStatus"),
    ("", "Namespace"),
    ("", "Node"),
    ("", "PersistentVolume"),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("apiregistration.k8s.io", "APIService"),
    ("authentication.k8s.io", "TokenReview"),
    ("authorization.k8s.io", "SelfSubjectAccessReview"),
    ("authorization.k8s.io", "SelfSubjectRulesReview"),
    ("authorization.k8s.io", "SubjectAccessReview"),
    ("certificates.k8s.io", "CertificateSigningRequest"),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
    ("internal.apiserver.k8s.io", "StorageVersion"),
    ("networking.k8s.io", "IngressClass"),
    ("node.k8s.io", "RuntimeClass"),
    ("policy", "PodSecurityPolicy"),
    ("rbac.authorization.k8s.io", "ClusterRole"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("scheduling.k8s.io", "PriorityClass"),
    ("storage.k8s.io", "CSIDriver"),
    ("storage.k8s.io", "CSINode"),
    ("storage.k8s.io", "StorageClass"),
    ("storage.k8s.io", "VolumeAttachment"),
];

/// True for objects in a namespace; kinds that Kubernetes does not define count as such.
pub(crate) fn is_namespaced(group: &str, kind: &str) -> bool {
    !CLUSTER_KINDS.contains(&(group, kind))
}

/// The namespace that selectors see: none is `default`, and kinds of the whole cluster have a
/// value of their own.
pub(crate) fn effective_namespace<'n>(group: &str, kind: &str, namespace: &'n str) -> &'n str {
    if !is_namespaced(group, kind) {
        "_non_namespaceable_"
    } else if namespace.is_empty() {
        "default"
    } else {
        namespace
    }
}

impl Identity {
    /// True where both name the same object, absent and `default` namespace being one.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let namespace =
            |identity: &Self| effective_namespace(&identity.group, &identity.kind, &identity.namespace).to_owned();
        self.group == other.group
            && self.version == other.version
            && self.kind == other.kind
            && self.name == other.name
            && namespace(self) == namespace(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_that_kubernetes_does_not_know_have_a_namespace() {
        assert!(!is_namespaced("", "Namespace"));
        assert!(!is_namespaced("rbac.authorization.k8s.io", "ClusterRole"));
        assert!(is_namespaced("rbac.authorization.k8s.io", "Role"));
        assert!(is_namespaced("example.com", "ClusterRole"));
        assert!(is_namespaced("", "ClusterRole"));
    }

    #[test]
    fn no_namespace_and_default_are_one_unless_there_is_none() {
        let identity = |kind: &str, namespace: &str| Identity {
            group: String::new(),
            version: "v1".to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: "a".to_owned(),
        };
        assert!(identity("Service", "").is_same(&identity("Service", "default")));
        assert!(!identity("Service", "").is_same(&identity("Service", "a")));
        assert!(!identity("Service", "").is_same(&identity("Secret", "")));
        assert!(identity("Namespace", "a").is_same(&identity("Namespace", "b")));
        let other_version = Identity { version: "v2".to_owned(), ..identity("Service", "") };
        assert!(!identity("Service", "").is_same(&other_version));
        assert_eq!(effective_namespace("", "Node", "a"), "_non_namespaceable_");
    }
}
