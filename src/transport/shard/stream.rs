//! One stream: its socket, what it says, what it hears.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Cx, Poll, Waker};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

use crate::auth::Access;
use crate::bus::reader::Place;
use crate::bus::rooms::Delivery;
use crate::bus::wake::{Roster, Seat};
use crate::lifecycle::random;
use crate::lifecycle::tasks::Guest;
use crate::model::code::{Code, Refusal};
use crate::model::id::StreamId;
use crate::model::time::Moment;
use crate::session::admission::{Admitted, Opening};
use crate::session::{Action, Input, Now, Session};
use crate::transport::context::{Context, come_back};
use crate::transport::engine::{Engine, Output};
use crate::transport::format::{Ending, Format};
use crate::transport::granted::{Native, Reception};
use crate::transport::websocket::Heard;
use crate::wire::websocket::encoder;

use super::ear::Ear;
use super::ending::Ended;
use super::form::Form;
use super::orders::Seen;
use super::prepared::Prepared;
use super::{Adopted, Io, Schedule};

/// Steps that a stream may take before others have their turn.
const STEPS: usize = 32;
/// Bytes that it may write in them: two reads of the log.
const BYTES: usize = 128 * 1024;
/// Reads that make one step: a message may be longer than one.
const READS: usize = 4;

/// A stream that is open.
///
/// In the order in which it is looked at when there is news, because memory is what a delivery waits for: with thousands
/// of streams each line of it is a miss.
#[repr(C)]
pub(super) struct Stream {
    pub(super) schedule: Schedule,
    format: Format,
    is_blocked: bool,
    /// Whether the client's turn to be heard comes before what is due.
    listens: bool,
    io: Box<dyn Io>,
    /// Calls it.
    waker: Waker,
    engine: Engine,
    /// What the socket has not taken yet; `is_blocked` says whether the socket is.
    unwritten: Bytes,
    /// Bytes that it has taken.
    written: u64,
    ear: Ear,
    guest: Guest,
}

// One byte more, and the allocator takes 640 for each.
const _: () = assert!(size_of::<Stream>() <= 512);

/// What came of a stream that was granted.
pub(super) enum Begun {
    Stream(Box<Stream>),
    Ended(Ended),
}

/// What a stream did with its turn.
pub(super) enum Turn {
    /// It waits for whatever comes next.
    Waits,
    /// It has more to do, after the others.
    Continues,
    /// It has said its end.
    Ends(Ending),
    /// It was answered, and its connection goes on.
    Returns,
    /// Its client is gone.
    Gone,
}

/// What all streams of a loop share while they have their turns.
pub(super) struct Round<'a> {
    pub(super) now: Now,
    /// What is read is looked at before anybody else reads.
    pub(super) scratch: &'a mut [u8],
    /// How many bytes may still be written in it.
    pub(super) bytes: &'a mut usize,
    /// Where seats come from, for who needs more than one.
    pub(super) roster: &'a Arc<Roster>,
    /// The numbers of those that were taken.
    pub(super) branches: &'a mut Vec<usize>,
}

impl Round<'_> {
    /// A seat more for whoever has its turn.
    pub(super) fn branch(&mut self) -> Arc<Seat> {
        let seat = self.roster.seat();
        self.branches.push(seat.number());
        seat
    }
}

impl Stream {
    /// Begins the stream that was granted: what is said first is in its buffer. Or ends it, with what it is refused.
    pub(super) fn begin(
        context: &Arc<Context>,
        seat: Arc<Seat>,
        Adopted { io, native, head }: Adopted,
        guest: Guest,
        now: Now,
    ) -> Begun {
        let Native {
            reception,
            format,
            version,
            caller,
        } = native;
        let mut out = head;
        let named = caller.voice.as_ref().and_then(|voice| voice.line().stream);
        let id = named.unwrap_or_else(|| StreamId::from_random(random::wide_bits()));
        let ear = Ear::new(format, context);
        let (session, actions, access) = match reception {
            Reception::Refused(refusal) => {
                let (ending, decoder) = (format.refusal(refusal, &mut out), ear.into_decoder());
                let rest = out.into();
                return Begun::Ended(Ended {
                    io,
                    transport: format.transport(),
                    is_chunked: format.is_chunked(),
                    rest,
                    ending,
                    decoder,
                    guest,
                });
            }
            Reception::Waiting(opening) => {
                let session = Session::waiting(id, context.rules().session.clone(), opening, now);
                (session, Vec::new(), None)
            }
            Reception::Admitted(access, opening, admitted) => {
                let (session, actions) = admit(context, id, &access, &opening, admitted, now);
                (session, actions, Some(access))
            }
        };
        let (transport, dialect) = (format.transport(), session.dialect());
        let mut meter = context.metrics.open(transport, dialect, version);
        meter.audited(context.audit.entry(caller.asked(), id, transport, dialect));
        let (own, size) = (context.clone(), format.size());
        let mut engine = Engine::new(own, session, seat.clone(), size, meter, caller);
        if let (Ear::Deaf(_), Some(access)) = (&ear, &access) {
            engine.register(access);
        }
        format.prelude(&mut out);
        let outputs = engine.start(actions, now);
        let mut stream = Self {
            io,
            format,
            engine,
            waker: seat.into(),
            unwritten: out.into(),
            is_blocked: false,
            ear,
            listens: false,
            written: 0,
            schedule: Schedule::default(),
            guest,
        };
        match stream.say(outputs) {
            None => Begun::Stream(Box::new(stream)),
            Some(ending) => Begun::Ended(stream.ended(ending)),
        }
    }

    pub(super) const fn form(&self) -> Form {
        Form::Stream(self.format)
    }

    pub(super) const fn session(&self) -> &Session {
        self.engine.session()
    }

    pub(super) const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// How operators see it.
    pub(super) fn seen(&self, now: Moment) -> Seen {
        Seen::of(&self.engine, now, self.written, !self.is_writable())
    }

    /// Ends it with a refusal.
    pub(super) fn dismiss(&mut self, refusal: Refusal, now: Now) -> Option<Ending> {
        let outputs = self.engine.run(Input::Fault(refusal), now);
        self.say(outputs)
    }

    /// When it wants a turn though nothing happens, at the latest.
    pub(super) fn deadline(&self) -> Option<Moment> {
        let due = self.engine.deadline(self.is_writable());
        due.into_iter().chain(self.leaves()).min()
    }

    /// When it leaves. Whoever waits for its backend is let wait a little longer: what it says is said to nobody else.
    fn leaves(&self) -> Option<Moment> {
        let patience = self.engine.patience();
        self.schedule.leaves.map(|at| at + patience)
    }

    /// What is left of it at its end.
    pub(super) fn ended(self, ending: Ending) -> Ended {
        Ended {
            transport: self.format.transport(),
            is_chunked: self.format.is_chunked(),
            io: self.io,
            rest: self.unwritten,
            ending,
            decoder: self.ear.into_decoder(),
            guest: self.guest,
        }
    }

    /// Where it reads, if a read for it is one for all who are there.
    pub(super) fn place(&self) -> Option<Place> {
        self.engine.place().filter(|_| self.is_writable())
    }

    /// Whether it takes what was prepared.
    pub(super) fn takes(&self, prepared: &Prepared) -> bool {
        self.is_writable()
            && self.engine.is_at(&prepared.place)
            && !self.engine.is_moved_by(&prepared.batch.decrees)
    }

    /// From now on it reads its own room, if it reads at all.
    pub(super) fn is_addressed(&mut self) -> bool {
        self.engine.is_addressed()
    }

    /// Takes what was prepared, as far as its socket does.
    pub(super) fn take(&mut self, prepared: &Prepared, bytes: &Bytes, now: Moment) -> Turn {
        self.engine.follow(prepared.batch.cursor, now);
        self.hand_over(bytes)
    }

    /// Whether what is volatile is for it now.
    pub(super) fn takes_flash(&self, event: &Delivery) -> bool {
        self.is_writable() && !self.schedule.is_listed && self.engine.takes_flash(event)
    }

    /// Whether it has not read as far as where `event` stands, and could.
    pub(super) fn lags_behind(&self, event: &Delivery) -> bool {
        self.is_writable() && !self.schedule.is_listed && self.engine.lags_behind(event)
    }

    /// Writes `bytes`, as far as its socket takes them. A heartbeat is due as before: what is volatile moves no cursor.
    pub(super) fn hand_over(&mut self, bytes: &Bytes) -> Turn {
        let mut cx = Cx::from_waker(&self.waker);
        let written = match Pin::new(&mut self.io).poll_write(&mut cx, bytes) {
            Poll::Ready(Ok(count)) => count,
            Poll::Ready(Err(error)) => return self.failed(&error),
            Poll::Pending => 0,
        };
        self.written += written as u64;
        if written < bytes.len() {
            self.unwritten = bytes.slice(written..);
        }
        match self.write() {
            Ok(()) => Turn::Waits,
            Err(error) => self.failed(&error),
        }
    }

    /// Does what there is to do, until there is nothing more to do now.
    pub(super) fn turn(&mut self, round: &mut Round<'_>) -> Turn {
        self.engine.is_served();
        // First of all what has come: after a pause of the whole process the client's signs of life lie in the socket, and
        // its silence is only thought to be due.
        self.listens = true;
        let mut bytes = BYTES;
        for _ in 0..STEPS {
            let was_blocked = self.is_blocked;
            if let Err(error) = self.write() {
                return self.failed(&error);
            }
            // It was blocked, and the client has taken what blocked it: it is alive, though its own frames were not
            // read meanwhile.
            let is_freed = was_blocked && self.is_writable();
            let next = match is_freed {
                true => Ok(Some(Heard::Input(Input::Heard, None))),
                false => self.next(round),
            };
            let input = match next {
                Ok(Some(Heard::Input(input, answer))) => {
                    if let Some(frame) = answer {
                        self.append(|out| out.extend_from_slice(&frame));
                    }
                    input
                }
                Ok(Some(Heard::Close(code))) => {
                    self.append(|out| encoder::close(out, code.map(|code| (code, ""))));
                    return Turn::Ends(Ending::Closing { heard: true });
                }
                Ok(Some(Heard::More)) => return Turn::Continues,
                Ok(None) => return Turn::Waits,
                Err(_) => return Turn::Gone,
            };
            let outputs = self.engine.run(input, round.now);
            if let Some(ending) = self.say(outputs) {
                return Turn::Ends(ending);
            }
            *round.bytes = round.bytes.saturating_sub(self.unwritten.len());
            bytes = bytes.saturating_sub(self.unwritten.len());
            if bytes == 0 {
                break;
            }
        }
        Turn::Continues
    }

    /// What is next: by turns what is due, and what the client says. A client that is behind must still be heard, if it
    /// pings, leaves the room that is too much for it, or closes.
    fn next(&mut self, round: &mut Round<'_>) -> io::Result<Option<Heard>> {
        if std::mem::take(&mut self.listens)
            && let Some(heard) = self.hear(round.scratch)?
        {
            return Ok(Some(heard));
        }
        if let Some(input) = self.due(round.now) {
            self.listens = true;
            return Ok(Some(Heard::Input(input, None)));
        }
        self.hear(round.scratch)
    }

    /// What is due, but for what the client says.
    fn due(&mut self, now: Now) -> Option<Input> {
        if self.leaves().is_some_and(|at| now.moment >= at) {
            // Where the gateway drains, what it has waited for has been answered with what there is.
            if self.is_writable()
                && let Some(late) = self.engine.late()
            {
                return Some(late);
            }
            return Some(Input::Drain {
                retry_after: come_back(),
            });
        }
        self.engine.next(self.is_writable(), now.moment)
    }

    const fn is_writable(&self) -> bool {
        self.unwritten.is_empty() && !self.is_blocked
    }

    /// Hands over what there is, as far as the socket takes it.
    fn write(&mut self) -> io::Result<()> {
        let mut cx = Cx::from_waker(&self.waker);
        while !self.unwritten.is_empty() {
            match Pin::new(&mut self.io).poll_write(&mut cx, &self.unwritten)? {
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(count) => {
                    self.written += count as u64;
                    self.unwritten.advance(count);
                }
                Poll::Pending => {
                    self.is_blocked = true;
                    return Ok(());
                }
            }
        }
        self.unwritten = Bytes::new();
        self.is_blocked = Pin::new(&mut self.io).poll_flush(&mut cx)?.is_pending();
        Ok(())
    }

    fn failed(&mut self, error: &io::Error) -> Turn {
        if error.kind() == io::ErrorKind::TimedOut {
            self.engine.is_ended(Code::Slow);
        }
        Turn::Gone
    }

    fn say(&mut self, outputs: Vec<Output>) -> Option<Ending> {
        if outputs.is_empty() {
            return None;
        }
        let mut ending = None;
        let format = self.format;
        self.append(|out| ending = format.write(outputs, out));
        ending
    }

    fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut out = Vec::from(std::mem::take(&mut self.unwritten));
        write(&mut out);
        self.unwritten = out.into();
    }

    /// The next that the client said. Nothing is read from it while something waits to be written to it, so that its
    /// messages cannot pile up answers, nor while an answer is due.
    fn hear(&mut self, scratch: &mut [u8]) -> io::Result<Option<Heard>> {
        if !self.is_writable() || self.engine.is_busy() {
            return Ok(None);
        }
        if let Some(heard) = self.ear.on() {
            return Ok(Some(heard));
        }
        for _ in 0..READS {
            let (mut buf, mut cx) = (ReadBuf::new(scratch), Cx::from_waker(&self.waker));
            let read = Pin::new(&mut self.io).poll_read(&mut cx, &mut buf)?;
            match (read, buf.filled()) {
                (Poll::Pending, _) => return Ok(None),
                (Poll::Ready(()), []) => return Err(io::ErrorKind::UnexpectedEof.into()),
                (Poll::Ready(()), bytes) => {
                    if let Some(heard) = self.ear.hear(bytes)? {
                        return Ok(Some(heard));
                    }
                }
            }
        }
        Ok(Some(Heard::More))
    }
}

fn admit(
    context: &Context,
    id: StreamId,
    access: &Arc<Access>,
    opening: &Opening,
    admitted: Admitted,
    now: Now,
) -> (Session, Vec<Action>) {
    let (settings, access, mut actions) =
        (context.rules().session.clone(), access.clone(), Vec::new());
    let session = Session::admitted(id, settings, access, opening, admitted, now, &mut actions);
    (session, actions)
}
