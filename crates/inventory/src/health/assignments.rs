//! Objects that are done when something was assigned to them: a volume, an address.

use flux_operator_api::Object;

use super::Health;
use super::fields::text;

/// A `PersistentVolumeClaim` is current once it has a volume. One whose class waits for the first
/// consumer stays in progress until a pod uses it.
pub(super) fn claim(object: &Object) -> Health {
    match text(object, "/status/phase") {
        Some("Bound") => Health::current("the claim is bound"),
        Some(phase) => Health::in_progress(format!("the phase of the claim is {phase}")),
        None => Health::in_progress("the claim has no phase yet"),
    }
}

/// A `Service` is current at once, but for load balancers, which need an address in the cluster
/// first. The address outside is not waited for: many clusters never give one.
pub(super) fn service(object: &Object) -> Health {
    let is_load_balancer = text(object, "/spec/type") == Some("LoadBalancer");
    if is_load_balancer && text(object, "/spec/clusterIP").is_none() {
        Health::in_progress("the load balancer has no cluster IP yet")
    } else {
        Health::current("Service is ready")
    }
}
