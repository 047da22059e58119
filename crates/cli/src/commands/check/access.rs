//! Whether whoever asks may install the operator.

use futures::StreamExt as _;
use http::Request;
use serde_json::{Value, json};

use super::Report;
use crate::cluster::{Cluster, ClusterError, WINDOW};
use crate::error::Failure;

/// What an installation creates: group, resource, and whether it is in a namespace.
const NEEDED: [(&str, &str, bool); 6] = [
    ("", "namespaces", false),
    ("apiextensions.k8s.io", "customresourcedefinitions", false),
    ("rbac.authorization.k8s.io", "clusterroles", false),
    ("rbac.authorization.k8s.io", "clusterrolebindings", false),
    ("apps", "deployments", true),
    ("fluxcd.controlplane.io", "fluxinstances", true),
];

/// Where the operator is installed.
const NAMESPACE: &str = "flux-system";

pub(super) async fn check(cluster: &Cluster, report: &mut Report) -> Result<(), Failure> {
    let reviews = NEEDED.iter().map(|(group, resource, is_namespaced)| may(cluster, group, resource, *is_namespaced));
    let results: Vec<_> = futures::stream::iter(reviews).buffered(WINDOW).collect().await;
    let mut refused = Vec::new();
    for ((_, resource, _), allowed) in NEEDED.iter().zip(results) {
        if !allowed? {
            refused.push(format!("`{resource}`"));
        }
    }
    let bad = format!("permissions to create {} are missing", refused.join(", "));
    report.judge(refused.is_empty(), "permissions to install the operator", &bad);
    Ok(())
}

#[expect(clippy::indexing_slicing, reason = "fields of an object of our own")]
async fn may(cluster: &Cluster, group: &str, resource: &str, is_namespaced: bool) -> Result<bool, ClusterError> {
    let mut attributes = json!({"group": group, "resource": resource, "verb": "create"});
    if is_namespaced {
        attributes["namespace"] = NAMESPACE.into();
    }
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    });
    let request = Request::post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(review.to_string().into_bytes());
    let answer: Value = cluster.ask("ask for permissions", request.unwrap_or_default()).await?;
    Ok(answer.pointer("/status/allowed") == Some(&Value::Bool(true)))
}
