//! Long-poll: one read, waited for.
//!
//! A poll reads at once, and is answered if that gave anything. If not, it waits: over HTTP/1.1 in the loop of a shard,
//! among the streams, and over HTTP/2 in the task of its request. No session outlives the answer; the next poll brings
//! its cursor.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::auth::Access;
use crate::bus::moves::Who;
use crate::bus::reader::{Batch, Credit};
use crate::bus::rooms::Delivery;
use crate::bus::state::Told;
use crate::bus::wake::Seat;
use crate::bus::{Opened, Subscription};
use crate::lifecycle::random;
use crate::limit::Held;
use crate::model::code::{Code, Refusal};
use crate::model::decree::{Decree, Move, Whom};
use crate::model::gap::Gap;
use crate::model::position::Position;
use crate::model::room::Room;
use crate::model::start::Start;
use crate::model::time::{Moment, UnixMillis};
use crate::model::transport::Transport;
use crate::session::admission::Admitted;
use crate::session::first::deliveries;
use crate::telemetry::metrics::Meter;
use crate::telemetry::metrics::labels::End;
use crate::wire::control::{Control, Envelope};
use crate::wire::encoding::Encoding;
use crate::wire::hook::First;
use crate::wire::http1;
use crate::wire::poll::{self, Answer};

use super::ANSWER;
use super::context::{Context, come_back};
use super::delivery::count;
use super::turn::Turn;
use super::wishes::Wishes;

/// What one answer holds at most.
pub(super) const CREDIT: Credit = Credit {
    events: 500,
    bytes: 256 * 1024,
};

/// What the state in an answer may take, in bytes of memory: an answer is made in one go.
const STATE: usize = 4 << 20;

/// What a poll comes to at first.
pub enum Look {
    /// It is answered at once.
    Answered(Answer),
    /// There is nothing to tell yet.
    Waits(Box<Waiting>),
}

/// A poll that waits.
pub struct Waiting {
    /// Whose it is.
    access: Arc<Access>,
    rooms: Vec<Room>,
    /// Everything due up to here was told before.
    since: Position,
    /// Rooms that are no longer granted. They are told in each answer, and are no reason to give one: a client that keeps
    /// its URL would poll in a hot loop.
    known: Vec<Gap>,
    /// What the backend has its client told first.
    first: Vec<First>,
    /// When it is answered in any case.
    until: Moment,
    /// Whether its credential was no longer good for all that it waits for when it began to: what came meanwhile is not
    /// for it, and it is answered with nothing.
    is_over: bool,
    meter: Meter,
    /// Its places among the streams that are open.
    held: Held,
    wishes: Wishes,
}

/// Reads for a poll, which may `wait` if there is nothing to tell.
///
/// # Errors
/// What its credential is refused for by now; `unavailable`, if it is good for less than it was `admitted` to.
pub fn look(
    context: &Context,
    access: &Arc<Access>,
    admitted: Admitted,
    wait: Duration,
    meter: Meter,
    (held, wishes): (Held, Wishes),
) -> Result<Look, Refusal> {
    let Admitted {
        rooms,
        start,
        gaps: known,
        extra: _,
        first,
    } = admitted;
    let state = |gaps: &[Gap]| wishes.due(&rooms, start, gaps);
    let credit = if wishes.snapshot() { ANSWER } else { CREDIT };
    let (mut batch, told) = context.bus.read(&rooms, start, credit, state);
    if told.bytes() > STATE {
        let message = "the state of these rooms is more than one answer holds: ask for fewer of them, or open a stream";
        return Err(Refusal::new(Code::TooLarge, message).limit("snapshot"));
    }
    // Only now: what was decreed before the read is not read, and may have come after its rights were looked at.
    let access = context.judge_in_time(access)?;
    if !is_good_for(&access, &rooms) {
        let message = "what this credential may do has just changed: ask again";
        return Err(Refusal::new(Code::Unavailable, message).retry_after(come_back()));
    }
    if start.is_resume() {
        meter.resumed(batch.gaps.is_empty());
    }
    let left = access.expires_at.map(|at| at.since(context.clock.unix()));
    let wait = wait.min(left.unwrap_or(wait));
    let waiting = Waiting {
        access,
        rooms,
        since: batch.cursor,
        known,
        first,
        until: context.clock.now() + wait,
        is_over: false,
        meter,
        held,
        wishes,
    };
    let is_silent = batch.is_empty() && told.is_over() && waiting.first.is_empty();
    waiting.keep_own(&mut batch);
    Ok(if is_silent && !wait.is_zero() {
        Look::Waits(Box::new(waiting))
    } else {
        context.bus.touch(&waiting.access.principal, &waiting.rooms);
        Look::Answered(waiting.answer_with(context, batch, None, told))
    })
}

/// Whether `access` may poll all of `rooms`.
fn is_good_for(access: &Access, rooms: &[Room]) -> bool {
    access.may_use(Transport::LongPoll) && rooms.iter().all(|room| access.may_subscribe(room))
}

impl Waiting {
    /// Waits in a task of its own.
    pub async fn answered(mut self: Box<Self>, context: &Context) -> Answer {
        let (start, mut turn) = (Start::At(self.since), Turn::new(context));
        let Opened {
            mut subscription, ..
        } = context.bus.subscribe(&self.rooms, start);
        subscription.attend(&self.access.principal);
        let live = Some(self.since.seq);
        self.is_over = !self.may_go_on(context);
        let mut is_due = self.is_over;
        while !is_due {
            let mut batch = tokio::select! {
                biased;
                batch = subscription.next_batch_as(CREDIT, Some(self.who())) => batch,
                () = turn.come() => break,
                () = context.clock.sleep_until(self.until) => break,
            };
            is_due = !self.heeds(context, &mut batch);
            self.keep_own(&mut batch);
            if is_due || !batch.is_empty() {
                return self.answer(context, batch, live);
            }
        }
        let mut batch = subscription.read_as(CREDIT, Some(self.who()));
        self.heeds(context, &mut batch);
        self.keep_own(&mut batch);
        self.answer(context, batch, live)
    }

    /// Takes out of `batch` what is not for its client.
    pub(super) fn keep_own(&self, batch: &mut Batch) {
        let name = self.access.principal.name();
        batch
            .events
            .retain(|event| self.wishes.lets(event.event(), name));
    }

    /// Begins to read where it is called by `seat`.
    pub(super) fn subscribe(&mut self, context: &Context, seat: Arc<Seat>) -> Subscription {
        let start = Start::At(self.since);
        let mut opened = context.bus.subscribe_at(seat, &self.rooms, start, false);
        opened.subscription.attend(&self.access.principal);
        // What was decreed before is not read.
        if !self.may_go_on(context) {
            self.is_over = true;
            self.until = context.clock.now();
        }
        opened.subscription
    }

    /// Takes out of `batch` what is decreed, and what it may not be told for it; says whether it may go on waiting. A poll
    /// that may not is answered with what came before, up to there, and the next one is told why.
    pub(super) fn heeds(&mut self, context: &Context, batch: &mut Batch) -> bool {
        if self.is_over {
            *batch = Batch::empty_at(self.since);
            return false;
        }
        for (seq, decree) in std::mem::take(&mut batch.decrees) {
            let goes_on = match &*decree {
                Decree::Revoked(revocation) => !revocation.covers(self.access.bearer()),
                Decree::Rights => self.may_go_on(context),
                Decree::Moved(moved) => !self.is_moved_by(moved),
                Decree::Forgotten => false,
            };
            if !goes_on {
                batch
                    .events
                    .retain(|event| event.event().position.seq < seq);
                batch.cursor.seq = seq;
                return false;
            }
        }
        true
    }

    /// Who reads here, for the log.
    pub(super) fn who(&self) -> Who<'_> {
        Who {
            stream: None,
            principal: self.access.principal.name(),
        }
    }

    /// Whether `moved` takes a room from all streams of its principal: then it is answered with what came before, and the
    /// next poll is judged by its credential like any other. A poll is made to join nothing: it names its rooms.
    pub(super) fn is_moved_by(&self, moved: &Move) -> bool {
        let name = self.access.principal.name();
        let is_meant = matches!(&moved.whom, Whom::Principal(whom) if **whom == *name);
        is_meant && !moved.joins && self.rooms.contains(&moved.room)
    }

    /// Whether its credential is still good for all that it waits for.
    fn may_go_on(&mut self, context: &Context) -> bool {
        let Ok(access) = context.judge(&self.access) else {
            return false;
        };
        self.access = access;
        is_good_for(&self.access, &self.rooms)
    }

    /// When it is answered in any case.
    pub(super) const fn until(&self) -> Moment {
        self.until
    }

    /// Whether what others at its place are told is all that it is told.
    pub(super) const fn is_like_others(&self) -> bool {
        self.known.is_empty() && !self.is_over
    }

    /// It ends so, and leaves its places before its client hears of it.
    pub(super) fn ends(&mut self, end: End) {
        self.meter.ends(end);
        self.held = Held::default();
    }

    /// What `batch` is as its answer; events beyond `live` were appended while it waited. Whatever has ended the wait: once
    /// the gateway drains, the next poll would find nobody.
    pub(super) fn answer(self, context: &Context, batch: Batch, live: Option<u64>) -> Answer {
        // It may be newer than the answer's events, and those that the next answer brings are then in it already.
        let lost = self
            .wishes
            .due(&self.rooms, Start::At(self.since), &batch.gaps);
        let told = context.bus.state(&lost);
        self.answer_with(context, batch, live, told)
    }

    /// The same, with this state behind its events; one that is too much is left out, and the gap stands.
    fn answer_with(
        mut self,
        context: &Context,
        batch: Batch,
        live: Option<u64>,
        mut told: Told,
    ) -> Answer {
        let mut control = Vec::new();
        while told.bytes() <= STATE && !told.is_over() {
            control.append(&mut told.step(CREDIT.bytes));
        }
        let is_draining = context.draining.has_begun();
        if is_draining {
            control.push(Control::bye(Code::Draining, Some(come_back())));
        }
        let mut gaps = self.known;
        gaps.extend(batch.gaps);
        gaps.iter().for_each(|gap| self.meter.gap(gap.reason));
        if !batch.events.is_empty() {
            self.meter.read(batch.waiting);
        }
        let now = context.clock.now();
        count(
            &self.meter,
            &batch.events,
            Delivery::envelope_len,
            live,
            now,
        );
        self.meter.ends(if is_draining {
            End::Code(Code::Draining)
        } else {
            End::Answered
        });
        let now = context.now();
        let first = deliveries(self.first, None, Some(batch.cursor), now);
        Answer {
            cursor: batch.cursor,
            events: envelopes(first.iter().chain(&batch.events)),
            gaps,
            control,
            more: batch.more,
        }
    }
}

/// How an answer is written that leaves HTTP: clients of the same style share the bytes of what they are all told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// What the client prefers.
    pub encoding: Encoding,
}

impl Style {
    /// What `batch` is for all who wait where it was read: the rest of the head, and the body.
    pub(super) fn batch(self, batch: &Batch, now: UnixMillis) -> Bytes {
        let answer = Answer {
            cursor: batch.cursor,
            events: envelopes(&batch.events),
            gaps: Vec::new(),
            control: Vec::new(),
            more: batch.more,
        };
        self.answer(&answer, false, now)
    }

    /// The rest of the head, and the body; `closes` where no request follows, and the head has not said so yet.
    pub(super) fn answer(self, answer: &Answer, closes: bool, now: UnixMillis) -> Bytes {
        let body = poll::to_json(answer);
        // A longer one goes as it is: there is no other thread here.
        let coded = self.encoding.brief(&body, random::bits());
        let mut out = Vec::with_capacity(body.len() + 128);
        http1::rest(&mut out, coded.as_ref().map(|_| "gzip"), closes, now);
        http1::body(&mut out, coded.as_deref().unwrap_or(&body));
        out.into()
    }
}

fn envelopes<'a>(events: impl IntoIterator<Item = &'a Delivery>) -> Vec<Envelope> {
    let envelopes = events.into_iter().map(|event| Envelope(event.envelope()));
    envelopes.collect()
}
