//! A plan against a cluster: reads and dry runs.

use std::path::Path;

use flux_operator_api::{Object, ResourceInventory};
use flux_operator_impact::{Survey, Surveys, Upgrade, assess};
use flux_operator_inventory::{ApplyError, ApplyPlan, Engine, Foreseen, Inventory, Owner, Policy};
use kube::api::ListParams;
use serde::Deserialize as _;
use serde_json::Value;

use super::{Desired, Prediction};
use crate::cluster::{Cluster, Scope, ServedKind, Span, on_cluster};
use crate::distribution::{Distribution, DistributionArgs};
use crate::error::{Advise, Complaint, Failure};
use crate::globals::Globals;
use crate::inputs::{self, Instance};
use crate::kinds::INSTANCE;
use crate::readiness::text;

/// A cluster that says nothing about what would become of objects.
#[derive(Debug, thiserror::Error)]
#[error("the API server cannot try every object")]
struct Untried(#[source] ApplyError);

impl Advise for Untried {
    fn hint(&self) -> Option<String> {
        Some("a plan needs the permissions of the operator, or those of an administrator".to_owned())
    }
}

/// Predicts what the instance of a file would change.
pub(crate) fn predict(path: &Path, distribution: &DistributionArgs, globals: &Globals) -> Result<Prediction, Failure> {
    let distribution = distribution.open()?;
    let (instance, value) = inputs::read_one(path)?;
    on_cluster(globals, Span::Limited, async |cluster: Cluster| {
        predict_instance(&cluster, &instance, value, &distribution).await
    })
}

/// Predicts what an instance would change.
pub(crate) async fn predict_instance(
    cluster: &Cluster,
    instance: &Instance,
    value: Value,
    distribution: &Distribution,
) -> Result<Prediction, Failure> {
    let kind = ServedKind::known(INSTANCE);
    let (namespace, name) = (instance.plan.namespace().to_owned(), instance.plan.name().to_owned());
    let kube_system = cluster.get(&ServedKind::namespaces(), "", "kube-system").await?;
    let live = cluster.find(&kind, &namespace, &name).await?;
    let applied = live.as_ref().and_then(|live| text(live, "/status/lastAppliedRevision")).map(str::to_owned);
    let desired = Desired::of(instance, value, distribution, applied.as_deref())?;

    let engine = Engine::new(cluster.client().clone(), Owner::new(desired.name.clone(), desired.namespace.clone()));
    let plan = ApplyPlan::new(desired.objects.clone(), &inventory(live.as_ref()));
    let policy = Policy { honours_reconcile: true, ..Policy::default() };
    let foreseen = engine.preview(&plan, &policy).await.map_err(|error| Complaint::new(Untried(error)))?;
    let surveys = survey(cluster, &foreseen).await?;
    Ok(Prediction {
        assessment: assess(&foreseen, &surveys, desired.migrates),
        from: applied,
        cluster: text(&kube_system, "/metadata/uid").map(str::to_owned),
        instance: live.as_ref().and_then(|live| live.get("spec")).cloned().unwrap_or_default(),
        desired,
    })
}

/// What the instance of the cluster has applied.
fn inventory(live: Option<&Object>) -> Inventory {
    let stored = live.and_then(|live| live.pointer("/status/inventory"));
    let stored = stored.and_then(|stored| ResourceInventory::deserialize(stored).ok());
    stored.as_ref().map(Inventory::from).unwrap_or_default()
}

/// Looks at the stored objects of every kind whose definition changes in a way that could hurt them.
async fn survey(cluster: &Cluster, foreseen: &[Foreseen]) -> Result<Surveys, Failure> {
    let mut surveys = Surveys::new();
    for Foreseen { effect, .. } in foreseen {
        let upgrade = effect.before().and_then(|before| Upgrade::between(before, effect.after()));
        let Some(upgrade) = upgrade.filter(Upgrade::needs_survey) else {
            continue;
        };
        let kind = ServedKind::built_in(&upgrade.group, &upgrade.version, &upgrade.kind, &upgrade.plural, true);
        let mut survey = Survey::new(upgrade);
        for object in cluster.list(&kind, &Scope::All, &ListParams::default()).await?.objects {
            survey.look_at(&object);
        }
        surveys.insert(survey.upgrade().crd.clone(), survey);
    }
    Ok(surveys)
}
