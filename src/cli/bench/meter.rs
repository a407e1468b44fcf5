//! What the server costs, and what this tool does.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};

use super::Args;
use crate::lifecycle::clock::Clock;
use crate::lifecycle::tasks::Tasks;
use crate::outbound::Client;
use crate::telemetry::process::{self, Which};

/// How long an answer of `/metrics` may take.
const WITHIN: Duration = Duration::from_secs(5);
/// The largest one, in bytes.
const MOST: usize = 4 << 20;

/// The state of the server's process at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// Processor time since it began.
    pub(super) processor: Duration,
    /// Resident memory in bytes.
    pub(super) resident: u64,
}

/// Where that can be read.
pub(super) enum Meter {
    /// `/proc`, for these processes.
    Processes(Vec<u32>),
    /// The gateway's own metrics.
    Metrics(Box<(Client, Request<Bytes>)>),
    Nowhere,
}

impl Meter {
    /// Where `args` say, if it can be read there.
    ///
    /// # Errors
    /// There is no such process, or no credential where one was named.
    pub(super) async fn new(args: &Args, clock: &Clock) -> Result<Self, String> {
        if !args.pids.is_empty() {
            let family = args.pids.iter().flat_map(|pid| process::family(*pid));
            let meter = Self::Processes(family.collect());
            return match meter.read().await {
                Some(_) => Ok(meter),
                None => Err("--pid: there is no such process, or no /proc".into()),
            };
        }
        if args.against.against.is_some() {
            return Ok(Self::Nowhere);
        }
        let client = args.remote.client(clock, &Tasks::default())?;
        let request = args.remote.request(Method::GET, "/metrics", "")?;
        let meter = Self::Metrics(Box::new((client, request)));
        Ok(match meter.read().await {
            Some(_) => meter,
            None => Self::Nowhere,
        })
    }

    /// The costs by now.
    pub(super) async fn read(&self) -> Option<Cost> {
        match self {
            Self::Processes(pids) => pids.iter().try_fold(Cost::default(), |sum, pid| {
                let which = Which::Pid(*pid);
                Some(Cost {
                    processor: sum.processor + process::processor_time(which)?,
                    resident: sum.resident + process::resident(which)?,
                })
            }),
            Self::Metrics(asked) => {
                let (client, request) = &**asked;
                let answer = client.fetch(request.clone(), WITHIN, MOST).await;
                let answer = answer.ok().filter(|answer| answer.status().is_success())?;
                in_metrics(std::str::from_utf8(answer.body()).ok()?)
            }
            Self::Nowhere => None,
        }
    }
}

fn in_metrics(text: &str) -> Option<Cost> {
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line?.strip_prefix(' ')?.trim().parse::<f64>().ok()
    };
    let seconds = value("process_cpu_seconds_total")?;
    Some(Cost {
        processor: Duration::try_from_secs_f64(seconds).ok()?,
        resident: value("process_resident_memory_bytes")? as u64,
    })
}

/// Processor time of this process, by its threads.
pub(super) struct Own(HashMap<u32, Duration>);

impl Own {
    pub(super) fn read() -> Self {
        let threads = process::threads().into_iter();
        Self(
            threads
                .filter_map(|id| Some((id, process::processor_time(Which::Thread(id))?)))
                .collect(),
        )
    }

    /// What was used since `before`, in all and by the busiest thread.
    pub(super) fn since(&self, before: &Self) -> (Duration, Duration) {
        let used = self.0.iter().map(|(id, now)| {
            let then = before.0.get(id).copied().unwrap_or_default();
            now.saturating_sub(then)
        });
        used.fold(Default::default(), |(all, most), one| {
            (all + one, most.max(one))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateways_metrics_say_what_it_costs() {
        let text = "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 1.25\n\
                    process_resident_memory_bytes 4096\n";
        let cost = Cost {
            processor: Duration::from_millis(1250),
            resident: 4096,
        };
        assert_eq!(in_metrics(text), Some(cost));
        assert_eq!(in_metrics("process_cpu_seconds_total 1\n"), None);
    }

    #[test]
    fn the_busiest_thread_is_told_from_the_others() {
        let at = |millis: [(u32, u64); 2]| {
            Own(millis
                .map(|(id, millis)| (id, Duration::from_millis(millis)))
                .into())
        };
        let used = at([(1, 150), (3, 30)]).since(&at([(1, 100), (2, 700)]));
        assert_eq!(used, (Duration::from_millis(80), Duration::from_millis(50)));
    }
}
