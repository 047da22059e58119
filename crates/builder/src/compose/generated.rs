//! The objects that no distribution has: namespace, volume claim, source and Kustomization.

use flux_operator_api::{NotAnObject, Object, SyncKind, annotations};
use serde_json::{Map, Value, json};

use crate::plan::{InstancePlan, StoragePlan, SyncPlan};
use crate::support;
use crate::version::ReleaseVersion;

/// The name of the volume claim, and of the controller that uses it.
pub(crate) const VOLUME_CLAIM: &str = "source-controller";

/// How often the Kustomization of the sync reconciles.
const KUSTOMIZATION_INTERVAL: &str = "10m0s";

/// The namespace, which is kept when everything in it is removed.
pub(super) fn namespace(plan: &InstancePlan) -> Result<Object, NotAnObject> {
    Object::try_from(json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": plan.namespace,
            "labels": {
                "pod-security.kubernetes.io/warn": "restricted",
                "pod-security.kubernetes.io/warn-version": "latest",
            },
            "annotations": { annotations::PRUNE: annotations::DISABLED },
        },
    }))
}

/// The volume claim of source-controller.
pub(super) fn volume_claim(storage: &StoragePlan) -> Result<Object, NotAnObject> {
    Object::try_from(json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": { "name": VOLUME_CLAIM },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": storage.class,
            "resources": { "requests": { "storage": storage.size } },
        },
    }))
}

/// The source and the Kustomization that applies it.
pub(super) fn sync(sync: &SyncPlan, plan: &InstancePlan, version: &ReleaseVersion) -> Result<[Object; 2], NotAnObject> {
    let metadata = json!({ "name": sync.name, "namespace": plan.namespace });
    let mut spec = Map::new();
    let mut set = |field: &str, value: Value| spec.insert(field.to_owned(), value);
    set("interval", sync.interval.to_string().into());
    match sync.kind {
        SyncKind::GitRepository => {
            set("url", sync.url.as_str().into());
            set("ref", json!({ "name": sync.reference }));
        }
        SyncKind::OciRepository => {
            set("url", sync.url.as_str().into());
            set("ref", json!({ "tag": sync.reference }));
        }
        SyncKind::Bucket => {
            set("endpoint", sync.url.as_str().into());
            set("bucketName", sync.reference.as_str().into());
        }
    }
    if let Some(secret) = &sync.pull_secret {
        set("secretRef", json!({ "name": secret }));
    }
    if let Some(provider) = sync.provider {
        set("provider", provider.as_str().into());
    }
    let source = json!({
        "apiVersion": support::source_api_version(sync.kind, version),
        "kind": sync.kind.as_str(),
        "metadata": metadata,
        "spec": spec,
    });
    let kustomization = json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": metadata,
        "spec": {
            "interval": KUSTOMIZATION_INTERVAL,
            "path": sync.path,
            "prune": true,
            "sourceRef": { "kind": sync.kind.as_str(), "name": sync.name },
        },
    });
    Ok([Object::try_from(source)?, Object::try_from(kustomization)?])
}
