//! What a Helm release consists of, from where Helm keeps it.
//!
//! Releases of Flux before 2.8 have no inventory. Helm stores each version of a release in a Secret,
//! as base64 of gzip of JSON.

use std::io::Read as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::read::GzDecoder;
use flux_operator_api::{Object, ObjectId};
use flux_operator_builder::yaml::{Dialect, Limits, read_documents};
use kube::api::ListParams;
use serde_json::Value;

use crate::cluster::{Cluster, ClusterError, Scope, ServedKind};
use crate::readiness::text;

/// A stored release may have as much. Kubernetes limits Secrets to the same.
const MAX_ENCODED: usize = 1 << 20;

/// What is in it may have as much.
const MAX_DECODED: u64 = 32 << 20;

/// The objects of a release, and its CRDs where the release manages them.
pub(super) async fn inventory(cluster: &Cluster, release: &Object) -> Result<Vec<ObjectId>, ClusterError> {
    if release.pointer("/spec/kubeConfig").is_some() {
        return Ok(Vec::new());
    }
    let Some((namespace, secret)) = stored_in(release) else {
        return Ok(Vec::new());
    };
    let secrets = ServedKind::built_in("", "v1", "Secret", "secrets", true);
    let stored = cluster.find(&secrets, &namespace, &secret).await?;
    let target = text(release, "/spec/targetNamespace").or(release.namespace()).unwrap_or_default();
    let mut objects = stored.and_then(|stored| decoded(&stored, target)).unwrap_or_default();
    if text(release, "/spec/upgrade/crds").is_some() {
        objects.extend(definitions(cluster, release).await?);
    }
    Ok(objects)
}

/// Namespace and name of the Secret of the latest version. The name is that of the release, which
/// need not be that of its chart.
fn stored_in(release: &Object) -> Option<(String, String)> {
    let latest = release.pointer("/status/history/0")?;
    let name = latest.get("name")?.as_str()?;
    let version = latest.get("version")?.as_i64()?;
    let namespace = text(release, "/status/storageNamespace")?;
    Some((namespace.to_owned(), format!("sh.helm.release.v1.{name}.v{version}")))
}

fn decoded(secret: &Object, namespace: &str) -> Option<Vec<ObjectId>> {
    let data = secret.pointer("/data/release")?.as_str().filter(|data| data.len() <= 2 * MAX_ENCODED)?;
    // Once by Kubernetes, and once by Helm.
    let bytes = BASE64_STANDARD.decode(BASE64_STANDARD.decode(data).ok()?).ok()?;
    let json = if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut json = Vec::new();
        GzDecoder::new(bytes.as_slice()).take(MAX_DECODED).read_to_end(&mut json).ok()?;
        json
    } else {
        bytes
    };
    let release: Value = serde_json::from_slice(&json).ok()?;
    let manifest = release.get("manifest")?.as_str()?;
    let documents = read_documents(manifest, Dialect::Manifest, &Limits::DISTRIBUTION).ok()?;
    Some(documents.iter().filter_map(|document| identity(document, namespace)).collect())
}

/// The identity of an object in a manifest, where those of the release's namespace need not say so.
fn identity(document: &Value, namespace: &str) -> Option<ObjectId> {
    let api_version = document.get("apiVersion")?.as_str()?;
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let kind = document.get("kind")?.as_str()?;
    let name = document.pointer("/metadata/name")?.as_str()?;
    let own = document.pointer("/metadata/namespace").and_then(Value::as_str);
    let namespace = if is_cluster_scoped(group, kind) { "" } else { own.unwrap_or(namespace) };
    Some(ObjectId::new(group, kind, namespace, name))
}

/// Kinds that charts bring along and that live in no namespace.
fn is_cluster_scoped(group: &str, kind: &str) -> bool {
    let kinds: &[&str] = match group {
        "" => &["Namespace", "PersistentVolume", "Node"],
        "rbac.authorization.k8s.io" => &["ClusterRole", "ClusterRoleBinding"],
        "apiextensions.k8s.io" => &["CustomResourceDefinition"],
        "apiregistration.k8s.io" => &["APIService"],
        "storage.k8s.io" => &["StorageClass", "CSIDriver", "VolumeAttachment"],
        "scheduling.k8s.io" => &["PriorityClass"],
        "networking.k8s.io" => &["IngressClass"],
        "node.k8s.io" => &["RuntimeClass"],
        "policy" => &["PodSecurityPolicy"],
        "admissionregistration.k8s.io" => return true,
        _ => &[],
    };
    kinds.contains(&kind)
}

async fn definitions(cluster: &Cluster, release: &Object) -> Result<Vec<ObjectId>, ClusterError> {
    let kind = ServedKind::definitions();
    let (name, namespace) = (release.name(), release.namespace().unwrap_or_default());
    let selector = format!("helm.toolkit.fluxcd.io/name={name},helm.toolkit.fluxcd.io/namespace={namespace}");
    let listed = cluster.list_metadata(&kind, &Scope::All, &ListParams::default().labels(&selector)).await?;
    Ok(listed.objects.iter().map(Object::id).collect())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_stored_release_is_read() {
        let manifest = "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: web\n---\n\
                        apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: web\n";
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(json!({"manifest": manifest}).to_string().as_bytes()).unwrap();
        let data = BASE64_STANDARD.encode(BASE64_STANDARD.encode(gzip.finish().unwrap()));
        let secret =
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"release": data}});
        let objects = decoded(&Object::try_from(secret).unwrap(), "apps").unwrap();
        let ids: Vec<_> = objects.iter().map(ToString::to_string).collect();
        assert_eq!(ids, ["Service/apps/web", "ClusterRole/web"]);
    }

    #[test]
    fn the_secret_has_the_name_of_the_release() {
        let status = json!({"storageNamespace": "store", "history": [
            {"name": "my-web", "chartName": "web", "version": 7}, {"name": "my-web", "version": 6},
        ]});
        let release = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
                             "metadata": {"name": "web", "namespace": "apps"}, "status": status});
        let expected = ("store".to_owned(), "sh.helm.release.v1.my-web.v7".to_owned());
        assert_eq!(stored_in(&Object::try_from(release).unwrap()), Some(expected));
    }
}
