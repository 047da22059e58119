//! What the report says beside objects of Flux: controllers, nodes, the API server.

use std::sync::Arc;

use flux_operator_api::{Object, ReportedComponent, labels};
use flux_operator_inventory::health::{self, Status};
use flux_operator_inventory::{Connection, RequestError};
use http::Request;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use kube::Client;
use kube::api::{Api, DynamicObject};
use kube::core::{ApiResource, GroupVersionKind, PartialObjectMeta};
use kube::runtime::watcher;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::follow::{PAGE, Shelf, follow};
use super::observed::{Caches, Key, Listing, Observed, Server};

/// Follows the controllers of Flux in a namespace.
pub(super) async fn follow_components(client: Client, namespace: String, caches: Caches, turn: Arc<Semaphore>) {
    let deployments = ApiResource::from_gvk(&GroupVersionKind::gvk("apps", "v1", "Deployment"));
    let api: Api<DynamicObject> = Api::namespaced_with(client, &namespace, &deployments);
    let of_flux = format!("{}={}", labels::PART_OF, labels::PART_OF_FLUX);
    let config = watcher::Config::default().page_size(PAGE).labels(&of_flux);
    follow(&api, &config, &caches, &turn, Components).await;
}

/// Follows the nodes of the cluster, by name.
pub(super) async fn follow_nodes(client: Client, caches: Caches, turn: Arc<Semaphore>) {
    let api: Api<PartialObjectMeta<Node>> = Api::all(client);
    let config = watcher::Config::default().page_size(PAGE);
    follow(&api, &config, &caches, &turn, Nodes).await;
}

/// Asks the API server who it is.
pub(super) async fn server(connection: &Connection) -> Result<Server, RequestError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Version {
        git_version: String,
        platform: String,
    }
    let request = Request::get("/version").body(Vec::new()).map_err(RequestError::unreadable)?;
    let Version { git_version, platform } = connection.json(request).await?;
    Ok(Server { version: git_version, platform })
}

struct Components;

impl Shelf for Components {
    type Object = DynamicObject;
    type Kept = ReportedComponent;

    fn keep(&self, deployment: DynamicObject) -> (Key, ReportedComponent) {
        (Key::of(&deployment.metadata), component(deployment))
    }

    fn place<'o>(&self, observed: &'o mut Observed) -> Option<&'o mut Listing<ReportedComponent>> {
        Some(&mut observed.components)
    }
}

fn component(deployment: DynamicObject) -> ReportedComponent {
    let name = deployment.metadata.name.clone().unwrap_or_default();
    let mut value = serde_json::to_value(deployment).unwrap_or_default();
    // Lists of built-in kinds leave these out.
    if let Some(fields) = value.as_object_mut() {
        fields.insert("apiVersion".to_owned(), "apps/v1".into());
        fields.insert("kind".to_owned(), "Deployment".into());
    }
    let Ok(object) = Object::try_from(value) else {
        return ReportedComponent { name, ..ReportedComponent::default() };
    };
    let health = health::of(&object, Timestamp::now());
    let image = object.pointer("/spec/template/spec/containers/0/image").and_then(Value::as_str);
    ReportedComponent {
        name,
        ready: health.status == Status::Current,
        status: format!("{} {}", health.status, health.message),
        image: image.unwrap_or_default().to_owned(),
    }
}

struct Nodes;

impl Shelf for Nodes {
    type Object = PartialObjectMeta<Node>;
    type Kept = ();

    fn keep(&self, node: PartialObjectMeta<Node>) -> (Key, ()) {
        (Key::of(&node.metadata), ())
    }

    fn place<'o>(&self, observed: &'o mut Observed) -> Option<&'o mut Listing<()>> {
        Some(&mut observed.nodes)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_controller_is_told_in_the_words_of_kstatus() {
        let deployment = |available: u64| {
            let conditions = json!([{"type": "Available", "status": "True"}]);
            let status = json!({
                "replicas": 1, "updatedReplicas": 1, "readyReplicas": available, "availableReplicas": available,
                "conditions": conditions,
            });
            let containers = json!([{"name": "manager", "image": "example.com/source-controller:v1.6.2"}]);
            let object = json!({
                "metadata": {"name": "source-controller", "namespace": "n"},
                "spec": {"template": {"spec": {"containers": containers}}}, "status": status,
            });
            component(serde_json::from_value(object).unwrap())
        };
        let expected = ReportedComponent {
            name: "source-controller".to_owned(),
            ready: true,
            status: "Current Deployment is available. Replicas: 1".to_owned(),
            image: "example.com/source-controller:v1.6.2".to_owned(),
        };
        assert_eq!(deployment(1), expected);
        assert_eq!(deployment(0).status, "InProgress 0 of 1 updated replicas are available");
        assert!(!deployment(0).ready);
    }
}
