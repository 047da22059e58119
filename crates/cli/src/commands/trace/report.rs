//! What a trace says.

use std::fmt::Write as _;

use flux_operator_api::Object;

use crate::cluster::{Cluster, ClusterError, Discovery};
use crate::readiness::{condition, text};
use crate::sources::{Reference, source};
use crate::ui::printable;
use crate::view::{UNKNOWN, utc};

/// What to say of a reconciler that has not said anything yet.
const NOT_INITIALIZED: &str = "Not initialized";

/// Lines about an object, its reconciler, and the source of that.
pub(super) async fn of(
    cluster: &Cluster,
    discovery: &Discovery,
    object: &Object,
    reconciler: &Object,
) -> Result<String, ClusterError> {
    let reference = source(reconciler);
    let source = match &reference {
        Some(reference) => read(cluster, discovery, reference).await?,
        None => None,
    };
    // A chart knows its repository, which has the address.
    let repository = match source.as_ref().filter(|source| source.kind() == "HelmChart").and_then(self::source) {
        Some(reference) => read(cluster, discovery, &reference).await?,
        None => None,
    };
    let ready = condition(reconciler, "Ready");
    let mut report = Report::default();
    report.line("Object", &object.id().to_string());
    let since = ready.as_ref().and_then(|ready| ready.since.as_deref()).map_or_else(|| UNKNOWN.to_owned(), utc);
    let status = match ready.as_ref().map(|ready| ready.status.as_str()) {
        Some("False") => format!("Last reconciliation failed at {since}"),
        _ => format!("Last reconciled at {since}"),
    };
    report.line("Status", &status);
    let revision = ["/status/lastAppliedRevision", "/status/lastAttemptedRevision"];
    report.line("Revision", revision.into_iter().find_map(|path| text(reconciler, path)).unwrap_or(UNKNOWN));
    report.line("Reconciler", &reconciler.id().to_string());
    if let (Some(reference), Some(source)) = (&reference, &source) {
        report.line("Source", &reference.to_string());
        report.line("Source URL", address(repository.as_ref().unwrap_or(source)).unwrap_or(UNKNOWN));
        for (label, key) in [("Origin URL", "source"), ("Origin Revision", "revision")] {
            if let Some(origin) = text(source, &format!("/status/artifact/metadata/org.opencontainers.image.{key}")) {
                report.line(label, origin);
            }
        }
    }
    report.line("Message", ready.as_ref().map_or(NOT_INITIALIZED, |ready| &ready.message));
    Ok(report.text)
}

async fn read(cluster: &Cluster, discovery: &Discovery, reference: &Reference) -> Result<Option<Object>, ClusterError> {
    match reference.flux_kind().and_then(|kind| discovery.find(kind.group, kind.kind)) {
        Some(kind) => cluster.find(kind, &reference.namespace, &reference.name).await,
        None => Ok(None),
    }
}

fn address(source: &Object) -> Option<&str> {
    text(
        source,
        match source.kind() {
            "Bucket" => "/spec/endpoint",
            "ExternalArtifact" => "/status/artifact/url",
            _ => "/spec/url",
        },
    )
}

/// Labels, and what they are about 17 columns on.
#[derive(Default)]
struct Report {
    text: String,
}

impl Report {
    fn line(&mut self, label: &str, value: &str) {
        let label = format!("{label}:");
        let _ = writeln!(self.text, "{label:<17}{}", printable(value));
    }
}
