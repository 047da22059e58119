//! What is kept of an object of Flux: what the report and `flux_resource_info` say about it.

use flux_operator_api::{ConditionStatus, annotations, identity};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::{ApiResource, DynamicResourceScope, Resource as KubeResource};
use serde::Deserialize;
use serde_json::Value;

use super::definition::Family;
use super::observed::Key;

/// An object of Flux. A field that the kind does not have is empty, which costs no memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) uid: Box<str>,
    pub(crate) is_suspended: bool,
    /// Whether the kind has nothing to become ready for, whatever an old condition says.
    pub(crate) is_static: bool,
    pub(crate) ready: Option<Readiness>,
    pub(crate) revision: Box<str>,
    pub(crate) url: Box<str>,
    pub(crate) reference: Box<str>,
    pub(crate) source_kind: Box<str>,
    pub(crate) source_name: Box<str>,
    pub(crate) path: Box<str>,
    /// The name of the sync that a FluxInstance asks for.
    pub(crate) sync_name: Box<str>,
    /// Bytes of its artifact.
    pub(crate) size: u64,
}

/// The `Ready` condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Readiness {
    pub(crate) status: ConditionStatus,
    pub(crate) reason: Box<str>,
    /// Empty except for what may be the sync of the cluster: messages are what is long.
    pub(crate) message: Box<str>,
}

impl Resource {
    /// What is kept of an object of a kind. Messages are kept in `namespace` only.
    pub(super) fn of(family: Family, kind: &str, object: &Trimmed, namespace: &str) -> Self {
        let Trimmed { metadata, spec, status } = object;
        let is_flux = family == Family::Flux;
        let may_be_sync = metadata.namespace.as_deref() == Some(namespace)
            && matches!(kind, "Kustomization" | "GitRepository" | "OCIRepository" | "Bucket" | "ExternalArtifact");
        let attempted = boxed(&status.last_attempted_revision, "");
        Self {
            uid: metadata.uid.as_deref().unwrap_or_default().into(),
            is_suspended: if is_flux { spec.suspend == Value::Bool(true) } else { is_disabled(metadata) },
            is_static: matches!(kind, "Alert" | "Provider") || (kind == "HelmRepository" && spec.r#type == "oci"),
            ready: ready(&status.conditions, may_be_sync),
            revision: if attempted.is_empty() { boxed(&status.artifact, "/revision") } else { attempted },
            url: match kind {
                "Bucket" => boxed(&spec.endpoint, ""),
                "Receiver" => boxed(&status.webhook_path, ""),
                "ImageRepository" => boxed(&spec.image, ""),
                _ => boxed(&spec.url, ""),
            },
            reference: match kind {
                "GitRepository" => last(&spec.r#ref, &["/branch", "/tag", "/semver", "/name"]),
                "OCIRepository" => last(&spec.r#ref, &["/tag", "/semver"]),
                "Bucket" => boxed(&spec.bucket_name, ""),
                _ => Box::default(),
            },
            source_kind: if may_be_sync { boxed(&spec.source_ref, "/kind") } else { Box::default() },
            source_name: match kind {
                "HelmRelease" => {
                    let of_chart = boxed(&spec.chart, "/spec/sourceRef/name");
                    if of_chart.is_empty() { boxed(&spec.chart_ref, "/name") } else { of_chart }
                }
                "ImagePolicy" => boxed(&spec.image_repository_ref, "/name"),
                _ => boxed(&spec.source_ref, "/name"),
            },
            path: if kind == "Kustomization" { boxed(&spec.path, "") } else { Box::default() },
            sync_name: if kind == identity::KIND { boxed(&spec.sync, "/name") } else { Box::default() },
            size: status.artifact.pointer("/size").and_then(Value::as_u64).filter(|_| is_flux).unwrap_or_default(),
        }
    }

    /// Whether it is reconciled in vain.
    pub(super) fn is_failing(&self) -> bool {
        let fails =
            |ready: &Readiness| ready.status == ConditionStatus::False && &*ready.reason != "DependencyNotReady";
        !self.is_suspended && self.ready.as_ref().is_some_and(fails)
    }
}

/// Operator kinds are switched off by an annotation, or by a label of the same name.
fn is_disabled(metadata: &ObjectMeta) -> bool {
    [&metadata.annotations, &metadata.labels]
        .into_iter()
        .flatten()
        .filter_map(|texts| texts.get(annotations::RECONCILE))
        .any(|value| annotations::is_disabled(value))
}

fn ready(conditions: &Value, with_message: bool) -> Option<Readiness> {
    let text = |condition: &Value, field: &str| condition.get(field).map(|value| boxed(value, "")).unwrap_or_default();
    let ready = conditions.as_array()?.iter().find(|condition| &*text(condition, "type") == "Ready")?;
    Some(Readiness {
        status: text(ready, "status").parse().unwrap_or(ConditionStatus::Unknown),
        reason: text(ready, "reason"),
        message: if with_message { text(ready, "message") } else { Box::default() },
    })
}

fn boxed(value: &Value, pointer: &str) -> Box<str> {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().into()
}

/// The last of several fields that says something.
fn last(value: &Value, pointers: &[&str]) -> Box<str> {
    let texts = pointers.iter().rev().filter_map(|pointer| value.pointer(pointer)?.as_str());
    texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default().into()
}

/// An object as it is decoded: without what nobody asks for, above all managed fields.
///
/// The fields that are read may hold anything: one with a value of another type than expected must
/// not end the watch of a kind.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "Wire")]
pub(crate) struct Trimmed {
    metadata: ObjectMeta,
    spec: Spec,
    status: Status,
}

impl Trimmed {
    /// Where the object is.
    pub(super) fn key(&self) -> Key {
        Key::of(&self.metadata)
    }
}

#[derive(Deserialize)]
struct Wire {
    metadata: WireMetadata,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireMetadata {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    labels: Option<std::collections::BTreeMap<String, String>>,
    annotations: Option<std::collections::BTreeMap<String, String>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    suspend: Value,
    url: Value,
    path: Value,
    r#ref: Value,
    r#type: Value,
    endpoint: Value,
    bucket_name: Value,
    source_ref: Value,
    chart: Value,
    chart_ref: Value,
    image: Value,
    image_repository_ref: Value,
    sync: Value,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    conditions: Value,
    artifact: Value,
    last_attempted_revision: Value,
    webhook_path: Value,
}

impl From<Wire> for Trimmed {
    fn from(wire: Wire) -> Self {
        let WireMetadata { name, namespace, uid, resource_version, labels, annotations } = wire.metadata;
        let metadata =
            ObjectMeta { name, namespace, uid, resource_version, labels, annotations, ..ObjectMeta::default() };
        Self { metadata, spec: wire.spec, status: wire.status }
    }
}

impl KubeResource for Trimmed {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(resource: &ApiResource) -> std::borrow::Cow<'_, str> {
        resource.kind.as_str().into()
    }

    fn group(resource: &ApiResource) -> std::borrow::Cow<'_, str> {
        resource.group.as_str().into()
    }

    fn version(resource: &ApiResource) -> std::borrow::Cow<'_, str> {
        resource.version.as_str().into()
    }

    fn api_version(resource: &ApiResource) -> std::borrow::Cow<'_, str> {
        resource.api_version.as_str().into()
    }

    fn plural(resource: &ApiResource) -> std::borrow::Cow<'_, str> {
        resource.plural.as_str().into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn resource(kind: &str, object: Value) -> Resource {
        let family = if kind == "FluxInstance" { Family::Operator } else { Family::Flux };
        Resource::of(family, kind, &serde_json::from_value(object).unwrap(), "flux-system")
    }

    /// Reference, source, address and path, from a spec.
    #[track_caller]
    fn check(kind: &str, spec: &Value, expected: [&str; 4]) {
        let found = resource(kind, json!({"metadata": {"name": "a"}, "spec": spec}));
        let found = [&*found.reference, &*found.source_name, &*found.url, &*found.path];
        assert_eq!(found, expected, "{kind}");
    }

    #[test]
    fn each_kind_says_where_it_comes_from_in_its_own_way() {
        check("Kustomization", &json!({"path": "./p", "sourceRef": {"name": "s"}}), ["", "s", "", "./p"]);
        check("GitRepository", &json!({"url": "u", "ref": {"branch": "b", "tag": "t"}}), ["t", "", "u", ""]);
        check(
            "GitRepository",
            &json!({"url": "u", "ref": {"branch": "b", "name": "n", "tag": ""}}),
            ["n", "", "u", ""],
        );
        check("OCIRepository", &json!({"url": "u", "ref": {"tag": "t", "semver": "1.x"}}), ["1.x", "", "u", ""]);
        check("OCIRepository", &json!({"url": "u", "ref": {"digest": "d"}}), ["", "", "u", ""]);
        check("Bucket", &json!({"endpoint": "e", "bucketName": "b"}), ["b", "", "e", ""]);
        check("HelmRelease", &json!({"chartRef": {"name": "c"}}), ["", "c", "", ""]);
        let chart = json!({"chart": {"spec": {"sourceRef": {"name": "s"}}}, "chartRef": {"name": "c"}});
        check("HelmRelease", &chart, ["", "s", "", ""]);
        check("HelmChart", &json!({"sourceRef": {"name": "s"}}), ["", "s", "", ""]);
        check("ImageRepository", &json!({"image": "i"}), ["", "", "i", ""]);
        check("ImagePolicy", &json!({"imageRepositoryRef": {"name": "r"}}), ["", "r", "", ""]);
        check("Novelty", &json!({"url": {"of": "another type"}, "path": "p"}), ["", "", "", ""]);
    }

    #[test]
    fn the_revision_is_the_one_attempted_or_that_of_the_artifact() {
        let revision = |status: Value| resource("A", json!({"metadata": {}, "status": status})).revision;
        assert_eq!(&*revision(json!({"artifact": {"revision": "a", "size": 3}})), "a");
        assert_eq!(&*revision(json!({"artifact": {"revision": "a"}, "lastAttemptedRevision": "b"})), "b");
        assert_eq!(&*revision(json!({})), "");
    }

    #[test]
    fn flux_is_suspended_by_its_spec_and_the_operator_by_a_switch() {
        let switched = |metadata: Value| json!({"metadata": metadata, "spec": {"suspend": true}});
        let off = json!({"fluxcd.controlplane.io/reconcile": "Disabled"});
        assert!(resource("Kustomization", switched(json!({}))).is_suspended);
        assert!(!resource("FluxInstance", switched(json!({}))).is_suspended);
        assert!(resource("FluxInstance", switched(json!({"annotations": off}))).is_suspended);
        assert!(resource("FluxInstance", switched(json!({"labels": off}))).is_suspended);
    }

    #[test]
    fn what_waits_for_a_dependency_does_not_fail() {
        let failing = |status: &str, reason: &str, suspend: bool| {
            let ready = json!({"type": "Ready", "status": status, "reason": reason, "message": "m"});
            let status = json!({"conditions": [{"type": "Other", "status": "False"}, ready]});
            resource("A", json!({"metadata": {}, "spec": {"suspend": suspend}, "status": status})).is_failing()
        };
        assert!(failing("False", "BuildFailed", false));
        assert!(!failing("False", "DependencyNotReady", false));
        assert!(!failing("False", "BuildFailed", true));
        assert!(!failing("Unknown", "Progressing", false));
        assert!(!resource("A", json!({"metadata": {}})).is_failing());
    }

    #[test]
    fn messages_are_kept_of_what_may_be_the_sync() {
        let message = |kind: &str, namespace: &str| {
            let status = json!({"conditions": [{"type": "Ready", "status": "True", "message": "m"}]});
            let object = json!({"metadata": {"namespace": namespace}, "status": status});
            resource(kind, object).ready.unwrap().message.to_string()
        };
        assert_eq!(message("Kustomization", "flux-system"), "m");
        assert_eq!(message("Kustomization", "apps"), "");
        assert_eq!(message("HelmRelease", "flux-system"), "");
    }
}
