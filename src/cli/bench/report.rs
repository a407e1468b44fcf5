//! What a run has shown, for programs (one JSON object) and for people (a table).

mod table;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::Args;
use super::run::Measured;
use super::tally::{Reasons, Spans};

/// A thread that was busy for more than this share of the time could do no more: what was measured was the tool.
const SATURATED: f64 = 0.9;

/// The report. Spans are in microseconds unless their name says otherwise; what was not measured is left out.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    server: String,
    transport: &'static str,
    clients: Clients,
    #[serde(skip_serializing_if = "Option::is_none")]
    published: Option<Published>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deliveries: Option<Deliveries>,
    #[serde(skip_serializing_if = "Option::is_none")]
    served: Option<Served>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<ServerCost>,
    tool: Tool,
}

#[derive(Debug, Serialize)]
struct Clients {
    asked: usize,
    connected: u64,
    refused: BTreeMap<String, u64>,
    ended: BTreeMap<String, u64>,
    seconds: f64,
    opening_us: Quantiles,
}

#[derive(Debug, Serialize)]
struct Published {
    events: u32,
    refused: BTreeMap<String, u64>,
    in_doubt: usize,
    /// What was asked for; nothing where it was as fast as it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    asked_per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_second: Option<f64>,
    answer_us: Quantiles,
}

#[derive(Debug, Serialize)]
struct Deliveries {
    expected: u64,
    delivered: u64,
    missing: u64,
    duplicates: u64,
    out_of_order: u64,
    gaps: u64,
    seconds: f64,
    per_second: f64,
    latency_us: Quantiles,
}

/// A herd: from the first attempt until a client had everything.
#[derive(Debug, Serialize)]
struct Served {
    clients: u64,
    events_each: u32,
    us: Quantiles,
}

#[derive(Debug, Serialize)]
struct ServerCost {
    cpu_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_us_per_delivery: Option<f64>,
    connecting_cpu_us_per_client: f64,
    resident_bytes_before: u64,
    resident_bytes_connected: u64,
    resident_bytes_after: u64,
    resident_bytes_per_client: i64,
}

#[derive(Debug, Serialize)]
struct Tool {
    cpu_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_us_per_delivery: Option<f64>,
    /// The share of the time for which its busiest thread was busy.
    busiest_thread: f64,
    was_the_limit: bool,
}

/// Nothing where nothing was recorded.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Quantiles {
    p50: Option<u64>,
    p90: Option<u64>,
    p99: Option<u64>,
    p99_9: Option<u64>,
    max: Option<u64>,
}

impl Report {
    pub(super) fn new(args: &Args, measured: &Measured) -> Self {
        let tally = &measured.tally;
        let deliveries = (!args.idle).then(|| Deliveries::new(measured));
        let delivered = deliveries.as_ref().map_or(0, |all| all.delivered);
        let served = args.herd.map(|events_each| Served {
            clients: tally.served.count(),
            events_each,
            us: (&tally.served).into(),
        });
        Self {
            server: match &args.against.against {
                Some(uri) => uri.to_string(),
                None => args.remote.to_string(),
            },
            transport: args.transport.as_str(),
            clients: Clients {
                asked: args.clients,
                connected: tally.connected,
                refused: tally.refused.clone(),
                ended: tally.ended.clone(),
                seconds: measured.connecting.as_secs_f64(),
                opening_us: (&tally.opening).into(),
            },
            published: (!args.idle).then(|| Published::new(args, measured)),
            deliveries,
            served,
            cost: ServerCost::new(args, measured, delivered),
            tool: Tool::new(measured, delivered),
        }
    }

    /// Whether every client was there to the end, and has every event once and in order.
    pub(super) fn is_good(&self) -> bool {
        let Clients { refused, ended, .. } = &self.clients;
        let all = self.clients.connected > 0 && refused.is_empty() && ended.is_empty();
        all && self.deliveries.as_ref().is_none_or(|all| {
            let faults = all.missing + all.duplicates + all.out_of_order;
            faults == 0 && all.delivered > 0
        })
    }

    /// One JSON object.
    pub(super) fn to_json(&self) -> String {
        // Numbers and texts: there is nothing in it that could fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Published {
    fn new(args: &Args, measured: &Measured) -> Self {
        let told = &measured.told;
        let paced = args.herd.is_none();
        Self {
            events: told.next,
            refused: told.refused.clone(),
            in_doubt: told.in_doubt.len(),
            asked_per_second: paced.then_some(args.rate),
            per_second: paced.then(|| rate(u64::from(told.next), measured.publishing)),
            answer_us: (&told.answers).into(),
        }
    }
}

impl Deliveries {
    fn new(measured: &Measured) -> Self {
        let (tally, told) = (&measured.tally, &measured.told);
        let connected = tally.ledgers.iter().filter(|(was_there, _)| *was_there);
        let missing = connected.map(|(_, ledger)| ledger.missing(told.next, &told.in_doubt));
        let certain = u64::from(told.next) - told.in_doubt.len() as u64;
        Self {
            expected: tally.connected * certain,
            delivered: tally.delivered,
            missing: missing.sum(),
            duplicates: tally.again,
            out_of_order: tally.late,
            gaps: tally.gaps,
            seconds: measured.delivering.as_secs_f64(),
            per_second: rate(tally.delivered, measured.delivering),
            latency_us: (&tally.latency).into(),
        }
    }
}

impl ServerCost {
    fn new(args: &Args, measured: &Measured, delivered: u64) -> Option<Self> {
        let [before, connected, after] = measured.costs?;
        // A herd's deliveries come while it connects.
        let from = if args.herd.is_some() {
            before
        } else {
            connected
        };
        let used = after.processor.saturating_sub(from.processor);
        let connecting = connected.processor.saturating_sub(before.processor);
        let clients = measured.tally.connected.max(1);
        let more = signed(connected.resident) - signed(before.resident);
        Some(Self {
            cpu_seconds: used.as_secs_f64(),
            cpu_us_per_delivery: each(used, delivered),
            connecting_cpu_us_per_client: each(connecting, clients).unwrap_or_default(),
            resident_bytes_before: before.resident,
            resident_bytes_connected: connected.resident,
            resident_bytes_after: after.resident,
            resident_bytes_per_client: more / signed(clients),
        })
    }
}

impl Tool {
    fn new(measured: &Measured, delivered: u64) -> Self {
        let (used, busiest, within) = measured.own;
        let busiest_thread = busiest.as_secs_f64() / within.as_secs_f64().max(f64::EPSILON);
        Self {
            cpu_seconds: used.as_secs_f64(),
            cpu_us_per_delivery: each(used, delivered),
            busiest_thread,
            was_the_limit: busiest_thread > SATURATED,
        }
    }
}

impl From<&Spans> for Quantiles {
    fn from(spans: &Spans) -> Self {
        let micros = |share| {
            let span = spans.quantile(share)?;
            u64::try_from(span.as_micros()).ok()
        };
        Self {
            p50: micros(0.5),
            p90: micros(0.9),
            p99: micros(0.99),
            p99_9: micros(0.999),
            max: micros(1.0),
        }
    }
}

fn rate(count: u64, within: Duration) -> f64 {
    if within.is_zero() {
        return 0.0;
    }
    count as f64 / within.as_secs_f64()
}

/// Microseconds each.
fn each(span: Duration, count: u64) -> Option<f64> {
    (count > 0).then(|| span.as_secs_f64() * 1e6 / count as f64)
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn sum(reasons: &Reasons) -> u64 {
    reasons.values().sum()
}
