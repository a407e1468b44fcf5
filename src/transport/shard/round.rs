//! One round of a shard's loop: who has news, who was called, who is due.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Cx, Poll};
use std::time::Duration;

use crate::lifecycle::random;
use crate::model::decree::Move;
use crate::model::position::Position;
use crate::model::time::Moment;
use crate::session::Now;
use crate::transport::context::Context;
use crate::transport::engine::Engine;

use super::flash::Flash;
use super::member::Member;
use super::mux::Mux;
use super::poll::Poll as Waiter;
use super::prepared::{Prepared, prepare};
use super::stream::{Begun, Round, Stream, Turn};
use super::sweep::Sweep;
use super::timers::Timers;
use super::{Newcomer, Schedule, Shard};

/// Streams with news that are served in a round, until accepting, requests and timers have their turns: a write takes
/// some 4 µs, so this is a quarter of a millisecond. Publishers wait for it: were it longer, a busy loop would be given
/// fewer events while it goes through its streams, and each event would cost more, because what comes meanwhile goes out
/// in the same write.
const NEWS: usize = 64;
/// Streams that are served in a round because they were called, each with up to as many steps as a turn has.
const CALLED: usize = 128;
/// Bytes that each of both may be given in a round: where batches are long, they are what takes the time.
const BYTES: usize = 1 << 20;
/// Streams that begin in a round. Each may have a past to be told: a herd is served in order, and those who are there
/// already are served meanwhile.
const NEWCOMERS: usize = 64;
/// Timers that streams which have ended may leave behind, at least: a token may last for a year.
const LEFT_BEHIND: usize = 1024;
/// What is read from a client at a time, in bytes.
const SCRATCH: usize = 16 * 1024;

/// The members of a shard: its streams, and its polls that wait.
pub(super) struct Members {
    shard: Arc<Shard>,
    /// By the number of their seats.
    members: Vec<Option<Member>>,
    timers: Timers,
    called: VecDeque<usize>,
    news: VecDeque<usize>,
    sweep: Sweep,
    prepared: Vec<Prepared>,
    /// What is volatile, and on its way.
    flash: Option<Flash>,
    scratch: Box<[u8]>,
    /// Returns once the gateway drains; gone once it does.
    draining: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// What is taken from the roster, and kept for its memory.
    taken: (Vec<usize>, Vec<usize>),
    /// Seats that members have besides their own, and the numbers of those.
    branches: HashMap<usize, usize>,
}

impl Members {
    pub(super) fn new(shard: Arc<Shard>) -> Self {
        let mut draining = shard.context.draining.clone();
        Self {
            timers: Timers::new(shard.context.clock.clone()),
            draining: Some(Box::pin(async move { draining.begun().await })),
            shard,
            members: Vec::new(),
            called: VecDeque::new(),
            news: VecDeque::new(),
            sweep: Sweep::default(),
            prepared: Vec::new(),
            flash: None,
            scratch: vec![0; SCRATCH].into(),
            taken: Default::default(),
            branches: HashMap::new(),
        }
    }

    /// The number of the seat by which its member is known.
    fn home(&self, number: usize) -> usize {
        if self.branches.is_empty() {
            return number;
        }
        self.branches.get(&number).copied().unwrap_or(number)
    }

    /// One round; it asks for the next by itself.
    pub(super) fn round(&mut self, cx: &mut Cx<'_>) -> Poll<()> {
        self.gather(cx);
        self.welcome();
        for order in self.shard.take_orders() {
            self.carry_out(order);
        }
        // Those who are there now: who has more to do than a turn allows comes again in the next round, and clients that
        // talk without pause take nothing from those who have news.
        let mut bytes = BYTES;
        for _ in 0..self.called.len().min(CALLED) {
            if bytes > 0
                && let Some(number) = self.called.pop_front()
            {
                self.serve(number, &mut bytes);
            }
        }
        let mut bytes = BYTES;
        for _ in 0..CALLED {
            if bytes > 0
                && let Some(number) = self.sweep.next(self.members.len())
            {
                self.serve(number, &mut bytes);
            }
        }
        let (now, mut bytes) = (self.context().now(), BYTES);
        for _ in 0..self.news.len().min(NEWS) {
            if bytes > 0
                && let Some(number) = self.news.pop_front()
            {
                self.tell(number, now, &mut bytes);
            }
        }
        self.settle();
        self.flash();
        let is_done = self.called.is_empty()
            && self.news.is_empty()
            && self.sweep.is_over()
            && self.flash.is_none();
        if !is_done || !self.shard.newcomers().is_empty() || self.timers.poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Whoever wants a turn, and why.
    fn gather(&mut self, cx: &mut Cx<'_>) {
        let (mut called, mut news) = std::mem::take(&mut self.taken);
        let is_for_all = self.shard.roster.take(cx.waker(), &mut called, &mut news);
        for number in called.drain(..) {
            let home = self.home(number);
            self.called.push_back(home);
        }
        if is_for_all {
            self.sweep.begin(self.members.len());
        }
        for number in news.drain(..) {
            let home = self.home(number);
            if home != number {
                self.called.push_back(home);
                continue;
            }
            // On the list once, however many of its rooms have grown since it was put there.
            if let Some(Some(member)) = self.members.get_mut(number)
                && !std::mem::replace(&mut member.schedule_mut().is_listed, true)
            {
                self.news.push_back(number);
            }
        }
        self.taken = (called, news);
        if let Some(draining) = &mut self.draining
            && draining.as_mut().poll(cx).is_ready()
        {
            self.draining = None;
            self.send_away();
        }
        if self.timers.len() > LEFT_BEHIND + 2 * self.members.len() {
            let members = &self.members;
            let is_armed = |number: usize, at| {
                let member = members.get(number).and_then(Option::as_ref);
                member.is_some_and(|member| member.schedule().armed == Some(at))
            };
            self.timers.retain(is_armed);
        }
        let now = self.context().clock.now();
        while let Some((number, at)) = self.timers.next(now) {
            if let Some(Some(member)) = self.members.get_mut(number)
                && member.schedule().armed == Some(at)
            {
                member.schedule_mut().armed = None;
                self.called.push_back(number);
            }
        }
    }

    /// Gives each stream its time to leave: spread, so that the clients do not come back as one.
    fn send_away(&mut self) {
        let (now, window) = (
            self.context().clock.now(),
            self.context().rules().drain_window,
        );
        for (number, member) in self.members.iter_mut().enumerate() {
            if let Some(member) = member {
                leave(number, member.schedule_mut(), &mut self.timers, now, window);
            }
        }
    }

    /// Begins the streams and the waits of those who came.
    fn welcome(&mut self) {
        let newcomers: Vec<_> = {
            let mut waiting = self.shard.newcomers();
            let count = waiting.len().min(NEWCOMERS);
            if count > 0 {
                self.shard.pulse.waiting(waiting.len() - count);
            }
            waiting.drain(..count).collect()
        };
        for (came, newcomer) in newcomers {
            let waited = self.context().clock.now().since(came);
            self.shard.pulse.welcomed(waited);
            let (context, seat) = (&self.shard.context, self.shard.roster.seat());
            let number = seat.number();
            let member = match newcomer {
                Newcomer::Poll(borrowed, guest) => {
                    let poll = Waiter::begin(context, seat, borrowed, guest);
                    Member::Poll(Box::new(poll))
                }
                Newcomer::Session(arrival, connection, guest) => {
                    match Mux::begin(context, seat, *arrival, connection, guest) {
                        Some(mux) => Member::Mux(Box::new(mux)),
                        None => continue,
                    }
                }
                Newcomer::Stream(adopted, guest) => {
                    match Stream::begin(context, seat, *adopted, guest, context.now()) {
                        Begun::Stream(stream) => Member::Stream(stream),
                        Begun::Ended(ended) => {
                            ended.finish(context);
                            continue;
                        }
                    }
                }
            };
            self.seat(number, member);
        }
    }

    fn seat(&mut self, number: usize, mut member: Member) {
        if self.members.len() <= number {
            self.members.resize_with(number + 1, || None);
        }
        if self.draining.is_none() {
            let (now, window) = (
                self.context().clock.now(),
                self.context().rules().drain_window,
            );
            leave(number, member.schedule_mut(), &mut self.timers, now, window);
        }
        let is_poll = matches!(member, Member::Poll(_));
        if let Some(lifetime) = self.context().rules().lifetime.filter(|_| !is_poll) {
            let span = random::between(lifetime * 4 / 5, lifetime);
            let at = self.context().clock.now() + span;
            leave_at(number, member.schedule_mut(), &mut self.timers, at);
        }
        self.members[number] = Some(member);
        self.branches.remove(&number);
        self.called.push_back(number);
    }

    /// A turn of the member of this `number`.
    fn serve(&mut self, number: usize, bytes: &mut usize) {
        let Some(Some(member)) = self.members.get_mut(number) else {
            return;
        };
        let (context, scratch) = (&self.shard.context, &mut self.scratch);
        let mut branches = Vec::new();
        let mut round = Round {
            now: context.now(),
            scratch,
            bytes,
            roster: &self.shard.roster,
            branches: &mut branches,
        };
        let turn = member.turn(context, &mut round);
        let branches = branches.into_iter().map(|branch| (branch, number));
        self.branches.extend(branches);
        self.after(number, turn);
    }

    /// News for the member of this `number`: what others at its place are given too, if it can be; else a turn.
    fn tell(&mut self, number: usize, now: Now, left: &mut usize) {
        let Some(Some(member)) = self.members.get_mut(number) else {
            return;
        };
        member.schedule_mut().is_listed = false;
        let context = &self.shard.context;
        let found = self.prepared.iter().position(|one| member.takes(one));
        let Some(found) = found.or_else(|| prepare(&mut self.prepared, member, context)) else {
            return self.serve(number, left);
        };
        let Some(form) = member.form() else {
            return self.serve(number, left);
        };
        let prepared = &mut self.prepared[found];
        let bytes = prepared.bytes(&form, now);
        *left = left.saturating_sub(bytes.len());
        let turn = member.take(prepared, &bytes, now);
        let schedule = member.schedule_mut();
        if prepared.batch.more && matches!(turn, Turn::Waits) {
            schedule.is_listed = true;
            self.news.push_back(number);
        }
        // What was given moves its deadline, and only away: the timer that it has will do.
        if schedule.armed.is_none() || !matches!(turn, Turn::Waits) {
            self.after(number, turn);
        }
    }

    /// What is volatile, for some of those who may get it: behind the news, which they have to have read.
    fn flash(&mut self) {
        let next = || Flash::next_of(&self.shard.roster);
        let Some(mut flash) = self.flash.take().or_else(next) else {
            return;
        };
        let mut bytes = BYTES;
        for _ in 0..NEWS {
            let Some((number, event, place)) = flash.next() else {
                let now = self.context().clock.now();
                flash.count(&self.context().metrics, now);
                self.flash = Flash::next_of(&self.shard.roster);
                return;
            };
            // Where nothing has happened for it, it may not have read so far: it reads on, and is told first what that brings.
            let home = self.home(number);
            let lags = |member: &mut Member| member.lags_behind(number, &event);
            if self.member_mut(home).is_some_and(lags) {
                self.serve(home, &mut bytes);
            }
            let now = self.context().now();
            if let Some(member) = self.member_mut(home)
                && let Some(form) = member.takes_flash(number, &event)
                && let Some(written) = flash.bytes(form, &event, place)
            {
                let turn = member.hand_over(&written, now);
                self.after(home, turn);
            }
        }
        self.flash = Some(flash);
    }

    /// Its streams: the number of each one's seat, whose it is, and itself.
    pub(super) fn engines(&self) -> impl Iterator<Item = (usize, &Member, &Engine)> {
        let numbered = (0..).zip(&self.members);
        let there = numbered.filter_map(|(number, member)| Some((number, member.as_ref()?)));
        there.flat_map(|(number, member)| {
            let engines = member.engines().into_iter();
            engines.map(move |engine| (number, member, engine))
        })
    }

    pub(super) fn members_mut(&mut self) -> impl Iterator<Item = &mut Member> {
        self.members.iter_mut().flatten()
    }

    /// Calls those whom a move `at` this position concerns; says how many streams that are.
    pub(super) fn call_moved(&mut self, moved: &Move, at: Position) -> usize {
        let mut all = 0;
        for (number, member) in self.members.iter().enumerate() {
            let Some(member) = member else { continue };
            let (streams, is_meant) = member.to_move(moved, at);
            all += streams;
            if is_meant {
                self.called.push_back(number);
            }
        }
        all
    }

    pub(super) fn member_mut(&mut self, number: usize) -> Option<&mut Member> {
        self.members.get_mut(number)?.as_mut()
    }

    /// Gives the member of this `number` its time to leave.
    pub(super) fn leave_within(&mut self, number: usize, window: Duration) {
        let now = self.context().clock.now();
        if let Some(Some(member)) = self.members.get_mut(number) {
            leave(number, member.schedule_mut(), &mut self.timers, now, window);
        }
    }

    pub(super) fn after(&mut self, number: usize, turn: Turn) {
        let Some(place) = self.members.get_mut(number) else {
            return;
        };
        match turn {
            Turn::Waits => {
                if let Some(member) = place {
                    let deadline = member.deadline();
                    let armed = &mut member.schedule_mut().armed;
                    self.timers.set(number, armed, deadline);
                }
            }
            Turn::Continues => self.called.push_back(number),
            Turn::Gone => *place = None,
            Turn::Ends(ending) => {
                if let Some(ended) = place.take().and_then(|member| member.ended(ending)) {
                    ended.finish(&self.shard.context);
                }
            }
            Turn::Returns => place.take().into_iter().for_each(Member::give_back),
        }
    }

    /// What was prepared is counted and forgotten: the next round reads what has come meanwhile.
    fn settle(&mut self) {
        let now = self.shard.context.clock.now();
        for prepared in self.prepared.drain(..) {
            prepared.count(&self.shard.context.metrics, now);
        }
    }

    pub(super) fn context(&self) -> &Context {
        &self.shard.context
    }
}

fn leave(
    number: usize,
    schedule: &mut Schedule,
    timers: &mut Timers,
    now: Moment,
    window: Duration,
) {
    let at = now + random::between(Duration::ZERO, window);
    leave_at(number, schedule, timers, at);
}

/// It leaves then at the latest.
fn leave_at(number: usize, schedule: &mut Schedule, timers: &mut Timers, at: Moment) {
    let at = schedule.leaves.map_or(at, |before| before.min(at));
    schedule.leaves = Some(at);
    timers.set(number, &mut schedule.armed, Some(at));
}
