//! Reports of runs that were never run.

use clap::Parser as _;

use super::*;
use crate::cli::bench::ledger::Ledger;
use crate::cli::bench::meter::Cost;
use crate::cli::bench::publisher::Told;
use crate::cli::bench::tally::Tally;
use crate::cli::{Command, Line};

fn args(more: &[&str]) -> Box<Args> {
    let line = Line::try_parse_from([&["gatecast", "bench", "--clients", "2"], more].concat());
    let Command::Bench(args) = line.unwrap().command else {
        panic!("another command");
    };
    args
}

/// A run of `events`, in which each of two clients has those of its list.
fn measured(events: u32, clients: [&[u32]; 2]) -> Measured {
    let mut tally = Tally {
        connected: 2,
        ..Tally::default()
    };
    for seqs in clients {
        let mut ledger = Ledger::default();
        seqs.iter().for_each(|seq| _ = ledger.arrived(*seq));
        tally.delivered += seqs.len() as u64;
        tally.latency.record(Duration::from_micros(1500));
        tally.ledgers.push((true, ledger));
    }
    Measured {
        tally,
        told: Told {
            next: events,
            ..Told::default()
        },
        connecting: Duration::from_millis(250),
        publishing: Duration::from_secs(2),
        delivering: Duration::from_secs(2),
        costs: None,
        own: (
            Duration::from_secs(1),
            Duration::from_millis(500),
            Duration::from_secs(2),
        ),
        halted: None,
    }
}

#[test]
fn a_run_is_good_when_every_client_has_everything() {
    let report = Report::new(&args(&[]), &measured(3, [&[0, 1, 2], &[0, 1, 2]]));
    assert!(report.is_good());
    let table = report.to_string();
    for line in [
        "clients     2 of 2 connected in 0.25 s, 0 refused",
        "published   3, 1.5 of 20.0 a second",
        "delivered   6 of 6: 0 missing, 0 twice, 0 out of order, 0 gaps told; 3 a second",
        "latency     p50 1.50 ms",
    ] {
        assert!(table.contains(line), "{line}: {table}");
    }
}

#[test]
fn what_is_missing_is_counted_client_by_client_and_what_is_in_doubt_is_not() {
    let mut run = measured(4, [&[0, 3], &[0, 1, 2]]);
    let missing = |run: &Measured| {
        let report = Report::new(&args(&[]), run);
        let deliveries = report.deliveries.as_ref().unwrap();
        let numbers = (deliveries.expected, deliveries.missing);
        (numbers, report.is_good())
    };
    assert_eq!(missing(&run), ((8, 3), false));
    run.told.in_doubt = vec![1];
    assert_eq!(missing(&run), ((6, 2), false));
    run.tally.ledgers.pop();
    assert_eq!(missing(&run).0.1, 1);
}

#[test]
fn a_run_is_not_good_when_somebody_was_refused_or_sent_away_or_nothing_was_measured() {
    let all = || measured(1, [&[0], &[0]]);
    let good = |run: &Measured| Report::new(&args(&[]), run).is_good();
    let mut run = all();
    run.tally.refused.insert("overloaded".into(), 3);
    run.tally.refused.insert("503".into(), 1);
    assert!(!good(&run));
    let table = Report::new(&args(&[]), &run).to_string();
    assert!(table.contains("4 refused (1 503, 3 overloaded)"), "{table}");
    let mut run = all();
    run.tally.ended.insert("closed with 3005".into(), 1);
    assert!(!good(&run));
    let mut run = all();
    run.tally.again = 1;
    assert!(!good(&run));
    assert!(!good(&measured(0, [&[], &[]])));
}

#[test]
fn a_tool_that_had_no_time_left_says_so() {
    let mut run = measured(1, [&[0], &[0]]);
    let says = |run: &Measured| {
        let table = Report::new(&args(&[]), run).to_string();
        table.contains("the load tool itself was the limit")
    };
    assert!(!says(&run));
    run.own.1 = Duration::from_millis(1900);
    assert!(says(&run));
}

#[test]
fn the_servers_costs_are_those_of_the_deliveries_and_of_the_clients() {
    let cost = |millis, kibibytes: u64| Cost {
        processor: Duration::from_millis(millis),
        resident: kibibytes << 10,
    };
    let mut run = measured(1, [&[0], &[0]]);
    run.costs = Some([cost(100, 1000), cost(110, 1006), cost(111, 1200)]);
    let report = Report::new(&args(&[]), &run);
    let told = report.cost.as_ref().unwrap();
    assert_eq!(told.cpu_us_per_delivery, Some(500.0));
    assert_eq!(told.connecting_cpu_us_per_client, 5000.0);
    assert_eq!(told.resident_bytes_per_client, 3 << 10);
    assert!(report.to_string().contains("3.00 KiB a client"));
    // A herd is served while it connects, and latency has no meaning where the events were there first.
    let herd = Report::new(&args(&["--herd", "1"]), &run);
    assert_eq!(herd.cost.unwrap().cpu_us_per_delivery, Some(5500.0));
    assert!(herd.deliveries.unwrap().latency_us.is_none());
}
