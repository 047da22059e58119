//! `flux_resource_info`: a series for each object of Flux.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use flux_operator_api::ConditionStatus;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::flux_report::{Caches, Family, Key, Resource};

/// Reads what is known when it is asked, so that nothing is kept twice and an object that is gone has
/// no series. There are as many series as objects, and none where Flux is not installed.
#[derive(Debug, Default)]
pub(super) struct Resources(Mutex<Option<Caches>>);

impl Resources {
    pub(super) fn show(&self, caches: &Caches) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(caches.clone());
    }
}

impl Collector for Resources {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let caches = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(caches) = caches else { return Ok(()) };
        let observed = caches.read();
        let of_flux = observed.kinds.values().filter(|kind| kind.definition.family == Family::Flux);
        let mut objects = of_flux
            .flat_map(|kind| kind.resources.objects.iter().map(|(key, it)| (&*kind.definition.kind, key, it)))
            .peekable();
        if objects.peek().is_none() {
            return Ok(());
        }
        let help = "An object of Flux and what became of it.";
        let mut metric = encoder.encode_descriptor("flux_resource_info", help, None, MetricType::Gauge)?;
        for (kind, key, resource) in objects {
            ConstGauge::new(1_i64).encode(metric.encode_family(&labels(kind, key, resource))?)?;
        }
        Ok(())
    }
}

/// What does not apply is empty. Kinds that have nothing to become ready for are ready.
fn labels<'r>(kind: &'r str, key: &'r Key, resource: &'r Resource) -> [(&'static str, &'r str); 12] {
    let ready = resource.ready.as_ref();
    let status = if resource.is_static {
        ConditionStatus::True
    } else {
        ready.map_or(ConditionStatus::Unknown, |ready| ready.status)
    };
    [
        ("uid", &*resource.uid),
        ("kind", kind),
        ("name", &*key.name),
        ("exported_namespace", &*key.namespace),
        ("ready", status.as_str()),
        ("reason", ready.map_or("", |ready| &*ready.reason)),
        ("suspended", if resource.is_suspended { "True" } else { "False" }),
        ("revision", &*resource.revision),
        ("url", &*resource.url),
        ("ref", &*resource.reference),
        ("source_name", &*resource.source_name),
        ("path", &*resource.path),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_object_says_is_in_its_labels() {
        let (key, mut resource) = (Key::default(), Resource::default());
        let value = |resource: &Resource, name: &str| {
            let labels = labels("Alert", &key, resource);
            let (_, value) = labels.into_iter().find(|(label, _)| *label == name).unwrap();
            value.to_owned()
        };
        assert_eq!(value(&resource, "ready"), "Unknown");
        assert_eq!(value(&resource, "suspended"), "False");
        resource.is_static = true;
        assert_eq!(value(&resource, "ready"), "True");
        assert_eq!(value(&resource, "kind"), "Alert");
    }
}
