//! The Secret as an object, printed or applied.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use kube::api::{DeleteParams, Patch};
use serde_json::{Map, Value, json};

use super::material::Material;
use super::metadata::{Common, Metadata};
use crate::cluster::{Cluster, ServedKind};
use crate::error::Failure;
use crate::readiness::text;

/// The Secret with its values for all to read.
#[expect(clippy::indexing_slicing, reason = "fields of an object of our own")]
pub(super) fn exported(common: &Common, metadata: Metadata, material: &Material, namespace: &str) -> Value {
    let values: Map<_, _> = material.values.iter().map(|(key, value)| (key.clone(), value.reveal().into())).collect();
    let mut secret = skeleton(common, metadata, material, namespace);
    secret["stringData"] = values.into();
    if common.immutable {
        secret["immutable"] = true.into();
    }
    secret
}

/// Puts the Secret into the cluster. One that cannot be changed to what it shall be is replaced.
pub(super) async fn apply(
    cluster: &Cluster,
    common: &Common,
    metadata: Metadata,
    material: &Material,
) -> Result<(), Failure> {
    let secret = skeleton(common, metadata, material, cluster.namespace());
    put(cluster, &common.name, secret, common.immutable, material).await?;
    cluster.story.done(format_args!("Secret {}/{} applied successfully", cluster.namespace(), common.name));
    Ok(())
}

/// Puts a Secret of this name into the cluster.
pub(crate) async fn apply_named(cluster: &Cluster, name: &str, material: &Material) -> Result<(), Failure> {
    let metadata = json!({"name": name, "namespace": cluster.namespace()});
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": material.r#type});
    put(cluster, name, secret, false, material).await
}

#[expect(clippy::indexing_slicing, reason = "fields of an object of our own")]
async fn put(
    cluster: &Cluster,
    name: &str,
    mut secret: Value,
    immutable: bool,
    material: &Material,
) -> Result<(), Failure> {
    let (kind, namespace) = (ServedKind::built_in("", "v1", "Secret", "secrets", true), cluster.namespace());
    let encoded = |value: &str| Value::from(BASE64_STANDARD.encode(value));
    let values: Map<_, _> = material.values.iter().map(|(key, value)| (key.clone(), encoded(value.reveal()))).collect();
    secret["data"] = values.into();
    secret["immutable"] = immutable.into();
    if let Some(live) = cluster.find(&kind, namespace, name).await? {
        let is_immutable = live.get("immutable") == Some(&Value::Bool(true));
        if is_immutable || text(&live, "/type") != Some(material.r#type) {
            cluster.delete(&kind, namespace, name, &DeleteParams::default()).await?;
        }
    }
    cluster.patch(&kind, namespace, name, &Patch::Apply(secret)).await?;
    Ok(())
}

fn skeleton(common: &Common, metadata: Metadata, material: &Material, namespace: &str) -> Value {
    let mut fields = Map::new();
    fields.insert("name".to_owned(), common.name.as_str().into());
    fields.insert("namespace".to_owned(), namespace.into());
    for (field, entries) in [("labels", metadata.labels), ("annotations", metadata.annotations)] {
        if !entries.is_empty() {
            fields.insert(field.to_owned(), entries.into());
        }
    }
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": fields, "type": material.r#type})
}
