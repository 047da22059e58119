//! Where objects of a kind are: the path of their API, and whether they live in namespaces.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use flux_operator_api::{Object, ObjectId};
use http::Request;
use k8s_openapi::api::{
    admissionregistration::v1 as admission, apps::v1 as apps, autoscaling::v2 as autoscaling, batch::v1 as batch,
    coordination::v1 as coordination, core::v1 as core, networking::v1 as networking, policy::v1 as policy,
    rbac::v1 as rbac, scheduling::v1 as scheduling, storage::v1 as storage,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as extensions;
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind, Resource};
use serde_json::Value;

use super::request::{Connection, RequestError};
use crate::record::Entry;

/// A kind, and where its objects are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) resource: ApiResource,
    pub(crate) is_namespaced: bool,
}

/// A kind that cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum KindError {
    /// The API server does not have it.
    #[error("the cluster has no kind `{kind}` in `{api_version}`; install the CRD first")]
    Unknown {
        /// The API version, such as `apps/v1`.
        api_version: String,
        /// The kind.
        kind: String,
    },
    /// The API server could not be asked.
    #[error(transparent)]
    Request(#[from] RequestError),
}

/// The kinds that are known so far.
///
/// What Kubernetes itself has is known from the start, and what a CRD defines from the CRD, so that
/// an installation of Flux needs no discovery. For anything else the API server is asked, once for
/// each group and version.
pub(crate) struct Kinds {
    known: Mutex<BTreeMap<(String, String), Kind>>,
}

impl Kind {
    /// The path of the API for the kind's objects, in a namespace or in all of them.
    pub(crate) fn path(&self, namespace: Option<&str>) -> String {
        let namespace = namespace.filter(|namespace| self.is_namespaced && !namespace.is_empty());
        DynamicObject::url_path(&self.resource, namespace)
    }

    /// The id of an object of the kind.
    pub(crate) fn id(&self, namespace: &str, name: &str) -> ObjectId {
        ObjectId::new(&*self.resource.group, &*self.resource.kind, namespace, name)
    }
}

impl Default for Kinds {
    fn default() -> Self {
        let known = built_in().into_iter().map(|kind| (key(&kind.resource.api_version, &kind.resource.kind), kind));
        Self { known: Mutex::new(known.collect()) }
    }
}

impl Kinds {
    /// Takes in what a CRD defines. Other objects define nothing.
    pub(crate) fn learn(&self, object: &Object) {
        if !object.is_definition() {
            return;
        }
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        let (Some(group), Some(kind), Some(plural)) =
            (text("/spec/group"), text("/spec/names/kind"), text("/spec/names/plural"))
        else {
            return;
        };
        let is_namespaced = text("/spec/scope") == Some("Namespaced");
        let versions = object.pointer("/spec/versions").and_then(Value::as_array).into_iter().flatten();
        for version in versions.filter_map(|version| version.get("name")?.as_str()) {
            let gvk = GroupVersionKind::gvk(group, version, kind);
            self.add(Kind { resource: ApiResource::from_gvk_with_plural(&gvk, plural), is_namespaced });
        }
    }

    /// The kind of an object.
    pub(crate) async fn of(&self, connection: &Connection, object: &Object) -> Result<Kind, KindError> {
        self.find(connection, object.api_version(), object.kind()).await
    }

    /// The kind of an entry: in its version, or in another one where the API server has given that
    /// up. None where it has given up the kind altogether, and its objects with it.
    pub(crate) async fn of_entry(&self, connection: &Connection, entry: &Entry) -> Result<Option<Kind>, RequestError> {
        let Entry { id, version } = entry;
        let mut versions = vec![version.clone()];
        let mut asked = false;
        while let Some(version) = versions.pop() {
            let api_version = Entry { id: id.clone(), version }.api_version();
            match self.find(connection, &api_version, &id.kind).await {
                Ok(kind) => return Ok(Some(kind)),
                Err(KindError::Request(error)) => return Err(error),
                Err(KindError::Unknown { .. }) if asked || id.group.is_empty() => {}
                Err(KindError::Unknown { .. }) => {
                    asked = true;
                    versions = served_versions(connection, &id.group).await?;
                }
            }
        }
        Ok(None)
    }

    async fn find(&self, connection: &Connection, api_version: &str, kind: &str) -> Result<Kind, KindError> {
        let known = || self.lock().get(&key(api_version, kind)).cloned();
        if let Some(known) = known() {
            return Ok(known);
        }
        self.discover(connection, api_version).await?;
        known().ok_or_else(|| KindError::Unknown { api_version: api_version.to_owned(), kind: kind.to_owned() })
    }

    async fn discover(&self, connection: &Connection, api_version: &str) -> Result<(), RequestError> {
        let root = if api_version.contains('/') { "/apis" } else { "/api" };
        let list = connection.json::<Value>(get(&format!("{root}/{api_version}"))).await;
        let list = match list {
            Err(error) if error.is_not_found() => return Ok(()),
            list => list?,
        };
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        for found in list.get("resources").and_then(Value::as_array).into_iter().flatten() {
            let text = |field: &str| found.get(field).and_then(Value::as_str);
            let (Some(plural), Some(kind)) = (text("name"), text("kind")) else {
                continue;
            };
            if !plural.contains('/') {
                let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural);
                let is_namespaced = found.get("namespaced").and_then(Value::as_bool).unwrap_or_default();
                self.add(Kind { resource, is_namespaced });
            }
        }
        Ok(())
    }

    fn add(&self, kind: Kind) {
        self.lock().insert(key(&kind.resource.api_version, &kind.resource.kind), kind);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<(String, String), Kind>> {
        // Nothing panics while it is held, and a map that lacks a kind does no harm.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(api_version: &str, kind: &str) -> (String, String) {
    (api_version.to_owned(), kind.to_owned())
}

/// The versions of a group that are served, the preferred one last.
async fn served_versions(connection: &Connection, group: &str) -> Result<Vec<String>, RequestError> {
    let group = match connection.json::<Value>(get(&format!("/apis/{group}"))).await {
        Err(error) if error.is_not_found() => return Ok(Vec::new()),
        group => group?,
    };
    let version = |of: &Value| Some(of.get("version")?.as_str()?.to_owned());
    let all = group.get("versions").and_then(Value::as_array).into_iter().flatten().filter_map(version);
    Ok(all.chain(group.get("preferredVersion").and_then(version)).collect())
}

pub(crate) fn get(path: &str) -> Request<Vec<u8>> {
    let mut request = Request::new(Vec::new());
    if let Ok(uri) = path.parse() {
        *request.uri_mut() = uri;
    }
    request
}

/// What every supported API server has.
fn built_in() -> Vec<Kind> {
    vec![
        namespaced::<core::ConfigMap>(),
        namespaced::<core::LimitRange>(),
        namespaced::<core::PersistentVolumeClaim>(),
        namespaced::<core::Pod>(),
        namespaced::<core::ResourceQuota>(),
        namespaced::<core::Secret>(),
        namespaced::<core::Service>(),
        namespaced::<core::ServiceAccount>(),
        namespaced::<apps::DaemonSet>(),
        namespaced::<apps::Deployment>(),
        namespaced::<apps::ReplicaSet>(),
        namespaced::<apps::StatefulSet>(),
        namespaced::<autoscaling::HorizontalPodAutoscaler>(),
        namespaced::<batch::CronJob>(),
        namespaced::<batch::Job>(),
        namespaced::<coordination::Lease>(),
        namespaced::<networking::Ingress>(),
        namespaced::<networking::NetworkPolicy>(),
        namespaced::<policy::PodDisruptionBudget>(),
        namespaced::<rbac::Role>(),
        namespaced::<rbac::RoleBinding>(),
        cluster::<core::Namespace>(),
        cluster::<core::PersistentVolume>(),
        cluster::<admission::MutatingWebhookConfiguration>(),
        cluster::<admission::ValidatingAdmissionPolicy>(),
        cluster::<admission::ValidatingAdmissionPolicyBinding>(),
        cluster::<admission::ValidatingWebhookConfiguration>(),
        cluster::<extensions::CustomResourceDefinition>(),
        cluster::<networking::IngressClass>(),
        cluster::<rbac::ClusterRole>(),
        cluster::<rbac::ClusterRoleBinding>(),
        cluster::<scheduling::PriorityClass>(),
        cluster::<storage::StorageClass>(),
    ]
}

fn namespaced<K: Resource<DynamicType = (), Scope = NamespaceResourceScope>>() -> Kind {
    Kind { resource: ApiResource::erase::<K>(&()), is_namespaced: true }
}

fn cluster<K: Resource<DynamicType = (), Scope = ClusterResourceScope>>() -> Kind {
    Kind { resource: ApiResource::erase::<K>(&()), is_namespaced: false }
}
