//! What a FluxInstance asks for, checked and spelled out.
//!
//! [`InstancePlan::parse`] reads a FluxInstance once. Past that line nothing looks at a string of
//! the spec again: names are names, ranges are ranges, patches are operations, and options that
//! contradict each other cannot be expressed. What depends on the Flux version is checked when one
//! is chosen, by [`build`](crate::build).

mod distribution;
mod sharding;
mod storage;
mod sync;
mod tenancy;

use std::collections::BTreeMap;

use flux_operator_api::{ClusterSize, ClusterType, CommonMetadata, Component, FluxInstance, identity};

pub(crate) use distribution::DistributionPlan;
pub(crate) use sharding::ShardingPlan;
pub(crate) use storage::StoragePlan;
pub(crate) use sync::SyncPlan;
pub(crate) use tenancy::{Tenancy, WorkloadIdentity};

use crate::image_reference::ImageReference;
use crate::kustomize::patch::Patch;
use crate::name;
use crate::version::{ReleaseVersion, VersionRange};
use crate::violation::{Checker, Violations};

/// A FluxInstance of which every field is legal, alone and together with the others.
///
/// ```
/// use flux_operator_api::{Distribution, FluxInstance, FluxInstanceSpec};
/// use flux_operator_builder::InstancePlan;
///
/// let mut spec = FluxInstanceSpec::new(Distribution::new("2.x", "ghcr.io/fluxcd"));
/// assert!(InstancePlan::parse(&FluxInstance::new("flux", spec.clone())).is_ok());
///
/// spec.distribution.version = "latest".to_owned();
/// let violations = InstancePlan::parse(&FluxInstance::new("flux", spec)).unwrap_err();
/// assert_eq!(violations.iter().next().unwrap().path, "spec.distribution.version");
/// ```
#[derive(Clone, Debug)]
pub struct InstancePlan {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) distribution: DistributionPlan,
    /// In the order of the spec, none twice, never empty.
    pub(crate) components: Vec<Component>,
    pub(crate) cluster: ClusterPlan,
    pub(crate) sharding: Option<ShardingPlan>,
    pub(crate) storage: Option<StoragePlan>,
    pub(crate) sync: Option<SyncPlan>,
    pub(crate) patches: Vec<Patch>,
    pub(crate) common_labels: BTreeMap<String, String>,
    pub(crate) common_annotations: BTreeMap<String, String>,
}

/// The cluster that Flux runs in.
#[derive(Clone, Debug)]
pub(crate) struct ClusterPlan {
    pub(crate) is_openshift: bool,
    pub(crate) size: Option<ClusterSize>,
    pub(crate) domain: String,
    pub(crate) network_policy: bool,
    pub(crate) tenancy: Tenancy,
    pub(crate) workload_identity: WorkloadIdentity,
}

impl InstancePlan {
    /// The namespace of an instance that names none.
    pub const DEFAULT_NAMESPACE: &str = "flux-system";

    /// Reads a FluxInstance.
    ///
    /// The namespace is [`Self::DEFAULT_NAMESPACE`] where the instance has none. Otherwise the
    /// instance is taken as it is: decoding has already filled in the defaults that the API server
    /// would have set.
    ///
    /// # Errors
    /// Every violation, in the order of the fields.
    pub fn parse(instance: &FluxInstance) -> Result<Self, Violations> {
        let mut checker = Checker::default();
        let plan = Self::read(instance, &mut checker);
        checker.finish(plan)
    }

    /// The instance's name: always `flux`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The namespace that everything is installed in.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The versions of Flux that the instance accepts.
    pub fn version_range(&self) -> &VersionRange {
        &self.distribution.range
    }

    /// The artifact that the manifests come in: `spec.distribution.artifact` without `oci://`. None where
    /// they come with whoever builds.
    pub fn artifact(&self) -> Option<&ImageReference> {
        self.distribution.artifact.as_ref()
    }

    /// The newest of the given versions that the instance accepts.
    ///
    /// ```
    /// # use flux_operator_api::{Distribution, FluxInstance, FluxInstanceSpec};
    /// # use flux_operator_builder::{InstancePlan, ReleaseVersion};
    /// # let spec = FluxInstanceSpec::new(Distribution::new("2.8.x", "ghcr.io/fluxcd"));
    /// # let plan = InstancePlan::parse(&FluxInstance::new("flux", spec)).unwrap();
    /// let available: Vec<ReleaseVersion> = vec!["v2.8.8".parse()?, "v2.9.4".parse()?];
    /// assert_eq!(plan.select(&available).unwrap().as_str(), "v2.8.8");
    /// # Ok::<(), flux_operator_builder::VersionError>(())
    /// ```
    ///
    /// # Errors
    /// No version lies in the range.
    pub fn select<'v>(&self, available: &'v [ReleaseVersion]) -> Result<&'v ReleaseVersion, NoVersion> {
        self.distribution.range.newest(available).ok_or_else(|| NoVersion {
            range: self.distribution.range.clone(),
            newest: available.iter().max().cloned(),
        })
    }

    pub(crate) fn has(&self, component: Component) -> bool {
        self.components.contains(&component)
    }

    fn read(instance: &FluxInstance, checker: &mut Checker) -> Option<Self> {
        let spec = &instance.spec;
        let name = instance.metadata.name.clone().unwrap_or_default();
        if name != identity::INSTANCE_NAME {
            let found = if name.is_empty() { "none".to_owned() } else { format!("`{name}`") };
            checker
                .note("metadata.name", format!("a FluxInstance is named `{}`, found {found}", identity::INSTANCE_NAME));
        }
        let namespace = match instance.metadata.namespace.as_deref() {
            None | Some("") => Self::DEFAULT_NAMESPACE.to_owned(),
            Some(namespace) => namespace.to_owned(),
        };
        checker.check("metadata.namespace", name::dns_label(&namespace));

        let distribution = DistributionPlan::read(&spec.distribution, checker);
        let components = read_components(&spec.components, checker);
        let cluster = read_cluster(&spec.effective_cluster(), checker);
        let sharding = spec.sharding.as_ref().map(|sharding| ShardingPlan::read(sharding, spec, checker));
        let storage = spec.storage.as_ref().map(|storage| StoragePlan::read(storage, checker));
        let patches = spec.kustomize.iter().flat_map(|kustomize| &kustomize.patches).enumerate();
        let patches = patches
            .filter_map(|(index, patch)| Patch::parse(patch, format!("spec.kustomize.patches[{index}]"), checker))
            .collect();
        let sync = spec.sync.as_ref().map(|sync| SyncPlan::read(sync, &namespace, checker));
        let common = spec.common_metadata.clone().unwrap_or_default();
        check_common_metadata(&common, checker);
        Some(Self {
            name,
            namespace,
            distribution: distribution?,
            components,
            cluster,
            sharding,
            storage,
            sync: match sync {
                Some(sync) => Some(sync?),
                None => None,
            },
            patches,
            common_labels: common.labels,
            common_annotations: common.annotations,
        })
    }
}

/// No version of a distribution is one that the instance accepts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no Flux release matches `spec.distribution.version`: `{range}`{}", newest_text(.newest.as_ref()))]
pub struct NoVersion {
    /// What the instance asks for.
    pub range: VersionRange,
    /// The newest version there is.
    pub newest: Option<ReleaseVersion>,
}

fn newest_text(newest: Option<&ReleaseVersion>) -> String {
    match newest {
        Some(newest) => format!(" is outside the releases of the distribution, the newest is `{newest}`"),
        None => " cannot be met, the distribution has no releases".to_owned(),
    }
}

fn check_common_metadata(common: &CommonMetadata, checker: &mut Checker) {
    for (key, value) in &common.labels {
        let path = format!("spec.commonMetadata.labels.{key}");
        checker.check(&path, name::label_key(key));
        checker.check(&path, name::label_value(value));
    }
    for key in common.annotations.keys() {
        // The keys of annotations are those of labels, in any case.
        let key_path = format!("spec.commonMetadata.annotations.{key}");
        checker.check(&key_path, name::label_key(&key.to_ascii_lowercase()));
    }
}

fn read_components(components: &[Component], checker: &mut Checker) -> Vec<Component> {
    let mut read: Vec<Component> = Vec::new();
    for (index, component) in components.iter().enumerate() {
        if read.contains(component) {
            checker.note(format!("spec.components[{index}]"), format!("`{component}` is listed twice"));
        } else {
            read.push(*component);
        }
    }
    if read.is_empty() { Component::CORE.to_vec() } else { read }
}

fn read_cluster(cluster: &flux_operator_api::Cluster, checker: &mut Checker) -> ClusterPlan {
    let domain = cluster.effective_domain();
    checker.check("spec.cluster.domain", name::domain(domain));
    ClusterPlan {
        is_openshift: cluster.r#type == ClusterType::OpenShift,
        size: cluster.size,
        domain: domain.to_owned(),
        network_policy: cluster.network_policy,
        tenancy: Tenancy::read(cluster),
        workload_identity: WorkloadIdentity::read(cluster, checker),
    }
}

#[cfg(test)]
mod tests {
    use flux_operator_api::{Distribution, FluxInstanceSpec, Sharding, Storage};

    use super::*;

    fn instance(change: impl FnOnce(&mut FluxInstanceSpec)) -> FluxInstance {
        let mut spec = FluxInstanceSpec::new(Distribution::new("2.9.x", "ghcr.io/fluxcd"));
        change(&mut spec);
        FluxInstance::new("flux", spec)
    }

    #[test]
    fn violations_are_in_the_order_of_the_fields_and_have_no_lines() {
        let mut wrong = instance(|spec| {
            spec.distribution = Distribution::new("", "");
            spec.components = vec![Component::HelmController, Component::HelmController];
            spec.sharding = Some(Sharding::default());
            spec.storage = Some(Storage::default());
        });
        wrong.metadata.name = None;
        wrong.metadata.namespace = Some("A".to_owned());
        let violations = InstancePlan::parse(&wrong).unwrap_err();
        let paths: Vec<_> = violations.iter().map(|violation| violation.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "metadata.name",
                "metadata.namespace",
                "spec.distribution.version",
                "spec.distribution.registry",
                "spec.components[1]",
                "spec.sharding.shards",
                "spec.storage.class",
                "spec.storage.size",
            ]
        );
        assert!(violations.iter().all(|violation| violation.line.is_none()));
    }

    #[test]
    fn the_newest_version_in_range_is_selected() {
        let plan = InstancePlan::parse(&instance(|_| {})).unwrap();
        let versions = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect::<Vec<ReleaseVersion>>();
        let available = versions(&["v2.9.4", "2.9.10", "v2.9.11-rc.1", "v2.10.0", "v2.8.8"]);
        assert_eq!(plan.select(&available).unwrap().as_str(), "2.9.10");
        let refused = |names| plan.select(&versions(names)).unwrap_err().to_string();
        let error = "no Flux release matches `spec.distribution.version`: `2.9.x`";
        assert_eq!(
            refused(&["v2.8.8", "v2.10.0", "v2.9.0-rc.1"]),
            format!("{error} is outside the releases of the distribution, the newest is `v2.10.0`")
        );
        assert_eq!(refused(&[]), format!("{error} cannot be met, the distribution has no releases"));
    }
}
