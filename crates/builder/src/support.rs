//! Which Flux version has what.
//!
//! A pre-release counts as the minor it leads to, everywhere: `2.7.0-rc.1` has the controllers and
//! CRDs of 2.7.

use flux_operator_api::{Component, SyncKind, SyncProvider};

use crate::build::BuildError;
use crate::plan::{InstancePlan, WorkloadIdentity};
use crate::version::ReleaseVersion;
use crate::violation::Checker;

/// Notes everything the plan asks for that the version does not have.
pub(crate) fn check(plan: &InstancePlan, version: &ReleaseVersion) -> Result<(), BuildError> {
    let mut checker = Checker::default();
    let mut need = |path: String, what: &str, minor: u64| {
        if !version.at_least(2, minor) {
            checker.note(
                path,
                format!("{what} needs Flux 2.{minor} or later, `spec.distribution.version` selects {version}"),
            );
        }
    };
    if let Some(index) = plan.components.iter().position(|component| *component == Component::SourceWatcher) {
        need(format!("spec.components[{index}]"), "`source-watcher`", 7);
    }
    if plan.cluster.workload_identity != WorkloadIdentity::Controllers {
        need("spec.cluster.objectLevelWorkloadIdentity".to_owned(), "workload identity of objects", 6);
    }
    if matches!(plan.cluster.workload_identity, WorkloadIdentity::Tenants { .. }) {
        need("spec.cluster.multitenantWorkloadIdentity".to_owned(), "workload identity of tenants", 7);
    }
    if let Some(sync) = &plan.sync
        && (sync.kind, sync.provider) == (SyncKind::GitRepository, Some(SyncProvider::Aws))
    {
        need("spec.sync.provider".to_owned(), "`aws` for a GitRepository", 9);
    }
    checker.finish(Some(())).map_err(|violations| BuildError::Unsupported { version: version.to_string(), violations })
}

/// True for controllers that take a label selector, so that shards can share the work.
pub(crate) fn is_shardable(component: Component, version: &ReleaseVersion) -> bool {
    match component {
        Component::NotificationController => false,
        Component::SourceWatcher => version.at_least(2, 9),
        _ => true,
    }
}

/// How many versions the CRDs of Alert and Receiver have.
pub(crate) fn notification_versions(version: &ReleaseVersion) -> usize {
    match version {
        version if version.at_least(2, 9) => 1,
        version if version.at_least(2, 7) => 2,
        _ => 3,
    }
}

/// The API version of a source.
pub(crate) fn source_api_version(kind: SyncKind, version: &ReleaseVersion) -> &'static str {
    if kind == SyncKind::GitRepository || version.at_least(2, 6) {
        "source.toolkit.fluxcd.io/v1"
    } else {
        "source.toolkit.fluxcd.io/v1beta2"
    }
}
