//! The metrics that every controller has.

use std::time::{Duration, Instant};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// How a run ended, in the words of `controller_runtime_reconcile_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReconcileResult {
    /// Done, and nothing scheduled.
    Success,
    /// Done, and to be looked at again after a while.
    RequeueAfter,
    /// To be repeated as soon as the backoff allows.
    Requeue,
    /// Failed, and to be repeated.
    Error,
    /// Failed, and not repeated before something changes.
    TerminalError,
}

/// The metrics of one controller.
#[derive(Clone, Debug)]
pub struct ControllerMetrics {
    success: Counter,
    requeue: Counter,
    requeue_after: Counter,
    error: Counter,
    errors: Counter,
    terminal_errors: Counter,
    seconds: Histogram,
    active: Gauge,
    max: Gauge,
    retries: Counter,
}

/// A run that has begun. Where it ends without a result, because it was dropped, only the number of
/// active workers goes down again.
#[derive(Debug)]
#[must_use]
pub struct Running {
    metrics: ControllerMetrics,
    began: Instant,
}

/// The families behind [`ControllerMetrics`].
#[derive(Debug)]
pub(super) struct Controllers {
    total: Family<ResultLabels, Counter>,
    errors: Family<ControllerLabels, Counter>,
    terminal_errors: Family<ControllerLabels, Counter>,
    seconds: Family<ControllerLabels, Histogram, fn() -> Histogram>,
    active: Family<ControllerLabels, Gauge>,
    max: Family<ControllerLabels, Gauge>,
    retries: Family<QueueLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ControllerLabels {
    controller: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    controller: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueLabels {
    name: &'static str,
    controller: &'static str,
}

impl ControllerMetrics {
    /// Begins a run.
    pub fn start(&self) -> Running {
        self.active.inc();
        Running { metrics: self.clone(), began: Instant::now() }
    }

    /// How many runs there may be at once. One, unless something else is said.
    pub fn set_max_concurrent(&self, runs: u32) {
        self.max.set(runs.into());
    }
}

impl Running {
    /// Ends the run, and returns how long it took.
    pub fn finish(self, result: ReconcileResult) -> Duration {
        let metrics = &self.metrics;
        match result {
            ReconcileResult::Success => metrics.success.inc(),
            ReconcileResult::RequeueAfter => metrics.requeue_after.inc(),
            ReconcileResult::Requeue => metrics.requeue.inc(),
            ReconcileResult::Error | ReconcileResult::TerminalError => {
                metrics.errors.inc();
                metrics.error.inc()
            }
        };
        if result == ReconcileResult::TerminalError {
            metrics.terminal_errors.inc();
        }
        if matches!(result, ReconcileResult::Requeue | ReconcileResult::Error) {
            metrics.retries.inc();
        }
        let took = self.began.elapsed();
        metrics.seconds.observe(took.as_secs_f64());
        took
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.metrics.active.dec();
    }
}

impl Controllers {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let this = Self {
            total: Family::default(),
            errors: Family::default(),
            terminal_errors: Family::default(),
            seconds: Family::new_with_constructor(super::reconcile_histogram),
            active: Family::default(),
            max: Family::default(),
            retries: Family::default(),
        };
        // The registry appends `_total` to counters and a period to texts.
        registry.register("controller_runtime_reconcile", "Runs, by controller and result", this.total.clone());
        registry.register("controller_runtime_reconcile_errors", "Runs that failed", this.errors.clone());
        registry.register(
            "controller_runtime_terminal_reconcile_errors",
            "Runs that failed and are not repeated before something changes",
            this.terminal_errors.clone(),
        );
        registry.register("controller_runtime_reconcile_time_seconds", "How long runs took", this.seconds.clone());
        registry.register("controller_runtime_active_workers", "Runs at the moment", this.active.clone());
        registry.register(
            "controller_runtime_max_concurrent_reconciles",
            "How many runs there may be at once",
            this.max.clone(),
        );
        registry.register("workqueue_retries", "Runs that will be repeated with backoff", this.retries.clone());
        this
    }

    pub(super) fn of(&self, controller: &'static str) -> ControllerMetrics {
        let labels = ControllerLabels { controller };
        let total = |result| self.total.get_or_create_owned(&ResultLabels { controller, result });
        let max = self.max.get_or_create_owned(&labels);
        if max.get() == 0 {
            max.set(1);
        }
        ControllerMetrics {
            success: total("success"),
            requeue: total("requeue"),
            requeue_after: total("requeue_after"),
            error: total("error"),
            errors: self.errors.get_or_create_owned(&labels),
            terminal_errors: self.terminal_errors.get_or_create_owned(&labels),
            seconds: self.seconds.get_or_create_owned(&labels),
            active: self.active.get_or_create_owned(&labels),
            max,
            retries: self.retries.get_or_create_owned(&QueueLabels { name: controller, controller }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Metrics;
    use super::*;

    const MAX: &str = "controller_runtime_max_concurrent_reconciles{controller=\"c\"}";

    /// The lines of the counters and gauges of a controller that are not zero, the limit aside.
    fn counts(metrics: &Metrics) -> Vec<String> {
        let text = metrics.encode();
        let ours =
            |line: &&str| line.contains(r#"controller="c""#) && !line.contains("_seconds") && !line.starts_with(MAX);
        text.lines().filter(ours).filter(|line| !line.ends_with(" 0")).map(str::to_owned).collect()
    }

    #[track_caller]
    fn check(result: ReconcileResult, expected: &[&str]) {
        let metrics = Metrics::new("v1.2.3");
        let _ = metrics.controller("c").start().finish(result);
        assert_eq!(counts(&metrics), expected, "{result:?}");
        assert!(metrics.encode().contains("controller_runtime_reconcile_time_seconds_count{controller=\"c\"} 1\n"));
    }

    #[test]
    fn each_result_has_its_counters() {
        const ERRORS: &str = r#"controller_runtime_reconcile_errors_total{controller="c"} 1"#;
        const TERMINAL: &str = r#"controller_runtime_terminal_reconcile_errors_total{controller="c"} 1"#;
        const RETRIES: &str = r#"workqueue_retries_total{name="c",controller="c"} 1"#;
        const FAILED: &str = r#"controller_runtime_reconcile_total{controller="c",result="error"} 1"#;
        check(ReconcileResult::Success, &[r#"controller_runtime_reconcile_total{controller="c",result="success"} 1"#]);
        check(
            ReconcileResult::RequeueAfter,
            &[r#"controller_runtime_reconcile_total{controller="c",result="requeue_after"} 1"#],
        );
        check(
            ReconcileResult::Requeue,
            &[r#"controller_runtime_reconcile_total{controller="c",result="requeue"} 1"#, RETRIES],
        );
        check(ReconcileResult::Error, &[FAILED, ERRORS, RETRIES]);
        check(ReconcileResult::TerminalError, &[FAILED, ERRORS, TERMINAL]);
    }

    #[test]
    fn a_controller_starts_with_zeros() {
        let metrics = Metrics::new("v1.2.3");
        let controller = metrics.controller("c");
        let text = metrics.encode();
        assert!(text.contains(&format!("{MAX} 1\n")), "{text}");
        for result in ["success", "error", "requeue", "requeue_after"] {
            let line = format!("controller_runtime_reconcile_total{{controller=\"c\",result=\"{result}\"}} 0\n");
            assert!(text.contains(&line), "{line}{text}");
        }
        assert!(counts(&metrics).is_empty());
        controller.set_max_concurrent(10);
        assert!(metrics.controller("c").max.get() == 10 && metrics.encode().contains(&format!("{MAX} 10\n")));
    }

    #[test]
    fn a_dropped_run_is_no_longer_active() {
        let metrics = Metrics::new("v1.2.3");
        let running = metrics.controller("c").start();
        assert_eq!(counts(&metrics), [r#"controller_runtime_active_workers{controller="c"} 1"#]);
        drop(running);
        assert!(counts(&metrics).is_empty());
    }
}
