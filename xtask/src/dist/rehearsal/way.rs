//! The ways to install that the book tells of.

/// A way to install the operator, and a first Flux.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Way {
    /// Both charts, with default values.
    Helm,
    /// The kustomization, and the sample.
    Kustomize,
}

/// What goes with the cluster, not with the operator.
const OF_THE_NAMESPACE: [&str; 2] = ["ConfigMap/flux-system/kube-root-ca.crt", "ServiceAccount/flux-system/default"];

/// What goes with the CRDs.
const OF_THE_DEFINITIONS: [&str; 2] = ["APIService/v1.fluxcd.controlplane.io", "FluxReport/flux-system/flux"];

impl Way {
    pub(super) const ALL: [Self; 2] = [Self::Helm, Self::Kustomize];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Helm => "helm",
            Self::Kustomize => "kubectl",
        }
    }

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Helm => "helm: both charts with their default values",
            Self::Kustomize => "kubectl: the kustomization, and the sample of an instance",
        }
    }

    pub(super) const fn install(self) -> &'static [&'static str] {
        match self {
            Self::Helm => {
                &["helm install flux-operator charts/flux-operator --namespace flux-system --create-namespace"]
            }
            Self::Kustomize => &["kubectl apply --server-side -k deploy"],
        }
    }

    pub(super) const fn instance(self) -> &'static str {
        match self {
            Self::Helm => "helm install flux-instance charts/flux-instance --namespace flux-system",
            Self::Kustomize => "kubectl apply -f deploy/samples/flux-instance.yaml",
        }
    }

    pub(super) const fn remove_instance(self) -> &'static str {
        match self {
            Self::Helm => "helm uninstall flux-instance --namespace flux-system",
            Self::Kustomize => "kubectl delete -f deploy/samples/flux-instance.yaml",
        }
    }

    /// Does not wait: the program is stopped as soon as its pod is gone, by who waits for that.
    pub(super) const fn uninstall(self) -> &'static str {
        match self {
            Self::Helm => "helm uninstall flux-operator --namespace flux-system",
            Self::Kustomize => "kubectl delete -k deploy --wait=false",
        }
    }

    /// Why an object may be left; none of one that may not.
    pub(super) fn leaves(self, object: &str) -> Option<&'static str> {
        let is_definition =
            object.starts_with("CustomResourceDefinition/") && object.ends_with(".fluxcd.controlplane.io");
        match self {
            Self::Helm if is_definition => Some("kept by the value `keepCRDs`"),
            Self::Helm if OF_THE_DEFINITIONS.contains(&object) => Some("which goes with the CRDs"),
            Self::Helm if object == "Namespace/flux-system" => Some("made by `--create-namespace`"),
            Self::Helm if OF_THE_NAMESPACE.contains(&object) => Some("which every namespace has"),
            Self::Helm if object == "Lease/flux-system/flux-operator" => Some("for the next operator to take"),
            Self::Helm | Self::Kustomize => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    /// What is rehearsed is what users read.
    #[test]
    fn the_book_tells_of_them() {
        let book = crate::generated::read("docs/install.md").unwrap();
        for way in Way::value_variants() {
            for line in way.install().iter().chain([&way.instance()]) {
                assert!(book.lines().any(|found| found == *line), "docs/install.md does not tell of `{line}`");
            }
        }
    }

    #[test]
    fn what_is_not_known_to_stay_has_to_go() {
        let definition = "CustomResourceDefinition/fluxinstances.fluxcd.controlplane.io";
        assert!(Way::Helm.leaves(definition).is_some() && Way::Kustomize.leaves(definition).is_none());
        assert!(Way::Helm.leaves("CustomResourceDefinition/gitrepositories.source.toolkit.fluxcd.io").is_none());
        assert!(Way::Helm.leaves("ClusterRole/flux-operator").is_none());
    }
}
