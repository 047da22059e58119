//! What a process takes of the machine, as Linux counts it.

use std::fs;
use std::io;
use std::time::Duration;

/// Memory, and processor time so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Resident memory, in bytes.
    pub resident: u64,
    /// The most that it was, in bytes.
    pub peak: u64,
    /// Processor time of all threads, in user and kernel mode, to a hundredth of a second.
    pub processor: Duration,
}

impl Usage {
    /// That of a process.
    ///
    /// # Errors
    /// It has ended, or this is no Linux.
    pub fn of(process: u32) -> io::Result<Self> {
        let read = |file| fs::read_to_string(format!("/proc/{process}/{file}"));
        Self::parse(&read("status")?, &read("stat")?).ok_or_else(|| io::Error::other("the process has ended"))
    }

    /// That of the process which asks.
    ///
    /// # Errors
    /// This is no Linux.
    pub fn own() -> io::Result<Self> {
        Self::of(std::process::id())
    }

    fn parse(status: &str, stat: &str) -> Option<Self> {
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
        };
        // The second field is a name in parentheses, in which anything may stand; the 14th and 15th are the times.
        let (_, fields) = stat.rsplit_once(')')?;
        let times: Vec<u64> =
            fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse().ok()).collect();
        let processor = Duration::from_millis(times.iter().sum::<u64>() * 10);
        Some(Self { resident: bytes("VmRSS:")?, peak: bytes("VmHWM:")?, processor })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_what_the_kernel_says() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 90 0 0 0 150 25 0 0 20 0 4";
        let found = Usage::parse("Name:\ta) b\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n", stat);
        let expected = Usage { resident: 1 << 20, peak: 2 << 20, processor: Duration::from_millis(1750) };
        assert_eq!(found, Some(expected));
        assert_eq!(Usage::parse("Name:\ta\nState:\tZ (zombie)\n", stat), None, "it has no memory any more");
    }
}
