//! The process, under the names that every Prometheus client library uses. Where there is no `/proc`, only the start.

use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::model::time::UnixMillis;
use crate::telemetry::process::{Which, processor_time, resident};

/// Reads the process's state at each scrape.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) started: UnixMillis,
}

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
        if let Some(used) = processor_time(Which::Own) {
            let help = "Processor time that the process has used.";
            let seconds = ConstCounter::new(used.as_secs_f64());
            show("process_cpu_seconds", help, &seconds)?;
        }
        if let Some(bytes) = resident(Which::Own) {
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

/// Since Linux 6.2 the directory's size is the answer; before, it is 0 and its entries are counted.
fn open_files() -> Option<u64> {
    match fs::metadata("/proc/self/fd").ok()?.len() {
        0 => Some(fs::read_dir("/proc/self/fd").ok()?.count() as u64),
        count => Some(count),
    }
}
