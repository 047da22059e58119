//! The report of the operator, and where there is none, what it would say.
//!
//! What each field is made from is told in `docs/reporting.md`.

use flux_operator_api::{
    FluxReportSpec, InstallationStatus, Object, ReportedCluster, ReportedComponent, ReportedDistribution,
    ReportedOperator, ReportedReconciler, ReportedStats, ReportedSync, identity, labels,
};
use flux_operator_inventory::health::{self, Status};
use http::Request;
use jiff::Timestamp;
use kube::api::ListParams;
use serde_json::Value;

use crate::cluster::{Cluster, ClusterError, Scope, ServedKind};
use crate::installation::{deployments, operator_version};
use crate::kinds::{CATALOGUE, FluxKind, GIT_REPOSITORY, KUSTOMIZATION, REPORT, belongs_to_flux};
use crate::readiness::{condition, is_suspended, text};

/// What stands for the platform that an operator was built for, which only the operator knows.
const UNKNOWN: &str = "unknown";

impl Cluster {
    /// The report `flux` in the namespace of the operator. Where nobody can tell which that is, the only one there is.
    pub(crate) async fn report(&self) -> Result<Option<Object>, ClusterError> {
        let kind = ServedKind::known(REPORT);
        let params = ListParams::default().fields(&format!("metadata.name={}", identity::INSTANCE_NAME));
        let mut reports = self.list(&kind, &Scope::All, &params).await?.objects;
        if reports.is_empty() {
            return Ok(None);
        }
        let operator = match self.operator().await {
            Err(error) if error.is_forbidden() => None,
            operator => operator?,
        };
        Ok(match operator {
            Some(operator) => reports.into_iter().find(|report| report.namespace() == operator.namespace()),
            None => reports.pop().filter(|_| reports.is_empty()),
        })
    }

    /// What a report would say of the cluster as it is now, and the namespace that it would be in.
    ///
    /// # Errors
    /// The cluster cannot be asked. What only nodes and CRDs tell is left out where they must not be read.
    pub(crate) async fn observed_report(&self) -> Result<(FluxReportSpec, String), ClusterError> {
        let operator = self.operator().await?;
        let instance = self.instance().await?;
        let owner = operator.as_ref().or(instance.as_ref());
        let namespace = owner.and_then(Object::namespace).unwrap_or(self.namespace()).to_owned();
        let (kinds, objects) = self.flux_objects().await?;
        let sync = instance.as_ref().and_then(|instance| text(instance, "/spec/sync/name"));
        let report = FluxReportSpec {
            distribution: self.observed_distribution().await?,
            cluster: Some(self.observed_cluster().await?),
            operator: operator.as_ref().map(|operator| ReportedOperator {
                api_version: format!("{}/{}", identity::GROUP, identity::VERSION),
                version: operator_version(operator).unwrap_or_else(|| UNKNOWN.to_owned()),
                platform: UNKNOWN.to_owned(),
            }),
            components: self.observed_components(&namespace).await?,
            reconcilers: reconcilers(&kinds, &objects),
            sync: observed_sync(&objects, &namespace, sync.unwrap_or(&namespace)),
        };
        Ok((report, namespace))
    }

    /// How many objects of each kind there are, and how they are doing. Nothing without Flux.
    pub(crate) async fn observed_reconcilers(&self) -> Result<Vec<ReportedReconciler>, ClusterError> {
        let (kinds, objects) = self.flux_objects().await?;
        Ok(reconcilers(&kinds, &objects))
    }

    async fn flux_objects(&self) -> Result<(Vec<ServedKind>, Vec<Object>), ClusterError> {
        let discovery = self.discover().await?;
        let served = |kind: &FluxKind| discovery.find(kind.group, kind.kind).cloned();
        let kinds: Vec<_> = CATALOGUE.iter().filter(|kind| *kind != REPORT).filter_map(served).collect();
        let objects = self.list_all(&kinds, &Scope::All).await?;
        Ok((kinds, objects))
    }

    async fn observed_distribution(&self) -> Result<ReportedDistribution, ClusterError> {
        let (status, definition) = match self.find(&ServedKind::definitions(), "", &GIT_REPOSITORY.definition()).await {
            Ok(Some(definition)) => (InstallationStatus::Installed, Some(definition)),
            Err(error) if error.is_forbidden() => (InstallationStatus::Unknown, None),
            found => found.map(|_| (InstallationStatus::NotInstalled, None))?,
        };
        let label = |name: &str| {
            let mut labels = definition.iter().flat_map(Object::labels);
            labels.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
        };
        let bootstrapped = || label("kustomize.toolkit.fluxcd.io/name").map(|_| "flux bootstrap".to_owned());
        Ok(ReportedDistribution {
            status,
            version: label(labels::APP_VERSION),
            managed_by: label(labels::MANAGED_BY).or_else(bootstrapped),
            ..ReportedDistribution::default()
        })
    }

    async fn observed_cluster(&self) -> Result<ReportedCluster, ClusterError> {
        let request = Request::get("/version").body(Vec::new()).unwrap_or_default();
        let version: Value = self.ask("read the version of the cluster", request).await?;
        let told = |field: &str| version.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let nodes = ServedKind::built_in("", "v1", "Node", "nodes", false);
        let nodes = match self.list_metadata(&nodes, &Scope::All, &ListParams::default()).await {
            Err(error) if error.is_forbidden() => 0,
            nodes => nodes?.objects.len(),
        };
        let nodes = i64::try_from(nodes).ok().filter(|nodes| *nodes > 0);
        Ok(ReportedCluster { server_version: told("gitVersion"), platform: told("platform"), nodes })
    }

    async fn observed_components(&self, namespace: &str) -> Result<Vec<ReportedComponent>, ClusterError> {
        let params = ListParams::default().labels(&format!("{}={}", labels::PART_OF, labels::PART_OF_FLUX));
        let listed = self.list(&deployments(), &Scope::Namespace(namespace.to_owned()), &params).await?;
        let now = Timestamp::now();
        let component = |deployment: &Object| {
            let health = health::of(deployment, now);
            ReportedComponent {
                name: deployment.name().to_owned(),
                ready: health.status == Status::Current,
                status: format!("{} {}", health.status, health.message),
                image: text(deployment, "/spec/template/spec/containers/0/image").unwrap_or_default().to_owned(),
            }
        };
        Ok(listed.objects.iter().map(component).collect())
    }
}

/// The figures of each kind, by API version and kind.
fn reconcilers(kinds: &[ServedKind], objects: &[Object]) -> Vec<ReportedReconciler> {
    let is_flux = |kind: &ServedKind| kind.group != identity::GROUP && belongs_to_flux(&kind.group);
    if !kinds.iter().any(is_flux) {
        return Vec::new();
    }
    let reconciler = |kind: &ServedKind| {
        let of_kind = objects.iter().filter(|object| object.group() == kind.group && object.kind() == kind.kind);
        ReportedReconciler { api_version: kind.api_version(), kind: kind.kind.clone(), stats: Some(stats(of_kind)) }
    };
    let mut reconcilers: Vec<_> = kinds.iter().map(reconciler).collect();
    reconcilers.sort_by_cached_key(|it| format!("{}{}", it.api_version, it.kind));
    reconcilers
}

fn stats<'o>(objects: impl Iterator<Item = &'o Object>) -> ReportedStats {
    let (mut stats, mut size) = (ReportedStats::default(), 0_u64);
    for object in objects {
        let is_suspended = is_suspended(object);
        stats.suspended += i64::from(is_suspended);
        stats.running += i64::from(!is_suspended);
        stats.failing += i64::from(!is_suspended && is_failing(object));
        size = size.saturating_add(object.pointer("/status/artifact/size").and_then(Value::as_u64).unwrap_or_default());
    }
    stats.total_size = human(size);
    stats
}

/// Whether an object is reconciled in vain, and not for the sake of another one.
fn is_failing(object: &Object) -> bool {
    condition(object, "Ready").is_some_and(|ready| ready.status == "False" && ready.reason != "DependencyNotReady")
}

/// The Kustomization that the cluster is synced by.
fn observed_sync(objects: &[Object], namespace: &str, name: &str) -> Option<ReportedSync> {
    let named = |kind: &str| {
        let is_it =
            |object: &&Object| object.kind() == kind && object.namespace() == Some(namespace) && object.name() == name;
        objects.iter().find(is_it)
    };
    let kustomization = named(KUSTOMIZATION.kind)?;
    let source = text(kustomization, "/spec/sourceRef/kind").and_then(named);
    let (mut ready, mut status) = match condition(kustomization, "Ready") {
        Some(ready) => (ready.status != "False", ready.message),
        None => (false, "not initialized".to_owned()),
    };
    if let Some(failure) = source.and_then(|source| condition(source, "Ready")).filter(|it| it.status == "False") {
        ready = false;
        status = format!("{status}\n{}", failure.message);
    }
    if is_suspended(kustomization) {
        status = format!("Suspended {status}");
    }
    let address = |source: &Object| match text(source, "/spec/endpoint") {
        Some(endpoint) => Some(format!("{endpoint}/{}", text(source, "/spec/bucketName").unwrap_or_default())),
        None => text(source, "/spec/url").map(str::to_owned),
    };
    Some(ReportedSync {
        id: format!("kustomization/{name}"),
        path: text(kustomization, "/spec/path").map(str::to_owned),
        ready,
        status,
        source: source.and_then(address),
    })
}

/// A size as people read it: `512 B`, `1.5 KiB`; none of nothing.
fn human(bytes: u64) -> Option<String> {
    if bytes < 1024 {
        return (bytes > 0).then(|| format!("{bytes} B"));
    }
    let (mut unit, mut name) = (1024_u64, "KiB");
    for next in ["MiB", "GiB", "TiB"] {
        if bytes / 1024 < unit {
            break;
        }
        (unit, name) = (unit * 1024, next);
    }
    let tenths = u128::from(bytes) * 10 / u128::from(unit);
    Some(format!("{}.{} {name}", tenths / 10, tenths % 10))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sizes_are_for_people() {
        for (bytes, expected) in [
            (0, None),
            (512, Some("512 B")),
            (1536, Some("1.5 KiB")),
            (5 << 20, Some("5.0 MiB")),
            (3 << 40, Some("3.0 TiB")),
            (3 << 50, Some("3072.0 TiB")),
        ] {
            assert_eq!(human(bytes).as_deref(), expected);
        }
    }

    #[test]
    fn who_is_suspended_or_waits_does_not_fail() {
        let object = |suspend: bool, status: &str, reason: &str, size: u64| {
            let ready = json!({"type": "Ready", "status": status, "reason": reason});
            let status = json!({"conditions": [ready], "artifact": {"size": size}});
            let object = json!({
                "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": {"name": "a"},
                "spec": {"suspend": suspend}, "status": status,
            });
            Object::try_from(object).unwrap()
        };
        let objects = [
            object(false, "True", "Succeeded", 1024),
            object(false, "False", "GitOperationFailed", 512),
            object(false, "False", "DependencyNotReady", 0),
            object(true, "False", "GitOperationFailed", 0),
        ];
        let expected = ReportedStats { running: 3, failing: 1, suspended: 1, total_size: Some("1.5 KiB".to_owned()) };
        assert_eq!(stats(objects.iter()), expected);
    }
}
