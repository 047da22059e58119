//! A Kubernetes event, as it is created and as it is changed.

use flux_operator_api::FIELD_MANAGER;
use k8s_openapi::api::core::v1::{Event as Record, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::ObjectMeta;
use serde_json::{Value, json};

use super::correlate::Sighting;
use super::{Occurrence, Subject};

/// The name of an event: its subject, and a number that tells it from others. The form that `kubectl` users know.
pub(super) fn name(subject: &Subject, sighting: &Sighting) -> String {
    format!("{}.{:x}", subject.name, sighting.id)
}

/// The event as it is created.
pub(super) fn create(occurrence: &Occurrence, sighting: &Sighting, host: &str) -> Record {
    let Occurrence { subject, event, .. } = occurrence;
    let annotations = (!event.annotations.is_empty()).then(|| event.annotations.clone());
    Record {
        metadata: ObjectMeta {
            name: Some(name(subject, sighting)),
            namespace: Some(subject.namespace.clone()),
            annotations,
            ..ObjectMeta::default()
        },
        involved_object: ObjectReference {
            api_version: Some(Subject::API_VERSION.to_owned()),
            kind: Some(Subject::KIND.to_owned()),
            name: Some(subject.name.clone()),
            namespace: Some(subject.namespace.clone()),
            uid: Some(subject.uid.clone()),
            resource_version: Some(subject.resource_version.clone()),
            field_path: None,
        },
        type_: Some(event.severity.as_str().to_owned()),
        reason: Some(event.reason.to_string()),
        message: Some(sighting.message.clone()),
        count: Some(sighting.count),
        first_timestamp: Some(Time(sighting.first)),
        last_timestamp: Some(Time(sighting.last)),
        source: Some(EventSource { component: Some(FIELD_MANAGER.to_owned()), host: None }),
        reporting_component: Some(FIELD_MANAGER.to_owned()),
        reporting_instance: Some(host.to_owned()),
        ..Record::default()
    }
}

/// What changes of the event when it comes again: a merge patch. Annotations are those of the last time.
pub(super) fn update(occurrence: &Occurrence, sighting: &Sighting) -> Value {
    let annotations = Some(&occurrence.event.annotations).filter(|annotations| !annotations.is_empty());
    let mut patch =
        json!({ "count": sighting.count, "lastTimestamp": Time(sighting.last), "message": sighting.message });
    if let (Some(annotations), Some(fields)) = (annotations, patch.as_object_mut()) {
        fields.insert("metadata".to_owned(), json!({ "annotations": annotations }));
    }
    patch
}

#[cfg(test)]
mod tests {
    use flux_operator_api::Reason;

    use super::super::Event;
    use super::super::tests::{at, subject};
    use super::*;

    fn sighting() -> Sighting {
        let (first, last) = (at(0), at(90));
        Sighting { id: 0x18b4_2d02_c3a1_f001, message: "Flux v2.8.3 installed".to_owned(), count: 3, first, last }
    }

    #[test]
    fn an_event_is_written_as_kubernetes_has_it() {
        let event = Event::normal(Reason::ReconciliationSucceeded, "Flux v2.8.3 installed").about("v2.8.3@sha256:abc");
        let occurrence = Occurrence { subject: subject(), event, at: at(90) };
        let expected = json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": "flux.18b42d02c3a1f001",
                "namespace": "flux-system",
                "annotations": { "fluxcd.controlplane.io/revision": "v2.8.3@sha256:abc" },
            },
            "involvedObject": {
                "apiVersion": "fluxcd.controlplane.io/v1",
                "kind": "FluxInstance",
                "name": "flux",
                "namespace": "flux-system",
                "uid": "u-1",
                "resourceVersion": "7",
            },
            "type": "Normal",
            "reason": "ReconciliationSucceeded",
            "message": "Flux v2.8.3 installed",
            "count": 3,
            "firstTimestamp": "2026-11-22T10:00:00Z",
            "lastTimestamp": "2026-11-22T10:01:30Z",
            "source": { "component": "flux-operator" },
            "reportingComponent": "flux-operator",
            "reportingInstance": "flux-operator-0",
        });
        assert_eq!(serde_json::to_value(create(&occurrence, &sighting(), "flux-operator-0")).unwrap(), expected);
    }

    #[test]
    fn what_comes_again_changes_little() {
        let event = Event::warning(Reason::BuildFailed, "");
        let mut occurrence = Occurrence { subject: subject(), event, at: at(90) };
        let mut expected =
            json!({ "count": 3, "lastTimestamp": "2026-11-22T10:01:30Z", "message": "Flux v2.8.3 installed" });
        assert_eq!(update(&occurrence, &sighting()), expected);

        occurrence.event.annotations.insert("k".to_owned(), "v".to_owned());
        expected["metadata"] = json!({ "annotations": { "k": "v" } });
        assert_eq!(update(&occurrence, &sighting()), expected);
    }
}
