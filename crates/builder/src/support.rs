//! Which Flux version has what.
//!
//! A pre-release counts as the minor it leads to, everywhere: `2.7.0-rc.1` has the controllers and
//! CRDs of 2.7.

use flux_operator_api::{Component, SyncKind, SyncProvider};

use crate::error::BuildError;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> ReleaseVersion {
        text.parse().unwrap()
    }

    #[test]
    fn a_pre_release_has_what_its_minor_has() {
        for (name, minor) in [("v2.6.9", 6), ("v2.7.0-rc.1", 7), ("v2.9.9-rc.1", 9), ("v3.0.0", 10)] {
            let version = version(name);
            assert_eq!(is_shardable(Component::SourceWatcher, &version), minor >= 9, "{name}");
            let versions = if minor >= 9 { 1 } else { 3 - usize::from(minor >= 7) };
            assert_eq!(notification_versions(&version), versions, "{name}");
            let source = source_api_version(SyncKind::Bucket, &version);
            assert_eq!(source, "source.toolkit.fluxcd.io/v1", "{name}");
        }
        assert_eq!(source_api_version(SyncKind::OciRepository, &version("2.5.1")), "source.toolkit.fluxcd.io/v1beta2");
        assert_eq!(source_api_version(SyncKind::GitRepository, &version("2.2.3")), "source.toolkit.fluxcd.io/v1");
    }

    #[test]
    fn everything_that_a_version_lacks_is_said_at_once() {
        let text = "
            {apiVersion: fluxcd.controlplane.io/v1, kind: FluxInstance, metadata: {name: flux}, spec: {
              distribution: {version: 2.x, registry: fluxcd}, components: [helm-controller, source-watcher],
              cluster: {objectLevelWorkloadIdentity: true, multitenantWorkloadIdentity: true},
              sync: {kind: GitRepository, url: https://g/f, ref: main, path: ., provider: aws}}}";
        let plan = crate::Admission::new().read(text).unwrap()[0].plan().unwrap();
        let lacking = |name: &str| match check(&plan, &version(name)) {
            Ok(()) => Vec::new(),
            Err(BuildError::Unsupported { violations, .. }) => violations.iter().map(|one| one.path.clone()).collect(),
            Err(other) => panic!("{other}"),
        };
        let (watcher, git) = ("spec.components[1]", "spec.sync.provider");
        let (objects, tenants) =
            ("spec.cluster.objectLevelWorkloadIdentity", "spec.cluster.multitenantWorkloadIdentity");
        assert_eq!(lacking("v2.5.1"), [watcher, objects, tenants, git]);
        assert_eq!(lacking("v2.6.4"), [watcher, tenants, git]);
        assert_eq!(lacking("v2.7.0-rc.1"), [git]);
        assert_eq!(lacking("v2.8.8"), [git]);
        assert_eq!(lacking("v2.9.0-rc.1"), [""; 0]);
    }
}
