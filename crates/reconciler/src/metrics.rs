//! What the operator tells Prometheus.
//!
//! Names and labels are those that dashboards for Flux and for controllers in general already ask
//! for. What such dashboards know and this operator cannot tell truthfully is left out:
//! `workqueue_depth` and `workqueue_adds_total`, since there is no queue.

mod controller;
mod info;
mod instance;
mod process;
mod resources;
mod text;

use std::sync::Arc;
use std::time::Duration;

use flux_operator_api::FluxInstance;
use flux_operator_api::identity::API_VERSION;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

pub use controller::{ControllerMetrics, ReconcileResult, Running};

use crate::events::{EventReason, Severity};
use controller::Controllers;
use info::Info;
use instance::InstanceLabels;
use process::Process;
use resources::Resources;

use crate::flux_report::Caches;

/// The `Content-Type` of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Upper bounds of the buckets for runs, in seconds. Runs that find nothing to do take less than one,
/// installations take minutes.
const RECONCILE_SECONDS: [f64; 14] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 150.0, 300.0];

/// Every metric of the operator. One for the process, shared.
///
/// Nothing here waits: recording is a few atomic operations or a lock that is never held for long.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    instance: Arc<Info<InstanceLabels>>,
    resources: Arc<Resources>,
    durations: Family<ObjectLabels, Histogram, fn() -> Histogram>,
    controllers: Controllers,
    requests: Family<RequestLabels, Counter>,
    leading: Family<LeaseLabels, Gauge>,
    events: Family<EventLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperatorLabels {
    version: String,
    api_version: &'static str,
    platform: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ObjectLabels {
    kind: String,
    name: String,
    namespace: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    code: String,
    method: String,
    host: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabels {
    r#type: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LeaseLabels {
    name: String,
}

impl Metrics {
    /// The metrics of an operator of this version, such as `v1.0.0`.
    pub fn new(version: &str) -> Self {
        let mut registry = Registry::default();
        let instance = Arc::new(Info::new("flux_instance_info", "The FluxInstance and what became of it."));
        registry.register_collector(Box::new(Arc::clone(&instance)));
        let resources = Arc::new(Resources::default());
        registry.register_collector(Box::new(Arc::clone(&resources)));
        let operator = Info::new("flux_operator_info", "The operator.");
        operator.set(OperatorLabels { version: version.to_owned(), api_version: API_VERSION, platform: platform() });
        registry.register_collector(Box::new(operator));

        let durations = Family::new_with_constructor(reconcile_histogram as fn() -> Histogram);
        registry.register("gotk_reconcile_duration_seconds", "How long runs of an object took", durations.clone());
        let controllers = Controllers::register(&mut registry);
        let requests = Family::default();
        registry.register(
            "rest_client_requests",
            "Requests to the API server, by status code, method and host",
            requests.clone(),
        );
        let leading = Family::default();
        registry.register("leader_election_master_status", "Whether this replica holds the lease", leading.clone());
        let events = Family::default();
        registry.register("flux_operator_events", "Events about the instance, by type and reason", events.clone());
        registry.register_collector(Box::new(Process));
        Self { registry, instance, resources, durations, controllers, requests, leading, events }
    }

    /// The metrics of one controller, all of them at zero the first time.
    pub fn controller(&self, name: &'static str) -> ControllerMetrics {
        self.controllers.of(name)
    }

    /// Sets `flux_instance_info` to the instance: there is one series, and no other.
    pub fn observe_instance(&self, instance: &FluxInstance) {
        self.instance.set(InstanceLabels::of(instance));
    }

    /// Removes the series of the instance, because it is being deleted or is gone.
    pub fn forget_instance(&self) {
        self.instance.clear();
        self.durations.clear();
    }

    /// Shows what is known of objects of Flux in `flux_resource_info`, from now on and as it changes.
    pub(crate) fn show_resources(&self, caches: &Caches) {
        self.resources.show(caches);
    }

    /// Adds a run to `gotk_reconcile_duration_seconds`.
    pub fn observe_duration(&self, kind: &str, name: &str, namespace: &str, took: Duration) {
        let labels = ObjectLabels { kind: kind.to_owned(), name: name.to_owned(), namespace: namespace.to_owned() };
        self.durations.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Counts a request to the API server. `code` is `<error>` where there was no answer.
    pub fn count_request(&self, code: &str, method: &str, host: &str) {
        let labels = RequestLabels { code: code.to_owned(), method: method.to_owned(), host: host.to_owned() };
        self.requests.get_or_create(&labels).inc();
    }

    /// Counts an event. Each time it is told, also where Kubernetes counts it as one that came again.
    pub fn count_event(&self, severity: Severity, reason: EventReason) {
        let labels = EventLabels { r#type: severity.as_str(), reason: reason.as_str() };
        self.events.get_or_create(&labels).inc();
    }

    /// Whether this replica holds the lease of that name.
    pub fn set_leading(&self, lease: &str, leading: bool) {
        self.leading.get_or_create(&LeaseLabels { name: lease.to_owned() }).set(leading.into());
    }

    /// Everything, in the text format of Prometheus; see [`CONTENT_TYPE`].
    pub fn encode(&self) -> String {
        let mut text = String::new();
        match prometheus_client::encoding::text::encode(&mut text, &self.registry) {
            Ok(()) => text::plain(&text),
            // Writing to a string does not fail, and our collectors do not either.
            Err(std::fmt::Error) => String::new(),
        }
    }
}

fn reconcile_histogram() -> Histogram {
    Histogram::new(RECONCILE_SECONDS)
}

/// Operating system and processor, in Go's names: `linux/amd64`.
pub(crate) fn platform() -> String {
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        os => os,
    };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        arch => arch,
    };
    format!("{os}/{arch}")
}

#[cfg(test)]
mod tests {
    use flux_operator_api::{Distribution, FluxInstanceSpec};

    use super::*;

    fn lines(metrics: &Metrics, start: &str) -> Vec<String> {
        metrics.encode().lines().filter(|line| line.starts_with(start)).map(str::to_owned).collect()
    }

    fn instance(version: &str) -> FluxInstance {
        let mut instance =
            FluxInstance::new("flux", FluxInstanceSpec::new(Distribution::new(version, "ghcr.io/fluxcd")))
                .in_namespace("flux-system");
        instance.metadata.uid = Some(version.to_owned());
        instance
    }

    #[test]
    fn there_is_one_series_of_the_instance_or_none() {
        let metrics = Metrics::new("v1.2.3");
        assert!(!metrics.encode().contains("flux_instance_info"));
        metrics.observe_instance(&instance("2.7.x"));
        metrics.observe_instance(&instance("2.8.x"));
        assert_eq!(
            lines(&metrics, "flux_instance_info"),
            [concat!(
                r#"flux_instance_info{uid="2.8.x",kind="FluxInstance",name="flux",exported_namespace="flux-system","#,
                r#"ready="Unknown",reason="",suspended="False",registry="ghcr.io/fluxcd",revision=""} 1"#
            )]
        );
        metrics.forget_instance();
        assert!(!metrics.encode().contains("flux_instance_info"));
    }

    #[test]
    fn the_operator_says_what_it_is() {
        let series = lines(&Metrics::new("v1.2.3"), "flux_operator_info");
        let start = r#"flux_operator_info{version="v1.2.3",api_version="fluxcd.controlplane.io/v1",platform=""#;
        assert!(series.len() == 1 && series[0].starts_with(start) && series[0].ends_with(r#""} 1"#), "{series:?}");
    }

    #[test]
    fn requests_are_counted() {
        let metrics = Metrics::new("v1.2.3");
        metrics.count_request("200", "GET", "10.0.0.1:443");
        metrics.count_request("200", "GET", "10.0.0.1:443");
        assert_eq!(
            lines(&metrics, "rest_client_requests"),
            [r#"rest_client_requests_total{code="200",method="GET",host="10.0.0.1:443"} 2"#]
        );
        assert_eq!(lines(&metrics, "# TYPE rest_client"), ["# TYPE rest_client_requests_total counter"]);
    }

    #[test]
    fn durations_and_leadership() {
        let metrics = Metrics::new("v1.2.3");
        metrics.observe_duration("FluxInstance", "flux", "flux-system", Duration::from_millis(1500));
        metrics.set_leading("flux-operator", true);
        let labels = r#"kind="FluxInstance",name="flux",namespace="flux-system""#;
        let text = metrics.encode();
        for expected in [
            format!("gotk_reconcile_duration_seconds_sum{{{labels}}} 1.5"),
            format!("gotk_reconcile_duration_seconds_bucket{{le=\"1.0\",{labels}}} 0"),
            format!("gotk_reconcile_duration_seconds_bucket{{le=\"2.5\",{labels}}} 1"),
            format!("gotk_reconcile_duration_seconds_bucket{{le=\"+Inf\",{labels}}} 1"),
            r#"leader_election_master_status{name="flux-operator"} 1"#.to_owned(),
        ] {
            assert!(text.contains(&format!("{expected}\n")), "{expected}\n{text}");
        }
        metrics.set_leading("flux-operator", false);
        assert!(metrics.encode().contains("leader_election_master_status{name=\"flux-operator\"} 0\n"));
    }
}
