//! What the operating system says of this process, read when somebody asks.

use std::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Clock ticks in a second, as `/proc` counts them: 100 on every architecture that Linux has left.
const TICKS_PER_SECOND: f64 = 100.0;

/// The metrics every client library of Prometheus has. Where there is no `/proc`, none of them.
#[derive(Debug)]
pub(super) struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut gauge = |name, help, value: Option<f64>| {
            value.map_or(Ok(()), |value| put(&mut encoder, name, help, &ConstGauge::new(value)))
        };
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let times = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(Times::parse);
        gauge("process_resident_memory_bytes", "Resident memory in bytes.", resident_bytes(&status))?;
        gauge("process_open_fds", "Open file descriptors.", open_files())?;
        let boot = fs::read_to_string("/proc/stat").ok().as_deref().and_then(boot_time);
        let start = times.as_ref().zip(boot).map(|(times, boot)| boot + times.started);
        gauge("process_start_time_seconds", "Start of the process since the Unix epoch in seconds.", start)?;
        times.map_or(Ok(()), |times| {
            let help = "User and system time spent in seconds.";
            // As for all counters, `_total` is appended.
            put(&mut encoder, "process_cpu_seconds", help, &ConstCounter::new(times.busy))
        })
    }
}

fn put(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, metric: &impl EncodeMetric) -> fmt::Result {
    metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
}

/// In seconds: the time spent so far, and the start since the system's own.
#[derive(Debug, PartialEq)]
struct Times {
    busy: f64,
    started: f64,
}

impl Times {
    /// From `/proc/self/stat`. The second field is the name of the program, in brackets, and may hold
    /// anything; the fields that count come after it.
    fn parse(stat: &str) -> Option<Self> {
        let (_, fields) = stat.rsplit_once(')')?;
        let seconds = |nth| Some(fields.split_ascii_whitespace().nth(nth)?.parse::<f64>().ok()? / TICKS_PER_SECOND);
        // `utime`, `stime` and `starttime` are the fields 14, 15 and 22 of proc_pid_stat(5).
        Some(Self { busy: seconds(11)? + seconds(12)?, started: seconds(19)? })
    }
}

/// From `/proc/self/status`: unlike `statm`, it does not count in pages, whose size we do not know.
fn resident_bytes(status: &str) -> Option<f64> {
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(kilobytes.trim().strip_suffix(" kB")?.parse::<f64>().ok()? * 1024.0)
}

/// From `/proc/stat`, in seconds since the Unix epoch.
fn boot_time(stat: &str) -> Option<f64> {
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.parse().ok()
}

fn open_files() -> Option<f64> {
    // One of them is the folder that is being read.
    let count = fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1);
    u32::try_from(count).ok().map(f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_linux_writes() {
        let stat = "42 (a ) b) S 1 42 42 0 -1 4194560 900 0 0 0 150 25 0 0 20 0 3 0 123456 27000000 4096 18446744073";
        assert_eq!(Times::parse(stat), Some(Times { busy: 1.75, started: 1234.56 }));
        assert_eq!(resident_bytes("VmHWM:\t   20 kB\nVmRSS:\t   16 kB\nThreads:\t3\n"), Some(16_384.0));
        assert_eq!(boot_time("cpu  1 2 3\nbtime 1700000000\nprocesses 5\n"), Some(1_700_000_000.0));
    }

    #[test]
    fn what_is_not_there_is_left_out() {
        assert_eq!(Times::parse("42 (a) S 1 42"), None);
        assert_eq!(Times::parse(""), None);
        assert_eq!(resident_bytes("Threads:\t3\n"), None);
        assert_eq!(boot_time(""), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_them_all() {
        let text = super::super::Metrics::new("v1.2.3").encode();
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.unwrap_or_else(|| panic!("{name}\n{text}")).parse::<f64>().unwrap()
        };
        assert!(value("process_resident_memory_bytes") > 100_000.0);
        assert!(value("process_start_time_seconds") > 1.7e9);
        assert!(value("process_open_fds") >= 3.0);
        assert!(value("process_cpu_seconds_total") >= 0.0);
    }
}
