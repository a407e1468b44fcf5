//! The course of a run: connect, wait, publish, wait for what is under way, and put together what was seen.

use std::sync::Arc;
use std::time::Duration;

use super::Args;
use super::book::value;
use super::crowd::Crowd;
use super::meter::{Cost, Meter, Own};
use super::plan::{Plan, Publication, unpublished};
use super::publisher::{Publisher, Told};
use super::tally::{Seen, Tally};
use crate::lifecycle::clock::Clock;
use crate::model::time::Moment;

/// How often is looked how far the clients are.
const LOOK: Duration = Duration::from_millis(5);
/// What settles after everybody is connected, on the server and here, has settled by then.
const SETTLE: Duration = Duration::from_secs(1);
/// After so long without a delivery none is waited for.
const QUIET: Duration = Duration::from_secs(3);
/// How often memory is looked at until it stays as it is.
const SAMPLE: Duration = Duration::from_millis(500);
/// So many looks in a row at the same memory, and it has settled.
const SAME: u32 = 4;
/// Memory that has not settled by then never does.
const UNSETTLED: u32 = 40;

/// A publisher that fell behind is let go on for so many times as long as was asked for.
const LATE: u32 = 2;

/// What was measured.
pub(super) struct Measured {
    pub(super) tally: Tally,
    pub(super) told: Told,
    /// From the first attempt until the last client was connected.
    pub(super) connecting: Duration,
    /// What was published for was this long; nothing where nothing was.
    pub(super) publishing: Duration,
    /// From the first publish (or attempt, for a replay) to the last arrival.
    pub(super) delivering: Duration,
    /// The server before anybody came, when all were connected, and at the end.
    pub(super) costs: Option<[Cost; 3]>,
    /// What this tool used while it measured: in all, by its busiest thread, and in how long.
    pub(super) own: (Duration, Duration, Duration),
    /// Why it published no further.
    pub(super) halted: Option<String>,
}

/// What is at hand in a run.
pub(super) struct Run<'a> {
    args: &'a Args,
    clock: Clock,
    meter: Meter,
    plan: Plan,
    publisher: Option<Publisher>,
}

impl<'a> Run<'a> {
    /// Looks whether a run can be.
    ///
    /// # Errors
    /// It cannot, and why.
    pub(super) async fn prepare(args: &'a Args) -> Result<Self, String> {
        let clock = Clock::system();
        let mut plan = Plan::new(args).await?;
        let mut publisher = None;
        if !args.idle {
            let publication = Publication::new(args).await?;
            let mut one = Publisher::new(publication, plan.marks.clone(), clock.clone());
            let answer = one.probe().await;
            let answer = answer.map_err(|why| unpublished(args, &why))?;
            if plan.is_native && args.herd.is_some() {
                let id = value(&answer, r#""id":""#);
                plan.since = Some(id.ok_or("the answer to a publish names no id")?);
            }
            publisher = Some(one);
        }
        Ok(Self {
            args,
            meter: Meter::new(args, &clock).await?,
            clock,
            plan,
            publisher,
        })
    }

    /// Measures.
    ///
    /// # Errors
    /// This machine has no threads left.
    pub(super) async fn measure(mut self) -> Result<Measured, String> {
        let mut halted = None;
        if let (Some(count), Some(publisher)) = (self.args.herd, &mut self.publisher) {
            halted = stock(publisher, count, self.args).await;
        }
        let (plan, clock) = (Arc::new(self.plan), self.clock);
        let before = self.meter.read().await;
        let begun = clock.now();
        let own = Own::read();
        let (clients, threads) = (self.args.clients, self.args.threads);
        let crowd = Crowd::start(&plan, &clock, clients, threads);
        let crowd = Waiting {
            clock: &clock,
            clients: clients as u64,
            crowd: crowd.map_err(|why| format!("no threads to run on: {why}"))?,
        };
        crowd.all_answered().await;
        let mut measure = Measure::begin(begun, own);
        let mut publishing = Duration::ZERO;
        let mut connected = self.meter.read().await;
        if self.args.idle {
            connected = settled(&self.meter, &clock).await;
        } else if self.args.herd.is_some() {
            crowd.all_served().await;
        } else if crowd.crowd.seen().connected > 0 {
            clock.sleep(SETTLE).await;
            connected = self.meter.read().await;
            measure = Measure::begin(clock.now(), Own::read());
            if let Some(publisher) = &mut self.publisher {
                halted = pace(publisher, self.args, &clock).await;
                publishing = clock.now().since(measure.begun);
                crowd.all_delivered(publisher.told.next).await;
            }
        }
        let after = self.meter.read().await;
        let (used, busiest) = Own::read().since(&measure.own);
        let within = clock.now().since(measure.begun);
        let tally = crowd.crowd.end().map_err(|why| why.to_string())?;
        let costs = before.zip(connected).zip(after);
        Ok(Measured {
            connecting: tally.last_opened.since(begun),
            delivering: tally.last_arrival.since(measure.begun),
            tally,
            told: self.publisher.map(|one| one.told).unwrap_or_default(),
            publishing,
            costs: costs.map(|((before, connected), after)| [before, connected, after]),
            own: (used, busiest, within),
            halted,
        })
    }
}

/// Where what is measured begins.
struct Measure {
    begun: Moment,
    own: Own,
}

impl Measure {
    const fn begin(begun: Moment, own: Own) -> Self {
        Self { begun, own }
    }
}

/// Publishes what a herd shall find, as fast as it goes; why it had to stop.
async fn stock(publisher: &mut Publisher, count: u32, args: &Args) -> Option<String> {
    while publisher.told.next < count {
        if let Err(refused) = publisher.publish().await {
            return Some(unpublished(args, &Ok(refused)));
        }
    }
    None
}

/// Publishes at the rate that was asked for, for as long; why it had to stop. Who falls behind hurries, and stops when
/// twice the time is over.
async fn pace(publisher: &mut Publisher, args: &Args, clock: &Clock) -> Option<String> {
    let start = clock.now();
    let events = (args.rate * args.duration.as_secs_f64()).round() as u64;
    for event in 0..events {
        let due = start + Duration::from_secs_f64(event as f64 / args.rate);
        let now = clock.now();
        if now.since(start) > args.duration * LATE {
            break;
        }
        if due > now {
            clock.sleep_until(due).await;
        }
        if let Err(refused) = publisher.publish().await {
            return Some(unpublished(args, &Ok(refused)));
        }
    }
    clock.sleep_until(start + args.duration).await;
    None
}

/// The server's costs when its memory has stopped to change: within a hundredth, or 64 KiB.
async fn settled(meter: &Meter, clock: &Clock) -> Option<Cost> {
    let mut last = meter.read().await?;
    let mut same = 0;
    for _ in 0..UNSETTLED {
        clock.sleep(SAMPLE).await;
        let now = meter.read().await?;
        let change = now.resident.abs_diff(last.resident);
        same = if change <= (last.resident / 100).max(64 << 10) {
            same + 1
        } else {
            0
        };
        last = now;
        if same == SAME {
            break;
        }
    }
    Some(last)
}

/// A crowd that is waited for.
struct Waiting<'a> {
    clock: &'a Clock,
    clients: u64,
    crowd: Crowd,
}

impl Waiting<'_> {
    /// Until each client is connected or refused: each of them gives up in time.
    async fn all_answered(&self) {
        let answered = |seen: Seen| seen.connected + seen.refused >= self.clients;
        self.until(Duration::MAX, answered).await;
    }

    async fn all_served(&self) {
        let served = |seen: Seen| seen.served + seen.refused + seen.ended >= self.clients;
        self.until(QUIET, served).await;
    }

    async fn all_delivered(&self, published: u32) {
        let expected = self.crowd.seen().connected * u64::from(published);
        self.until(QUIET, |seen| seen.delivered >= expected).await;
    }

    /// Until `done`, or nothing has changed for `quiet`.
    async fn until(&self, quiet: Duration, done: impl Fn(Seen) -> bool) {
        let mut last = (self.clock.now(), self.crowd.seen());
        while !done(last.1) && self.clock.now().since(last.0) < quiet {
            self.clock.sleep(LOOK).await;
            let seen = self.crowd.seen();
            if seen != last.1 {
                last = (self.clock.now(), seen);
            }
        }
    }
}
