//! The definitions of Flux, and the versions that their objects are stored in.

use flux_operator_api::Object;
use kube::api::ListParams;
use serde_json::Value;

use super::Report;
use crate::cluster::{Cluster, Scope, ServedKind};
use crate::error::Failure;
use crate::kinds::belongs_to_flux;

pub(super) async fn check(cluster: &Cluster, report: &mut Report) -> Result<(), Failure> {
    let listed = cluster.list(&ServedKind::definitions(), &Scope::All, &ListParams::default()).await?;
    let group = |crd: &Object| crd.pointer("/spec/group").and_then(Value::as_str).unwrap_or_default().to_owned();
    let definitions: Vec<_> = listed.objects.iter().filter(|crd| belongs_to_flux(&group(crd))).collect();
    if definitions.is_empty() {
        report.bad("there are no CRDs of Flux");
    }
    for definition in definitions {
        let stored = definition.pointer("/status/storedVersions").and_then(Value::as_array);
        let stored: Vec<&str> = stored.into_iter().flatten().filter_map(Value::as_str).collect();
        let name = definition.name();
        match stored.split_last() {
            None => report.bad(&format!("{name}: not established")),
            Some((last, others)) => {
                report.good(&format!("{name}/{last}"));
                if !others.is_empty() {
                    report.about(&format!(
                        "objects may still be stored in {}; `flux-operator reconcile instance --force` stores them anew",
                        others.join(", ")
                    ));
                }
            }
        }
    }
    Ok(())
}
