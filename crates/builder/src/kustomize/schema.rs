//! Which lists of which kinds merge by a key.
//!
//! Strategic merge follows the OpenAPI schema of Kubernetes 1.21, the one built into kustomize.
//! Newer keyed lists (pod `schedulingGates`, `resourceClaims`) are therefore replaced whole, and so
//! is every list of a kind that Kubernetes itself does not define. The table is written down in
//! `docs/rendering.md`, under *Strategic merge patches*.

/// A place in an object, as far as merging is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The whole object.
    Root(Kind),
    /// `metadata` of an object that Kubernetes defines.
    Metadata,
    /// `metadata` of a custom resource.
    CustomMetadata,
    /// `metadata` of a template.
    TemplateMetadata,
    /// `metadata.labels` and `metadata.annotations` of an object: a map of texts.
    Texts,
    /// The `spec` of a workload or of a job template.
    Workload,
    /// The `spec` of a `CronJob`.
    CronJob,
    JobTemplate,
    PodTemplate,
    PodSpec,
    Container,
    ServiceSpec,
    Status,
    /// A place without keyed lists below it.
    Plain,
}

/// The kinds whose lists differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Deployment and the other kinds with a pod template at `spec.template`.
    Workload,
    CronJob,
    Pod,
    Service,
    ServiceAccount,
    /// Any other kind that Kubernetes defines.
    BuiltIn,
    /// A custom resource: no list of it merges.
    Custom,
}

/// How a list of a patch meets the list of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListRule {
    /// The patch's list takes the place of the object's.
    Replace,
    /// A set of scalars.
    Union,
    /// Elements are the same if these fields of theirs are.
    Keys(&'static [&'static str]),
}

impl Kind {
    /// The kind of an object, by its API group and kind.
    pub(crate) fn of(group: &str, kind: &str) -> Self {
        let built_in = !group.contains('.') || group.ends_with(".k8s.io");
        match (group, kind) {
            _ if !built_in => Self::Custom,
            ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
            | ("batch", "Job")
            | ("", "ReplicationController" | "PodTemplate") => Self::Workload,
            ("batch", "CronJob") => Self::CronJob,
            ("", "Pod") => Self::Pod,
            ("", "Service") => Self::Service,
            ("", "ServiceAccount") => Self::ServiceAccount,
            _ => Self::BuiltIn,
        }
    }
}

impl Place {
    /// The place that a field leads to.
    pub(crate) fn field(self, field: &str) -> Self {
        match (self, field) {
            (Self::Root(Kind::Custom), "metadata") => Self::CustomMetadata,
            (Self::Root(_), "metadata") => Self::Metadata,
            (Self::Metadata | Self::CustomMetadata, "labels" | "annotations") => Self::Texts,
            (Self::JobTemplate | Self::PodTemplate, "metadata") => Self::TemplateMetadata,
            (Self::Root(Kind::Workload) | Self::JobTemplate, "spec") => Self::Workload,
            (Self::Root(Kind::CronJob), "spec") => Self::CronJob,
            (Self::Root(Kind::Pod) | Self::PodTemplate, "spec") => Self::PodSpec,
            (Self::Root(Kind::Service), "spec") => Self::ServiceSpec,
            (Self::Root(kind), "status") if kind != Kind::Custom => Self::Status,
            (Self::Workload, "template") => Self::PodTemplate,
            (Self::CronJob, "jobTemplate") => Self::JobTemplate,
            (Self::PodSpec, "containers" | "initContainers" | "ephemeralContainers") => Self::Container,
            _ => Self::Plain,
        }
    }

    /// How the list under a field of this place merges.
    pub(crate) fn list(self, field: &str) -> ListRule {
        let keys: &[&str] = match (self, field) {
            (Self::Metadata | Self::TemplateMetadata, "finalizers") => return ListRule::Union,
            (Self::Metadata | Self::TemplateMetadata, "ownerReferences") => &["uid"],
            (Self::Root(Kind::ServiceAccount), "secrets")
            | (
                Self::PodSpec,
                "containers" | "initContainers" | "ephemeralContainers" | "volumes" | "imagePullSecrets",
            )
            | (Self::Container, "env") => &["name"],
            (Self::PodSpec, "hostAliases") => &["ip"],
            (Self::PodSpec, "topologySpreadConstraints") => &["topologyKey", "whenUnsatisfiable"],
            (Self::Container, "volumeMounts") => &["mountPath"],
            (Self::Container, "volumeDevices") => &["devicePath"],
            (Self::Container, "ports") => &["containerPort", "protocol"],
            (Self::ServiceSpec, "ports") => &["port", "protocol"],
            (Self::Status, "conditions") => &["type"],
            _ => return ListRule::Replace,
        };
        ListRule::Keys(keys)
    }
}
