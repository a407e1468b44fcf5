//! One session of Engine.IO in the loop: what carries it, and the conversations of Socket.IO that it carries.

mod carrier;
mod ends;
mod joining;
mod more;
mod packets;
mod seat;
mod trial;

use std::io;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use crate::bus::wake::Seat;
use crate::lifecycle::tasks::Guest;
use crate::limit::Held;
use crate::limit::bucket::Bucket;
use crate::model::time::Moment;
use crate::session::{Input, Now};
use crate::transport::context::{Context, come_back};
use crate::transport::engine::{Engine, Output};
use crate::transport::engineio::door::{Door, Misuse, News, Offered};
use crate::transport::engineio::heart::{Beat, Heart};
use crate::transport::engineio::opening;
use crate::transport::engineio::sessions::Entry;
use crate::transport::engineio::writer::Writer;
use crate::transport::socketio;
use crate::transport::socketio::conversation::{Conversation, End};
use crate::transport::socketio::origin::Origin;
use crate::wire::engineio::{Kind, Transport};
use bytes::Bytes;

use super::stream::{Round, Turn};
use super::{Io, Schedule};
use carrier::{Carrier, Polled, Socket};
pub(super) use ends::{too_late, turn_away};
use more::More;
use trial::{Outcome, TICK, Trial};

/// Steps that a session may take before others have their turn.
const STEPS: usize = 32;
/// Bytes that it may write in them: two reads of the log.
const BYTES: usize = 128 * 1024;
/// What may wait for the next request of who polls, in bytes, while its own packets are looked at: its answers. Its events
/// wait in the log.
const ANSWERS: usize = 64 * 1024;

/// A session that a request has begun, before it is in the loop.
pub struct Arrival {
    /// What the request said.
    pub origin: Arc<Origin>,
    /// Its place among the sessions.
    pub entry: Entry,
    /// Where its requests are put down, where they carry it.
    pub door: Option<Arc<Door>>,
    /// Its places among those that are open.
    pub held: Held,
    /// When it came.
    pub since: Moment,
}

/// A session.
pub(super) struct Mux {
    pub(super) schedule: Schedule,
    is_blocked: bool,
    /// Whether the client's turn to be heard comes before what is due.
    listens: bool,
    carrier: Carrier,
    /// The conversation that has the session's own seat.
    first: Option<Conversation>,
    unwritten: Bytes,
    /// Bytes that were handed over.
    written: u64,
    heart: Heart,
    /// Since when there is no conversation.
    alone: Option<Moment>,
    /// Until when it is tried to say its end.
    closing: Option<Moment>,
    /// What is spent on packets that are no conversation's.
    packets: Bucket,
    more: More,
    origin: Arc<Origin>,
    entry: Entry,
    seat: Arc<Seat>,
    context: Arc<Context>,
    _held: Held,
    guest: Guest,
}

// One byte more, and the allocator takes 768 for each.
const _: () = assert!(size_of::<Mux>() <= 640);

/// What a session has found to do.
enum Found {
    /// Something, and it was done.
    Something,
    Nothing,
    /// It ends.
    Ends(Turn),
}

impl Mux {
    /// Begins the session: the answer to its handshake is in its buffer, behind the `head` of the response.
    pub(super) fn begin(
        context: &Arc<Context>,
        seat: Arc<Seat>,
        Arrival {
            origin,
            entry,
            door,
            held,
            since,
        }: Arrival,
        connection: Option<(Box<dyn Io>, Vec<u8>)>,
        guest: Guest,
    ) -> Option<Self> {
        let settings = context.rules().socketio.clone();
        let (carrier, unwritten) = match (connection, door) {
            (Some((io, mut out)), _) => {
                let packet = opening(&settings, entry.sid(), Transport::WebSocket);
                Writer::new(Transport::WebSocket, &mut out).packet(&packet);
                let socket = Socket::new(io, settings.max_payload);
                (Carrier::WebSocket(socket), out.into())
            }
            // Who polls has it in the answer to its handshake already.
            (None, Some(door)) => {
                door.opens(seat.clone().into());
                (Carrier::Polling(Box::new(Polled::new(door))), Bytes::new())
            }
            (None, None) => return None,
        };
        Some(Self {
            schedule: Schedule::default(),
            is_blocked: false,
            listens: false,
            carrier,
            first: None,
            unwritten,
            written: 0,
            heart: Heart::new(settings.ping_interval, settings.ping_timeout, since),
            alone: Some(since),
            closing: None,
            packets: Bucket::default(),
            more: More::default(),
            origin,
            entry,
            seat,
            context: context.clone(),
            _held: held,
            guest,
        })
    }

    pub(super) fn transport(&self) -> crate::model::transport::Transport {
        socketio::transport(self.carrier.transport())
    }

    fn conversations(&self) -> impl Iterator<Item = &Conversation> {
        self.first.iter().chain(self.more.others())
    }

    /// Its engines.
    pub(super) fn engines(&self) -> impl Iterator<Item = &Engine> {
        self.conversations().map(|one| &one.engine)
    }

    fn conversation(&mut self, place: usize) -> Option<&mut Conversation> {
        match place.checked_sub(1) {
            None => self.first.as_mut(),
            Some(place) => self.more.0.as_mut()?.others.get_mut(place),
        }
    }

    /// How many places for conversations there are, some of which may be free.
    fn places(&self) -> usize {
        1 + self.more.others().len()
    }

    fn remove(&mut self, place: usize) -> Option<Conversation> {
        let removed = match place.checked_sub(1) {
            None => self.first.take(),
            Some(place) => {
                let rare = self.more.0.as_mut()?;
                (place < rare.others.len()).then(|| rare.others.remove(place))
            }
        };
        if self.conversations().next().is_none() {
            self.alone = Some(self.context.clock.now());
        }
        self.more.tidy();
        removed
    }

    /// When it wants a turn though nothing happens, at the latest.
    pub(super) fn deadline(&self) -> Option<Moment> {
        if let Some(until) = self.closing {
            return Some(until);
        }
        let writable = self.is_writable();
        let engines = self
            .engines()
            .filter_map(|engine| engine.deadline(writable));
        let beats = (writable || self.is_polled()).then(|| self.heart.due());
        let most = self.context.rules().socketio.connect_timeout;
        let alone = self.alone_since().map(|since| since + most);
        let trial = self.more.trial().map(Trial::deadline);
        engines
            .chain(beats)
            .chain(alone)
            .chain(trial)
            .chain(self.more.attachments_due())
            .chain(self.leaves())
            .min()
    }

    /// Since when there is no conversation, and nobody is asked whether there may be one.
    fn alone_since(&self) -> Option<Moment> {
        let is_asking = self
            .more
            .0
            .as_ref()
            .is_some_and(|rare| !rare.joining.is_empty());
        self.alone.filter(|_| !self.origin.echo && !is_asking)
    }

    /// When it leaves. Whoever waits for its backend is let wait a little longer: what it says is said to nobody else.
    fn leaves(&self) -> Option<Moment> {
        let patience = self.engines().map(Engine::patience).max();
        let patience = patience.unwrap_or(Duration::ZERO);
        self.schedule.leaves.map(|at| at + patience)
    }

    const fn is_polled(&self) -> bool {
        matches!(self.carrier, Carrier::Polling(_))
    }

    fn is_writable(&self) -> bool {
        let is_free = match &self.carrier {
            Carrier::WebSocket(_) => !self.is_blocked,
            Carrier::Polling(polled) => !polled.is_answering(),
        };
        is_free && self.unwritten.is_empty() && self.closing.is_none()
    }

    /// Whether any of its clients' next packets must wait.
    fn is_busy(&self) -> bool {
        let mut all = self.conversations();
        all.any(|one| one.engine.is_busy() || one.is_saying())
    }

    /// Does what there is to do, until there is nothing more to do now.
    pub(super) fn turn(&mut self, round: &mut Round<'_>) -> Turn {
        self.seat.is_served();
        self.engines().for_each(Engine::is_served);
        if let Some(turn) = self.hear_requests(round) {
            return turn;
        }
        // First of all what has come: after a pause of the whole process the client's signs of life lie in the socket, and
        // its silence is only thought to be due.
        self.listens = true;
        let mut bytes = BYTES;
        for _ in 0..STEPS {
            let was_blocked = self.is_blocked;
            if let Err(error) = self.write(round.now) {
                return self.failed(&error);
            }
            if was_blocked && !self.is_blocked {
                // The client has taken what blocked it: it is alive, though it was not listened to meanwhile.
                self.heart.hear(round.now.moment);
            }
            if self.closing.is_some() {
                return self.close(round.now);
            }
            let before = self.unwritten.len();
            match self.step(round) {
                Found::Something => {}
                Found::Nothing => return Turn::Waits,
                Found::Ends(turn) => return turn,
            }
            let said = self.unwritten.len().saturating_sub(before);
            self.written += said as u64;
            *round.bytes = round.bytes.saturating_sub(said);
            bytes = bytes.saturating_sub(said);
            if bytes == 0 {
                break;
            }
        }
        Turn::Continues
    }

    /// What is next: by turns what is due, and what the client says.
    fn step(&mut self, round: &mut Round<'_>) -> Found {
        if std::mem::take(&mut self.listens) {
            let heard = self.hear(round);
            if !matches!(heard, Found::Nothing) {
                return heard;
            }
        }
        for due in [
            Self::leave,
            Self::talk,
            Self::welcome,
            Self::hear,
            Self::beat,
        ] {
            let found = due(self, round);
            if !matches!(found, Found::Nothing) {
                self.listens = true;
                return found;
            }
        }
        Found::Nothing
    }

    /// Its time has come to leave.
    fn leave(&mut self, round: &mut Round<'_>) -> Found {
        if self.leaves().is_none_or(|at| round.now.moment < at) {
            return Found::Nothing;
        }
        self.drain(round.now)
    }

    /// What is due in one of its conversations, but for what the client says.
    fn talk(&mut self, round: &mut Round<'_>) -> Found {
        let (writable, now) = (self.is_writable(), round.now);
        for place in 0..self.places() {
            let Some(one) = self.conversation(place) else {
                continue;
            };
            let input = one.next_said();
            if let Some(input) = input.or_else(|| one.engine.next(writable, now.moment)) {
                return self.run(place, input, now).into();
            }
        }
        Found::Nothing
    }

    /// Signs of life, and what else takes too long.
    fn beat(&mut self, round: &mut Round<'_>) -> Found {
        let now = round.now.moment;
        if let Err(fault) = self.more.check_attachments(now) {
            return self.broken(fault.into()).into();
        }
        if self.is_alone_for_long(now) {
            return self.give_up_alone().into();
        }
        if !(self.is_writable() || self.is_polled()) {
            return Found::Nothing;
        }
        match self.heart.beat(now) {
            None => Found::Nothing,
            Some(Beat::Ask) => {
                self.say(|writer| writer.bare(Kind::Ping));
                Found::Something
            }
            // It is not listened to: its answer may be there already.
            Some(Beat::GiveUp) if self.is_busy() => {
                self.heart.wait(now);
                Found::Something
            }
            Some(Beat::GiveUp) => Found::Ends(self.silent()),
        }
    }

    /// Steps the conversation at this `place`.
    fn run(&mut self, place: usize, input: Input, now: Now) -> Option<Turn> {
        let outputs = self.conversation(place)?.engine.run(input, now);
        if let Some(turn) = self.tell(place, outputs) {
            return Some(turn);
        }
        // Its role may be another by now, which has no place in its namespace.
        let one = self.conversation(place)?;
        let refusal = one.may_stay().err()?;
        let outputs = one.engine.run(Input::Fault(refusal), now);
        self.tell(place, outputs)
    }

    fn tell(&mut self, place: usize, outputs: Vec<Output>) -> Option<Turn> {
        let context = self.context.clone();
        let mut out = Vec::from(std::mem::take(&mut self.unwritten));
        let conversation = self.conversation(place);
        let end = conversation.and_then(|one| one.write(&context, outputs, &mut out));
        self.unwritten = out.into();
        self.ended(place, end?)
    }

    /// Calls it.
    fn waker(&self) -> Waker {
        self.seat.clone().into()
    }

    /// Adds packets to what is to be written.
    fn say(&mut self, write: impl FnOnce(&mut Writer<'_>)) {
        let mut out = Vec::from(std::mem::take(&mut self.unwritten));
        write(&mut Writer::new(self.carrier.transport(), &mut out));
        self.unwritten = out.into();
    }

    /// Hands over what there is, as far as the carrier takes it.
    fn write(&mut self, now: Now) -> io::Result<()> {
        let waker = self.waker();
        match &mut self.carrier {
            Carrier::WebSocket(socket) => {
                self.is_blocked = socket.write(&waker, &mut self.unwritten)?;
                Ok(())
            }
            Carrier::Polling(polled) => {
                let written = polled.write(&waker, &mut self.unwritten, now.unix);
                if let Some(last) = polled.done.take() {
                    self.linger(last);
                }
                written
            }
        }
    }
}

impl From<Option<Turn>> for Found {
    fn from(turn: Option<Turn>) -> Self {
        turn.map_or(Self::Something, Self::Ends)
    }
}
