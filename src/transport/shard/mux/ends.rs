//! How a session ends, changes what carries it, and hears of its requests.

use crate::model::code::{Code, Refusal};
use crate::model::time::Moment;
use crate::model::transport::Transport as Public;
use crate::session::{Input, Now, ends_abruptly};
use crate::telemetry::metrics::labels::Door;
use crate::transport::context::Context;
use crate::transport::engineio::door::Late;
use crate::transport::format::Ending;
use crate::transport::shard::Loan;
use crate::transport::websocket::number;
use crate::wire::engineio::payload::{Payload, Terms};
use crate::wire::engineio::{Kind, Packet, Transport};
use crate::wire::http1;
use crate::wire::socketio::encoder;
use crate::wire::websocket::encoder as frames;

use super::carrier::Carrier;
use super::{
    Bytes, End, Found, Misuse, Mux, News, Offered, Outcome, Round, TICK, Trial, Turn, Writer,
    come_back, io,
};
use crate::transport::shard::ending::Ended;

impl Mux {
    /// What its requests have brought. A session that one of them has ended says so to whoever still waits.
    pub(super) fn hear_requests(&mut self, round: &mut Round<'_>) -> Option<Turn> {
        let waker = self.waker();
        let Carrier::Polling(polled) = &mut self.carrier else {
            return None;
        };
        // Until what it has brought has been looked at, who brings more waits.
        let News {
            items,
            getter,
            offered,
            end,
        } = polled.door.take(polled.items.is_empty());
        polled.items.extend(items);
        if let Some(getter) = getter {
            polled.waits(getter);
        }
        if polled.watch(&waker, round.scratch).is_err() {
            return Some(Turn::Gone);
        }
        match end {
            // Whoever waits is told so.
            Some(Misuse::Overlap | Misuse::Malformed) => {
                return Some(self.end_polled(Kind::Close, round.now));
            }
            Some(Misuse::Aborted) => return Some(Turn::Gone),
            None => {}
        }
        if let Some(offered) = offered {
            self.try_on(offered, round.now.moment);
        }
        self.go_on_trying(round)
    }

    /// A WebSocket would carry it. It is let try where nothing else does, and all who talk here may use it.
    fn try_on(&mut self, offered: Offered, now: Moment) {
        let may = self.may_upgrade();
        let rare = self.more.0.get_or_insert_default();
        let is_free = matches!(self.carrier, Carrier::Polling(_)) && rare.trial.is_none();
        let trial = Trial::new(offered, self.context.rules().socketio.max_payload, now);
        if is_free && may && self.closing.is_none() {
            rare.trial = Some(trial);
        } else {
            leave_alone(&self.context, trial);
        }
        self.more.tidy();
    }

    /// Whether all who talk here may use a WebSocket.
    fn may_upgrade(&self) -> bool {
        self.engines().all(|engine| {
            let access = engine.session().access();
            access.is_some_and(|access| access.may_use(Public::WebSocket))
        })
    }

    fn go_on_trying(&mut self, round: &mut Round<'_>) -> Option<Turn> {
        let (now, waker) = (round.now.moment, self.waker());
        let may = self.may_upgrade();
        let Carrier::Polling(polled) = &self.carrier else {
            return None;
        };
        let rare = self.more.0.as_mut()?;
        let trial = rare.trial.as_mut()?;
        let outcome = trial.step(&waker, round.scratch, now);
        match outcome {
            Outcome::Upgrades if may => {
                let trial = rare.trial.take();
                self.more.tidy();
                self.upgrade(trial?, round.now);
                return None;
            }
            Outcome::Goes => {}
            Outcome::Probed => polled.door.upgrades(true, Transport::Polling),
            Outcome::Fails | Outcome::Upgrades => {
                if let Some(trial) = rare.trial.take() {
                    leave_alone(&self.context, trial);
                }
                polled.door.upgrades(false, Transport::Polling);
                self.more.tidy();
                return None;
            }
        }
        self.let_go(now);
        None
    }

    /// Whoever waits for what the session has to say is told to wait no more, so that the WebSocket can take over.
    fn let_go(&mut self, now: Moment) {
        let Carrier::Polling(polled) = &self.carrier else {
            return;
        };
        let is_waited_for = polled.is_waited_for() && self.unwritten.is_empty();
        let trial = self.more.0.as_mut().and_then(|rare| rare.trial.as_mut());
        let Some(tick) = trial.and_then(|trial| trial.tick.as_mut()) else {
            return;
        };
        if now >= *tick {
            *tick = now + TICK;
            if is_waited_for {
                self.say(|writer| writer.bare(Kind::Noop));
            }
        }
    }

    /// The WebSocket carries it from now on; what was not said yet goes out on it.
    fn upgrade(&mut self, trial: Trial, now: Now) {
        let (socket, mut rest) = trial.into_socket();
        let Carrier::Polling(mut polled) =
            std::mem::replace(&mut self.carrier, Carrier::WebSocket(socket))
        else {
            return;
        };
        let unsaid = std::mem::take(&mut self.unwritten);
        self.entry.is_upgraded();
        // What came until now; from now on nothing does.
        let News {
            items,
            getter,
            offered,
            ..
        } = polled.door.take(true);
        polled.items.extend(items);
        if let Some(offered) = offered {
            turn_away(&self.context, offered);
        }
        if let Some(getter) = getter {
            polled.waits(getter);
        }
        if polled.is_waited_for() {
            let mut noop = Bytes::from(Kind::Noop.packet(b""));
            // Its connection may be gone; the session is not.
            _ = polled.write(&self.waker(), &mut noop, now.unix);
        }
        let mut out = Vec::from(std::mem::take(&mut rest));
        translate(&unsaid, &mut out);
        self.unwritten = out.into();
        // What it has brought by requests comes first.
        if !polled.items.is_empty() {
            self.more.0.get_or_insert_default().early = polled.items;
        }
        // What was on its way to who polled goes there all the same.
        if let Some(last) = polled.done.or(polled.answering) {
            self.linger(last);
        }
        if let Some(first) = &mut self.first {
            first.is_carried_by(Transport::WebSocket);
        }
        for one in self.more.others_mut() {
            one.is_carried_by(Transport::WebSocket);
        }
    }

    /// A connection whose last answer was given ends by itself.
    pub(super) fn linger(&self, last: Loan) {
        let (io, rest) = last.into_rest();
        let ended = Ended {
            io,
            transport: Public::LongPoll,
            is_chunked: false,
            rest,
            ending: Ending::Clean,
            decoder: None,
            guest: self.context.tasks.guest(Public::LongPoll),
        };
        ended.finish(&self.context);
    }

    /// What is left of it at its end, where a WebSocket carried it.
    pub(in crate::transport::shard) fn ended_as(self, ending: Ending) -> Option<Ended> {
        let Carrier::WebSocket(socket) = self.carrier else {
            return None;
        };
        let (io, decoder) = socket.into_parts();
        Some(Ended {
            io,
            transport: Public::WebSocket,
            is_chunked: false,
            rest: self.unwritten,
            ending,
            decoder: Some(decoder),
            guest: self.guest,
        })
    }

    /// One of its conversations ends: alone, where its client shall stay away; else with what carries it, so that the
    /// client comes back.
    pub(super) fn ended(&mut self, place: usize, end: End) -> Option<Turn> {
        if ends_abruptly(end.code) {
            return self.close_carrier(end.code, &end.reason);
        }
        let mut ended = self.remove(place)?;
        ended.is_over();
        let name = ended.space().name.clone();
        self.say(|writer| writer.message(|packet| encoder::disconnect(packet, &name)));
        None
    }

    /// The gateway drains, or its time is over.
    pub(super) fn drain(&mut self, now: Now) -> Found {
        for place in 0..self.places() {
            let retry_after = come_back();
            let context = self.context.clone();
            let mut out = Vec::from(std::mem::take(&mut self.unwritten));
            if let Some(one) = self.conversation(place) {
                // Where the gateway drains, what it has waited for has been answered with what there is.
                while let Some(late) = one.engine.late() {
                    let outputs = one.engine.run(late, now);
                    one.write(&context, outputs, &mut out);
                }
                let outputs = one.engine.run(Input::Drain { retry_after }, now);
                one.write(&context, outputs, &mut out);
            }
            self.unwritten = out.into();
        }
        self.close_carrier(Code::Draining, "draining").into()
    }

    /// The client broke a protocol, or its session cannot go on.
    pub(super) fn broken(&mut self, refusal: Refusal) -> Option<Turn> {
        let door = Door::Stream(self.transport());
        self.context.metrics.refused(refusal.code, door);
        self.close_carrier(refusal.code, &refusal.message)
    }

    /// What carries it ends, and says why where it can; what is left of its conversations is in what is to be written.
    pub(super) fn close_carrier(&mut self, code: Code, reason: &str) -> Option<Turn> {
        self.hang_up(code);
        if let Carrier::Polling(polled) = &mut self.carrier {
            polled.ends = true;
            self.closing = Some(self.context.clock.now() + self.goodbye());
            return None;
        }
        self.raw(|out| frames::close(out, Some((number(code), reason))));
        Some(Self::closed(false))
    }

    /// All its conversations end, with what carries them.
    fn hang_up(&mut self, code: Code) {
        let others = self.more.0.take().map_or_else(Vec::new, |rare| rare.others);
        for mut one in self.first.take().into_iter().chain(others) {
            one.engine.is_ended(code);
        }
    }

    /// The end of a WebSocket was said.
    pub(super) const fn closed(heard: bool) -> Turn {
        Turn::Ends(Ending::Closing { heard })
    }

    /// The client wants the session ended.
    pub(super) fn client_closes(&mut self) -> Option<Turn> {
        if self.is_polled() {
            let now = self.context.now();
            return Some(self.end_polled(Kind::Noop, now));
        }
        self.raw(|out| frames::close(out, Some((1000, ""))));
        Some(Self::closed(false))
    }

    /// Ends a session that requests carry: whoever waits is told with a packet of this `kind`.
    fn end_polled(&mut self, kind: Kind, now: Now) -> Turn {
        if let Carrier::Polling(polled) = &self.carrier {
            polled.door.end();
        }
        self.unwritten = Bytes::new();
        self.say(|writer| writer.bare(kind));
        self.closing = Some(now.moment + self.goodbye());
        let written = self.write(now);
        let is_going = matches!(&self.carrier, Carrier::Polling(polled) if polled.is_answering());
        match written {
            Ok(()) if is_going => Turn::Waits,
            // It was said, or nobody waits, and nobody finds it any more.
            Ok(()) | Err(_) => Turn::Gone,
        }
    }

    /// Its end is said to who polls: to whoever waits, or comes in time.
    pub(super) fn close(&mut self, now: Now) -> Turn {
        if let Carrier::Polling(polled) = &mut self.carrier
            && self.unwritten.is_empty()
            && !polled.is_answering()
            && std::mem::take(&mut polled.ends)
        {
            self.say(|writer| writer.bare(Kind::Close));
            if let Err(error) = self.write(now) {
                return self.failed(&error);
            }
        }
        let is_said = match &self.carrier {
            Carrier::Polling(polled) => self.unwritten.is_empty() && !polled.is_answering(),
            Carrier::WebSocket(_) => true,
        };
        let is_late = self.closing.is_none_or(|until| now.moment >= until);
        if is_said || is_late {
            Turn::Gone
        } else {
            Turn::Waits
        }
    }

    /// It did not answer in time.
    pub(super) fn silent(&mut self) -> Turn {
        self.hang_up(Code::Timeout);
        if self.is_polled() {
            let now = self.context.now();
            return self.end_polled(Kind::Close, now);
        }
        let reason = "nothing was heard for too long";
        self.raw(|out| frames::close(out, Some((number(Code::Timeout), reason))));
        Self::closed(false)
    }

    /// Whether it is without a conversation for longer than may be.
    pub(super) fn is_alone_for_long(&self, now: Moment) -> bool {
        let most = self.context.rules().socketio.connect_timeout;
        self.alone_since().is_some_and(|since| now >= since + most)
    }

    pub(super) fn give_up_alone(&mut self) -> Option<Turn> {
        let message = "no namespace was joined in time";
        self.close_carrier(Code::Timeout, message)
    }

    pub(super) fn failed(&mut self, error: &io::Error) -> Turn {
        if error.kind() == io::ErrorKind::TimedOut {
            self.hang_up(Code::Slow);
        }
        Turn::Gone
    }
}

/// A GET whose session has ended, or is carried by a WebSocket, before its connection was lent is told so.
pub(in crate::transport::shard) fn too_late(context: &Context, late: Late) {
    let (loan, kind) = match late {
        Late::Ended(loan) => (loan, Kind::Close),
        Late::Upgraded(loan) => (loan, Kind::Noop),
    };
    let (io, mut rest) = loan.into_parts();
    http1::rest(&mut rest, None, true, context.clock.unix());
    http1::body(&mut rest, &kind.packet(b""));
    let ended = Ended {
        io,
        transport: Public::LongPoll,
        is_chunked: false,
        rest: rest.into(),
        ending: Ending::Clean,
        decoder: None,
        guest: context.tasks.guest(Public::LongPoll),
    };
    ended.finish(context);
}

/// A WebSocket that no session takes is closed: no page is told the status of one that is refused.
pub(in crate::transport::shard) fn turn_away(context: &Context, offered: Offered) {
    leave_alone(context, Trial::new(offered, 0, context.clock.now()));
}

fn leave_alone(context: &Context, trial: Trial) {
    let (socket, unwritten) = trial.into_socket();
    let mut rest = Vec::from(unwritten);
    frames::close(&mut rest, Some((1000, "")));
    let (io, decoder) = socket.into_parts();
    let ended = Ended {
        io,
        transport: Public::WebSocket,
        is_chunked: false,
        rest: rest.into(),
        ending: Ending::Closing { heard: false },
        decoder: Some(decoder),
        guest: context.tasks.guest(Public::WebSocket),
    };
    ended.finish(context);
}

/// Packets of a body of polling as messages of a WebSocket.
fn translate(body: &[u8], out: &mut Vec<u8>) {
    if body.is_empty() {
        return;
    }
    let terms = Terms {
        bytes: usize::MAX,
        packets: usize::MAX,
    };
    let mut writer = Writer::new(Transport::WebSocket, out);
    // It is the gateway's own.
    for packet in Payload::new(body, terms).into_iter().flatten().flatten() {
        match packet {
            Packet::Text { kind, data } => writer.packet(&kind.packet(data.as_bytes())),
            Packet::Binary(bytes) => writer.binary(&bytes),
        }
    }
}
