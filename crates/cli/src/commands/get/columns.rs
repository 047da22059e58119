//! What the lists of Flux's kinds show, column by column.

use flux_operator_api::Object;
use serde_json::Value;

use crate::kinds::FluxKind;
use crate::readiness::{condition, is_suspended, text};
use crate::sources;
use crate::view;

/// A column of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// What the object gets its manifests from.
    Source,
    /// What was applied or fetched.
    Revision,
    Suspended,
    Ready,
    Message,
    LastScan,
    Image,
    Tag,
    LastRun,
}

/// The columns of a kind, behind the name.
pub(super) fn of(kind: &FluxKind, with_source: bool) -> &'static [Column] {
    use Column::{Image, LastRun, LastScan, Message, Ready, Revision, Source, Suspended, Tag};
    match kind.kind {
        "Kustomization" | "HelmRelease" if with_source => &[Source, Revision, Suspended, Ready, Message],
        "ExternalArtifact" => &[Revision, Source, Ready, Message],
        "ImageRepository" => &[LastScan, Suspended, Ready, Message],
        "ImagePolicy" => &[Image, Tag, Ready, Message],
        "ImageUpdateAutomation" => &[LastRun, Suspended, Ready, Message],
        "Provider" => &[Ready, Message],
        "Receiver" | "Alert" | "ArtifactGenerator" => &[Suspended, Ready, Message],
        _ => &[Revision, Suspended, Ready, Message],
    }
}

impl Column {
    pub(super) fn header(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Revision => "revision",
            Self::Suspended => "suspended",
            Self::Ready => "ready",
            Self::Message => "message",
            Self::LastScan => "last scan",
            Self::Image => "image",
            Self::Tag => "tag",
            Self::LastRun => "last run",
        }
    }

    pub(super) fn cell(self, object: &Object) -> String {
        let told = |pointers: &[&str]| {
            let found = pointers.iter().find_map(|pointer| text(object, pointer));
            found.unwrap_or_default().to_owned()
        };
        match self {
            Self::Source => sources::source(object).map(|source| source.to_string()).unwrap_or_default(),
            Self::Revision if object.kind() == "HelmRelease" => newest_chart(object),
            Self::Revision => view::abbreviated(&told(&["/status/lastAppliedRevision", "/status/artifact/revision"])),
            Self::Suspended => if is_suspended(object) { "True" } else { "False" }.to_owned(),
            Self::Ready => readiness(object).0,
            Self::Message => readiness(object).1,
            Self::LastScan => view::utc(&told(&["/status/lastScanResult/scanTime"])),
            Self::Image => match text(object, "/status/latestRef/name") {
                Some(name) => name.to_owned(),
                None => latest_image(object).0,
            },
            Self::Tag => match text(object, "/status/latestRef/tag") {
                Some(tag) => tag.to_owned(),
                None => latest_image(object).1,
            },
            Self::LastRun => view::utc(&told(&["/status/lastAutomationRunTime"])),
        }
    }
}

/// READY and MESSAGE. Some objects have nothing to be ready for: they are settings.
fn readiness(object: &Object) -> (String, String) {
    let settings = match object.kind() {
        "Alert" => Some("Alert is Ready"),
        "Provider" => Some("Provider is Ready"),
        "HelmRepository" if sources::is_static(object) => Some("Helm repository is Ready"),
        _ => None,
    };
    match (condition(object, "Ready"), settings) {
        (_, Some(message)) => ("True".to_owned(), message.to_owned()),
        (Some(ready), None) => (ready.status, view::abbreviated(&ready.message)),
        (None, None) => ("False".to_owned(), "waiting to be reconciled".to_owned()),
    }
}

/// The version of the chart that was installed last.
fn newest_chart(object: &Object) -> String {
    let history = object.pointer("/status/history").and_then(Value::as_array);
    let newest = history.into_iter().flatten().max_by_key(|release| release.get("version").and_then(Value::as_i64));
    let version = newest.and_then(|release| release.get("chartVersion")?.as_str());
    version.or_else(|| text(object, "/status/lastAppliedRevision")).unwrap_or_default().to_owned()
}

/// Image and tag as earlier versions of the API have them.
fn latest_image(object: &Object) -> (String, String) {
    let latest = text(object, "/status/latestImage").unwrap_or_default();
    match latest.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')) {
        Some((image, tag)) => (image.to_owned(), tag.to_owned()),
        None => (latest.to_owned(), String::new()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::CATALOGUE;

    /// The cells of an object of a kind, sources included.
    #[track_caller]
    fn check(kind: &str, spec: &Value, status: &Value, expected: &[&str]) {
        let known = FluxKind::called(kind).unwrap();
        let metadata = json!({"name": "a", "namespace": "n"});
        let api_version = format!("{}/v1", known.group);
        let object =
            json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec, "status": status});
        let object = Object::try_from(object).unwrap();
        let cells: Vec<_> = of(known, true).iter().map(|column| column.cell(&object)).collect();
        assert_eq!(cells, expected, "{kind}");
    }

    #[test]
    fn every_kind_shows_what_matters_of_it() {
        let ready = json!([{"type": "Ready", "status": "True", "message": "done"}]);
        let hash = "0123456789abcdef0123456789abcdef01234567";
        let git = json!({"kind": "GitRepository", "name": "g"});
        check(
            "Kustomization",
            &json!({"sourceRef": git, "suspend": true}),
            &json!({"conditions": [{"type": "Ready", "status": "False", "message": format!("at main@sha1:{hash}")}],
                   "lastAppliedRevision": format!("main@sha1:{hash}")}),
            &["GitRepository/n/g", "main@sha1:01234567", "True", "False", "at main@sha1:01234567"],
        );
        let history = json!([{"version": 1, "chartVersion": "1.0.0"}, {"version": 2, "chartVersion": "1.1.0"}]);
        check(
            "HelmRelease",
            &json!({"chartRef": {"kind": "OCIRepository", "name": "o"}}),
            &json!({"conditions": ready, "history": history}),
            &["OCIRepository/n/o", "1.1.0", "False", "True", "done"],
        );
        check("GitRepository", &json!({}), &json!({}), &["", "False", "False", "waiting to be reconciled"]);
        check(
            "HelmRepository",
            &json!({"type": "oci"}),
            &json!({}),
            &["", "False", "True", "Helm repository is Ready"],
        );
        let artifact = json!({"conditions": ready, "artifact": {"revision": "latest"}});
        check(
            "ExternalArtifact",
            &json!({"sourceRef": git}),
            &artifact,
            &["latest", "GitRepository/n/g", "True", "done"],
        );
        let scanned = json!({"conditions": ready, "lastScanResult": {"scanTime": "2026-08-01T11:12:44+02:00"}});
        check("ImageRepository", &json!({}), &scanned, &["2026-08-01T09:12:44Z", "False", "True", "done"]);
        let latest = json!({"conditions": ready, "latestRef": {"name": "ghcr.io/a", "tag": "v2"}});
        check("ImagePolicy", &json!({}), &latest, &["ghcr.io/a", "v2", "True", "done"]);
        let earlier = json!({"conditions": ready, "latestImage": "localhost:5000/a:v2"});
        check("ImagePolicy", &json!({}), &earlier, &["localhost:5000/a", "v2", "True", "done"]);
        let run = json!({"conditions": ready, "lastAutomationRunTime": "2026-08-01T09:12:44Z"});
        check("ImageUpdateAutomation", &json!({}), &run, &["2026-08-01T09:12:44Z", "False", "True", "done"]);
        check("Alert", &json!({"suspend": true}), &json!({}), &["True", "True", "Alert is Ready"]);
        check("Provider", &json!({}), &json!({}), &["True", "Provider is Ready"]);
    }

    #[test]
    fn message_is_always_last() {
        for kind in &CATALOGUE {
            assert_eq!(of(kind, false).last(), Some(&Column::Message));
        }
    }
}
