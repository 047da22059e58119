//! The report, from what is known.

use std::collections::BTreeMap;

use flux_operator_api::{
    ConditionStatus, FluxReportSpec, InstallationStatus, ReportedCluster, ReportedDistribution, ReportedOperator,
    ReportedReconciler, ReportedStats, ReportedSync, identity,
};

use super::definition::Family;
use super::observed::{Key, Kind, Observed, Sight};
use super::resource::Resource;

const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io";
const SOURCE: &str = "source.toolkit.fluxcd.io";

/// A report, and what could not be looked at for it.
#[derive(Debug, PartialEq)]
pub(super) struct Composed {
    pub(super) spec: FluxReportSpec,
    pub(super) problems: Vec<String>,
}

/// Composes the report of the operator in a namespace.
///
/// What cannot be looked at is left out, and named; everything else is there.
pub(super) fn compose(observed: &Observed, operator: &ReportedOperator, namespace: &str) -> Composed {
    let is_installed = observed.kinds.values().any(|kind| kind.definition.family == Family::Flux);
    let spec = FluxReportSpec {
        distribution: distribution(observed),
        cluster: observed.server.as_ref().map(|server| ReportedCluster {
            server_version: server.version.clone(),
            platform: server.platform.clone(),
            nodes: Some(count(observed.nodes.objects.len())).filter(|nodes| *nodes > 0),
        }),
        operator: Some(operator.clone()),
        components: observed.components.objects.values().cloned().collect(),
        reconcilers: if is_installed { reconcilers(observed) } else { Vec::new() },
        sync: sync(observed, namespace),
    };
    Composed { spec, problems: problems(observed) }
}

fn distribution(observed: &Observed) -> ReportedDistribution {
    let (version, managed_by) = observed.flux.clone().map(|flux| (flux.version, flux.managed_by)).unwrap_or_default();
    let status = match (&observed.flux, &observed.definitions) {
        (Some(_), _) => InstallationStatus::Installed,
        (None, Sight::Clear) => InstallationStatus::NotInstalled,
        (None, Sight::Waiting | Sight::Blocked(_)) => InstallationStatus::Unknown,
    };
    ReportedDistribution { status, version, managed_by, ..ReportedDistribution::default() }
}

/// What could not be looked at, and why.
fn problems(observed: &Observed) -> Vec<String> {
    let mut problems = Vec::new();
    let mut look = |what: &str, sight: &Sight| match sight {
        Sight::Clear => {}
        Sight::Waiting => problems.push(format!("{what} are not known yet")),
        Sight::Blocked(reason) => problems.push(format!("{what} cannot be watched: {reason}")),
    };
    look("CustomResourceDefinitions", &observed.definitions);
    look("Deployments", &observed.components.sight);
    look("Nodes", &observed.nodes.sight);
    for kind in observed.kinds.values() {
        look(&format!("objects of kind `{}`", kind.definition.kind), &kind.resources.sight);
    }
    if observed.server.is_none() {
        problems.push("the API server does not say its version".to_owned());
    }
    problems
}

/// Every kind that is served, by API version and kind.
fn reconcilers(observed: &Observed) -> Vec<ReportedReconciler> {
    let reconciler = |kind: &Kind| {
        (kind.resources.sight != Sight::Waiting).then_some(())?;
        Some(ReportedReconciler {
            api_version: kind.definition.api_version()?,
            kind: kind.definition.kind.clone(),
            stats: Some(stats(kind.resources.objects.values())),
        })
    };
    let mut reconcilers: Vec<_> = observed.kinds.values().filter_map(reconciler).collect();
    reconcilers.sort_by_cached_key(|it| format!("{}{}", it.api_version, it.kind));
    reconcilers
}

fn stats<'r>(resources: impl Iterator<Item = &'r Resource>) -> ReportedStats {
    let (mut stats, mut size) = (ReportedStats::default(), 0_u64);
    for resource in resources {
        stats.suspended += i64::from(resource.is_suspended);
        stats.running += i64::from(!resource.is_suspended);
        stats.failing += i64::from(resource.is_failing());
        size = size.saturating_add(resource.size);
    }
    stats.total_size = readable(size);
    stats
}

/// Bytes as people read them: `512 B`, `1.5 KiB`; none where there are none.
fn readable(bytes: u64) -> Option<String> {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return (bytes > 0).then(|| format!("{bytes} B"));
    }
    // The largest unit that there is one of, or that there would be one of after rounding, as Go rounds.
    let power = (bytes.ilog2() / 10).clamp(1, 6);
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let number = bytes as f64 / (1_u64 << (10 * power)) as f64;
    let unit = UNITS.get(power as usize - 1).copied().unwrap_or_default();
    Some(format!("{number:.1} {unit}"))
}

/// The Kustomization that the cluster is synced by, and its source.
fn sync(observed: &Observed, namespace: &str) -> Option<ReportedSync> {
    let instances = observed.kind(identity::GROUP, identity::KIND).map(|kind| &kind.resources.objects);
    let instance = instances.and_then(|all| all.get(&Key::new(namespace, identity::INSTANCE_NAME)));
    let name = instance.map(|instance| &*instance.sync_name).filter(|name| !name.is_empty()).unwrap_or(namespace);
    let key = Key::new(namespace, name);
    let of_kind = |group: &str, kind: &str| -> Option<&BTreeMap<Key, Resource>> {
        Some(&observed.kind(group, kind)?.resources.objects)
    };
    let kustomization = of_kind(KUSTOMIZE, "Kustomization")?.get(&key)?;
    let source_kind = &*kustomization.source_kind;
    let source = of_kind(SOURCE, source_kind).and_then(|sources| sources.get(&key));

    let (mut ready, mut status) = match &kustomization.ready {
        Some(ready) => (ready.status != ConditionStatus::False, ready.message.to_string()),
        None => (false, "not initialized".to_owned()),
    };
    let failure = source.and_then(|source| source.ready.as_ref()).filter(|it| it.status == ConditionStatus::False);
    if let Some(failure) = failure {
        ready = false;
        status = format!("{status}\n{}", failure.message);
    }
    if kustomization.is_suspended {
        status = format!("Suspended {status}");
    }
    let address = |source: &Resource| match source_kind {
        "Bucket" => format!("{}/{}", source.url, source.reference),
        _ => source.url.to_string(),
    };
    Some(ReportedSync {
        id: format!("kustomization/{name}"),
        path: Some(kustomization.path.to_string()).filter(|path| !path.is_empty()),
        ready,
        status,
        source: source.map(address).filter(|address| !address.is_empty()),
    })
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
