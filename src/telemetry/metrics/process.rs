//! The process, under the names that every Prometheus client library uses. Where there is no `/proc`, only the start.

use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::model::time::UnixMillis;

/// Reads the process's state at each scrape.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) started: UnixMillis,
}

/// Ticks of `/proc/self/stat` a second: the kernel's interface says 100 on every architecture that is in use,
/// whatever its own clock is (proc(5), `USER_HZ`).
const TICKS: f64 = 100.0;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder) -> std::fmt::Result {
        let mut show = |name, help, metric: &dyn EncodeMetric| {
            metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
        };
        let started = ConstGauge::new(self.started.0 as f64 / 1000.0);
        show(
            "process_start_time_seconds",
            "When the gateway started, in seconds since 1970.",
            &started,
        )?;
        if let Some(ticks) = read("stat").as_deref().and_then(ticks) {
            let help = "Processor time that the process has used.";
            let seconds = ConstCounter::new(ticks as f64 / TICKS);
            show("process_cpu_seconds", help, &seconds)?;
        }
        if let Some(bytes) = read("status").as_deref().and_then(resident) {
            let help = "Memory of the process that is resident.";
            show(
                "process_resident_memory_bytes",
                help,
                &ConstGauge::new(bytes),
            )?;
        }
        if let Some(open) = open_files() {
            let help = "File descriptors that are open.";
            show("process_open_fds", help, &ConstGauge::new(open))?;
        }
        if let Ok((most, _)) = rlimit::getrlimit(rlimit::Resource::NOFILE) {
            let help = "File descriptors that may be open.";
            show("process_max_fds", help, &ConstGauge::new(most))?;
        }
        Ok(())
    }
}

fn read(name: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/self/{name}")).ok()
}

/// User and system time. The second field is the command in parentheses, in which anything may stand.
fn ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

fn resident(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Since Linux 6.2 the directory's size is the answer; before, it is 0 and its entries are counted.
fn open_files() -> Option<u64> {
    match fs::metadata("/proc/self/fd").ok()?.len() {
        0 => Some(fs::read_dir("/proc/self/fd").ok()?.count() as u64),
        count => Some(count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_a_command_with_parentheses_and_spaces() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 90 0 1 0 250 17 0 0 20 0 3 0 5 6 7";
        assert_eq!(ticks(stat), Some(267));
        assert_eq!(ticks("7 (a"), None);
    }

    #[test]
    fn resident_memory_is_in_bytes() {
        let status = "Name:\tgatecast\nVmHWM:\t    9 kB\nVmRSS:\t    2048 kB\nThreads:\t3\n";
        assert_eq!(resident(status), Some(2 << 20));
    }
}
