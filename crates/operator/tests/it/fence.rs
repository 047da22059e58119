//! A fenced client on a real connection.

use std::sync::Arc;
use std::time::Duration;

use flux_operator_controller::connect::Clients;
use flux_operator_controller::fence::{Fence, Refused};
use flux_operator_reconciler::metrics::Metrics;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ListParams, PostParams};
use serde_json::json;
use tokio::time::{Instant, sleep_until};

use crate::world::World;

fn refused(error: &kube::Error) -> Option<&Refused> {
    match error {
        kube::Error::Service(error) => error.downcast_ref(),
        _ => None,
    }
}

#[tokio::test]
async fn writes_end_with_the_lease_and_so_do_connections() {
    let world = World::new("fence").await;
    let (fence, metrics) = (Fence::shut(), Arc::new(Metrics::new("v1.2.3")));
    let clients = Clients::new(&world.config, &fence, &metrics).unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(clients.fenced, &world.namespace);
    let create = async |name: &str| {
        let map = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
        maps.create(&PostParams::default(), &map).await
    };
    assert_eq!(refused(&create("before").await.unwrap_err()), Some(&Refused::NotYet));
    maps.list(&ListParams::default()).await.unwrap();

    let until = Instant::now() + Duration::from_secs(3);
    assert!(fence.extend(until));
    create("while").await.unwrap();

    sleep_until(until).await;
    assert_eq!(refused(&create("after").await.unwrap_err()), Some(&Refused::Lapsed));
    assert!(maps.list(&ListParams::default()).await.is_err());
    // The lease has a client of its own.
    let unfenced: Api<ConfigMap> = Api::namespaced(clients.unfenced, &world.namespace);
    let is_there = async |name: &str| unfenced.get_opt(name).await.unwrap().is_some();
    assert!(is_there("while").await && !is_there("after").await);
    let host = world.config.cluster_url.authority().unwrap();
    let counted = format!("rest_client_requests_total{{code=\"201\",method=\"POST\",host=\"{host}\"}} 1\n");
    assert!(metrics.encode().contains(&counted), "{}", metrics.encode());
}
