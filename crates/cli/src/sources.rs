//! Where an object of Flux gets what it applies from.

use flux_operator_api::Object;
use serde_json::Value;

use crate::kinds::FluxKind;
use crate::readiness::text;

/// A reference to another object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reference {
    pub(crate) kind: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Reference {
    /// The kind, where it is one of Flux.
    pub(crate) fn flux_kind(&self) -> Option<&'static FluxKind> {
        FluxKind::called(&self.kind).ok()
    }

    fn read(value: &Value, object: &Object) -> Option<Self> {
        let text = |field: &str| value.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
        let namespace = text("namespace").or(object.namespace()).unwrap_or_default();
        Some(Self { kind: text("kind")?.to_owned(), namespace: namespace.to_owned(), name: text("name")?.to_owned() })
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.kind, self.namespace, self.name)
    }
}

/// What an object names as its source: of a Kustomization, of a HelmRelease, of a chart, of an
/// automation.
pub(crate) fn source(object: &Object) -> Option<Reference> {
    let paths = ["/spec/sourceRef", "/spec/chartRef", "/spec/chart/spec/sourceRef"];
    paths.into_iter().find_map(|path| Reference::read(object.pointer(path)?, object))
}

/// What has to be fetched anew before an object is reconciled, in this order: its source, and of a
/// HelmRelease the chart that was made for it.
pub(crate) fn sources(object: &Object) -> Vec<Reference> {
    let chart = text(object, "/status/helmChart").and_then(|chart| chart.split_once('/'));
    let chart = chart.filter(|_| object.pointer("/spec/chart").is_some()).map(|(namespace, name)| Reference {
        kind: "HelmChart".to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    });
    source(object).into_iter().chain(chart).collect()
}

/// Whether nobody reconciles the object, because its use needs no fetching: a Helm repository in an
/// OCI registry.
pub(crate) fn is_static(object: &Object) -> bool {
    object.kind() == "HelmRepository" && text(object, "/spec/type") == Some("oci")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sources_are_found_where_each_kind_has_them() {
        let check = |spec: Value, status: Value, expected: &[&str]| {
            let metadata = json!({"name": "a", "namespace": "apps"});
            let object =
                json!({"apiVersion": "x/v1", "kind": "X", "metadata": metadata, "spec": spec, "status": status});
            let found = sources(&Object::try_from(object).unwrap());
            assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
        };
        let git = json!({"kind": "GitRepository", "name": "g"});
        check(json!({"sourceRef": git}), json!({}), &["GitRepository/apps/g"]);
        check(
            json!({"chartRef": {"kind": "OCIRepository", "name": "o", "namespace": "x"}}),
            json!({}),
            &["OCIRepository/x/o"],
        );
        check(
            json!({"chart": {"spec": {"sourceRef": {"kind": "HelmRepository", "name": "h"}}}}),
            json!({"helmChart": "apps/apps-a"}),
            &["HelmRepository/apps/h", "HelmChart/apps/apps-a"],
        );
        check(json!({}), json!({}), &[]);
    }
}
