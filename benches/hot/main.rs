//! The functions that each event or each client passes, as jobs that do the same work again and again.
//!
//! `cargo bench` tells their time (criterion; `-- FILTER` for some of them), `benches/instructions` how many
//! instructions they need. For that, `repeat JOB COUNT` as arguments runs one job so many times and does nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench that cannot be set up stops, and its output is for whoever runs it"
)]

mod auth;
mod event;
mod log;
mod sse;
mod websocket;

use criterion::{Criterion, Throughput};

/// Work to repeat.
type Work = Box<dyn FnMut()>;

/// One function, or a few that belong together, with all that they need.
struct Job {
    /// What is measured, `room/what`.
    name: &'static str,
    /// How many events, messages or decisions one run makes: figures are told for each.
    each: u64,
    /// Sets it up, which is not measured.
    work: fn() -> Work,
}

const fn job(name: &'static str, each: u64, work: fn() -> Work) -> Job {
    Job { name, each, work }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["list"] => jobs().for_each(|job| println!("{} {}", job.name, job.each)),
        ["repeat", name, count] => repeat(name, count.parse().unwrap()),
        _ => measure(),
    }
}

fn jobs() -> impl Iterator<Item = &'static Job> {
    [auth::JOBS, log::JOBS, sse::JOBS, websocket::JOBS]
        .into_iter()
        .flatten()
}

fn repeat(name: &str, count: usize) {
    let job = jobs().find(|job| job.name == name).unwrap();
    let mut work = (job.work)();
    for _ in 0..count {
        work();
    }
}

fn measure() {
    let mut criterion = Criterion::default().configure_from_args();
    for job in jobs() {
        let (room, what) = job.name.split_once('/').unwrap();
        let mut group = criterion.benchmark_group(room);
        group.throughput(Throughput::Elements(job.each));
        let mut work = None;
        group.bench_function(what, |bencher| {
            // Not before it is known that the job is wanted.
            let work = work.get_or_insert_with(job.work);
            bencher.iter(work);
        });
    }
    criterion.final_summary();
}
