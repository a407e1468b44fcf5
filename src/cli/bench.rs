//! `gatecast bench`.

mod against;
mod book;
mod connection;
mod crowd;
mod frames;
mod http1;
mod ledger;
mod lines;
mod mark;
mod meter;
mod plan;
mod polls;
mod publisher;
mod refused;
mod report;
mod run;
mod stream;
mod tally;

use std::process::ExitCode;
use std::time::Duration;

use super::remote::{Remote, room};
use super::{failed, on_this_thread, print, transport, used_wrongly};
use crate::config;
use crate::model::room::Room;
use crate::model::transport::Transport;
use against::Against;
use report::Report;
use run::Run;

/// What to measure, and with how many.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  gatecast bench --clients 1000 --rate 20 --duration 10s --key-file backend.key --pid $(pgrep -x gatecast)\n\n\
    The role needs to subscribe to the room and to publish to it. Take a room that nobody else uses.\n\n\
    Ends with 0 when every client was there to the end and has every event once and in order, 1 when not or when nothing \
    could be measured, 2 when the command was used wrongly."
)]
pub struct Args {
    /// What the clients connect over.
    #[arg(long, value_name = "TRANSPORT", default_value = "sse", value_parser = transport())]
    transport: Transport,
    /// How many clients connect.
    #[arg(long, value_name = "COUNT", default_value_t = 1000, value_parser = count)]
    clients: usize,
    /// Events to publish a second.
    #[arg(long, value_name = "EVENTS", default_value_t = 20.0, value_parser = rate)]
    rate: f64,
    /// For how long to publish: 500ms, 10s, 5m.
    #[arg(long, default_value = "10s", value_parser = config::parse_duration)]
    duration: Duration,
    /// The payload of an event, in bytes; at least 34, which its mark has.
    #[arg(long, value_name = "BYTES", default_value_t = 100)]
    size: usize,
    /// The room.
    #[arg(long, default_value = "bench", value_parser = room)]
    room: Room,
    /// Publish nothing: tell the memory that each idle client costs.
    #[arg(long, conflicts_with_all = ["rate", "duration", "size", "herd"])]
    idle: bool,
    /// Publish so many events first, then connect all clients at once, and tell how long it takes until each has them.
    #[arg(long, value_name = "EVENTS", value_parser = clap::value_parser!(u32).range(1..), conflicts_with_all = ["rate", "duration"])]
    herd: Option<u32>,
    /// Threads that run the clients.
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = count)]
    threads: usize,
    /// The server's process, if it runs here: tells its processor time and memory. May be repeated; what it has started
    /// counts, too. Without it the gateway's own metrics are asked.
    #[arg(long = "pid", value_name = "PID")]
    pids: Vec<u32>,
    /// Print one JSON object; spans are in microseconds.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    against: Against,
    #[command(flatten)]
    remote: Remote,
}

/// File descriptors that are needed beside one for each client.
const SPARE: u64 = 64;

/// Runs it.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    if let Err(why) = args.against.check(args.transport, args.idle) {
        return used_wrongly(&why);
    }
    if let Err(why) = enough_descriptors(args.clients) {
        return failed(&why);
    }
    on_this_thread(async {
        let measured = match Run::prepare(args).await {
            Ok(run) => run.measure().await,
            Err(why) => Err(why),
        };
        let measured = match measured {
            Ok(measured) => measured,
            Err(why) => return failed(&why),
        };
        let report = Report::new(args, &measured);
        if args.json {
            print::line(&report.to_json());
        } else {
            print::line(&report);
        }
        if let Some(why) = &measured.halted {
            return failed(&format!("publishing stopped: {why}"));
        }
        if report.is_good() {
            ExitCode::SUCCESS
        } else {
            failed(&"not every client was there to the end with every event once and in order")
        }
    })
}

/// A connection is a file descriptor, and the limit that a shell gives by default is 1024 of them.
fn enough_descriptors(clients: usize) -> Result<(), String> {
    let needed = clients as u64 + SPARE;
    // Where it cannot be known it is tried.
    let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(u64::MAX);
    if limit < needed {
        return Err(format!(
            "{clients} clients need {needed} open files, and the limit is {limit}: raise it (ulimit -Hn, LimitNOFILE=)"
        ));
    }
    Ok(())
}

fn count(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| *count > 0);
    count.ok_or_else(|| "write a whole number from 1 on".into())
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text
        .parse()
        .ok()
        .filter(|rate| (0.001..=1e6).contains(rate));
    rate.ok_or_else(|| "write a number from 0.001 to 1000000".into())
}
