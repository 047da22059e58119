//! A gauge that is always 1, whose labels are what it says.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

/// At most one series. Replacing it is one step, so that no scrape finds two or none.
#[derive(Debug)]
pub(super) struct Info<L> {
    name: &'static str,
    help: &'static str,
    labels: Mutex<Option<L>>,
}

impl<L> Info<L> {
    pub(super) fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, help, labels: Mutex::new(None) }
    }

    pub(super) fn set(&self, labels: L) {
        *self.labels.lock().unwrap_or_else(PoisonError::into_inner) = Some(labels);
    }

    pub(super) fn clear(&self) {
        *self.labels.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl<L: EncodeLabelSet + fmt::Debug + Send + 'static> Collector for Info<L> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let labels = self.labels.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(labels) = labels.as_ref() else { return Ok(()) };
        let mut metric = encoder.encode_descriptor(self.name, self.help, None, MetricType::Gauge)?;
        ConstGauge::new(1_i64).encode(metric.encode_family(labels)?)
    }
}
