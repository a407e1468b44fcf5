//! What a tail does next, without doing it: where to connect and with which cursor, how long silence is fine, whether
//! an end is one to come back from. Time is an argument.

use std::time::Duration;

use crate::model::code::{Advice, Code};
use crate::model::gap::Reason;
use crate::model::time::Moment;
use crate::model::transport::Transport;
use crate::outbound::error::Error;
use crate::wire::message::{Event, Gap, Message, Refusal, Welcome};

use crate::cli::backoff::{Backoff, Pause};
use crate::cli::remote::Refused;

/// How long the gateway may take until its first message.
const OPENING: Duration = Duration::from_secs(10);
/// How long a poll waits for an event (`wait`).
pub(super) const WAIT: Duration = Duration::from_secs(25);
/// What is taken for the heartbeat where none is told.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// A connection is dead that was silent for so many heartbeats.
const HEARTBEATS: u32 = 3;
/// A stream that lasted so long was a good one: the next failure is the first again.
const STEADY: Duration = Duration::from_secs(10);
/// So many attempts in a row without a first message, and the next transport has its turn.
const TRIES_EACH: u32 = 2;
/// So many attempts without a word from a gateway, and there is none.
const TRIES_IN_ALL: u32 = 6;

/// Where to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// With what comes from now on.
    Now,
    /// After this cursor, or with everything (`earliest`).
    Since(String),
    /// With the newest so many events of each room.
    Rewind(u16),
}

/// The state of a tail.
#[derive(Debug)]
pub(super) struct Follow {
    rooms: Vec<String>,
    begin: Begin,
    /// The position of the last message that arrived whole.
    cursor: Option<String>,
    /// What may be tried, best first.
    transports: Vec<Transport>,
    current: usize,
    /// The transports of this round that do not work here.
    ruled_out: usize,
    stage: Stage,
    /// Why the gateway says that the stream ends, until it does or goes on.
    told: Option<Refusal>,
    /// How long the stream asked to wait (`retry:`).
    retry: Option<Duration>,
    backoff: Backoff,
    /// Whether a gateway has said anything yet.
    proven: bool,
    /// Whether events could be read yet.
    worked: bool,
    /// Attempts in a row without a first message.
    futile: u32,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Opening,
    Open { since: Moment, heartbeat: Duration },
}

/// What there is to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// A stream is open.
    Open(Welcome),
    /// An event.
    Event(Event),
    /// Events are missing.
    Gap(Gap),
}

/// How a connection, or the attempt at one, ended.
#[derive(Debug)]
pub(super) enum End {
    /// There was no answer, or it broke off.
    Unanswered(Error),
    /// The answer, or the end, was a no.
    Refused(Refused),
    /// A WebSocket's close code (RFC 6455 §7.4).
    Closed(u16),
    /// The end came in order.
    Finished,
    /// The connection broke off.
    Broken,
    /// Nothing came for longer than it may.
    Silent,
    /// What came was not the gateway's protocol.
    Foreign,
}

/// What to do after an end.
#[derive(Debug)]
pub(super) enum Next {
    /// Connect at once, over another transport.
    Connect,
    /// Wait, then connect.
    Wait(Pause),
    /// Give up: it would end like this again.
    Stop(End),
}

enum Verdict {
    Again(Option<Duration>),
    Elsewhere,
    Never,
}

impl Follow {
    /// A tail of `rooms` (none: the role's default rooms) over the first of `transports` that works.
    pub(super) fn new(rooms: Vec<String>, begin: Begin, transports: &[Transport]) -> Self {
        Self {
            rooms,
            begin,
            cursor: None,
            transports: transports.to_vec(),
            current: 0,
            ruled_out: 0,
            stage: Stage::Opening,
            told: None,
            retry: None,
            backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(30)),
            proven: false,
            worked: false,
            futile: 0,
        }
    }

    /// The last position that arrived whole.
    pub(super) fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// What to connect over.
    pub(super) fn transport(&self) -> Transport {
        self.transports[self.current]
    }

    /// What to ask for: path and query. Refusals come as plain statuses, which a client that is no browser can read.
    pub(super) fn target(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("transport", self.transport().as_str());
        for room in &self.rooms {
            query.append_pair("room", room);
        }
        match (&self.cursor, &self.begin) {
            (Some(cursor), _) | (None, Begin::Since(cursor)) => {
                query.append_pair("since", cursor);
            }
            (None, Begin::Rewind(count)) => {
                query.append_pair("rewind", &count.to_string());
            }
            (None, Begin::Now) => {}
        }
        if self.transport() == Transport::LongPoll && self.cursor.is_some() {
            query.append_pair("wait", &WAIT.as_secs().to_string());
        }
        query.append_pair("on_error", "status");
        format!("/v1/stream?{}", query.finish())
    }

    /// How long nothing may come.
    pub(super) fn patience(&self) -> Duration {
        match self.stage {
            Stage::Opening if self.transport() != Transport::LongPoll => OPENING,
            Stage::Opening => WAIT + OPENING,
            Stage::Open { heartbeat, .. } => heartbeat.saturating_mul(HEARTBEATS),
        }
    }

    /// The stream asks its client to wait so long before it comes back.
    pub(super) fn asked_to_wait(&mut self, retry: Option<Duration>) {
        self.retry = retry.or(self.retry);
    }

    /// Takes a message that has arrived whole.
    pub(super) fn heard(&mut self, message: Message, now: Moment) -> Option<Told> {
        (self.proven, self.worked, self.futile, self.ruled_out) = (true, true, 0, 0);
        if !matches!(message, Message::Error(_) | Message::Bye(_)) {
            self.told = None;
        }
        match message {
            Message::Welcome(welcome) => {
                self.stage = Stage::Open {
                    since: now,
                    heartbeat: welcome.heartbeat.unwrap_or(HEARTBEAT),
                };
                self.cursor = welcome.cursor.clone().or_else(|| self.cursor.take());
                return Some(Told::Open(welcome));
            }
            Message::Event(event) => {
                // What is not kept moves nothing.
                self.cursor = event.id.clone().or_else(|| self.cursor.take());
                return Some(Told::Event(event));
            }
            Message::Heartbeat { cursor } => self.cursor = Some(cursor),
            Message::Gap(gap) => {
                if Reason::parse(&gap.reason) == Some(Reason::Unauthorized) {
                    self.rooms.retain(|room| *room != gap.room);
                }
                return Some(Told::Gap(gap));
            }
            Message::Bye(refusal) => {
                // An `error` before it says more.
                let told = self.told.take();
                self.told = told.or(Some(refusal));
            }
            Message::Error(refusal) => self.told = Some(refusal),
            Message::SessionExpired | Message::Other => {}
        }
        None
    }

    /// Takes the end of the connection, or of the attempt at one.
    pub(super) fn ended(&mut self, end: End, now: Moment) -> Next {
        let stage = std::mem::replace(&mut self.stage, Stage::Opening);
        let opened = match stage {
            Stage::Opening => false,
            Stage::Open { since, .. } => {
                if now.since(since) >= STEADY {
                    self.backoff.reset();
                }
                true
            }
        };
        let end = self.in_the_gateways_words(end);
        self.proven |= matches!(&end, End::Refused(refused) if refused.refusal.is_some());
        match self.judge(&end, opened) {
            Verdict::Never => Next::Stop(end),
            Verdict::Elsewhere => self.elsewhere(end),
            Verdict::Again(least) => self.again(end, opened, least),
        }
    }

    /// What the gateway said before an end says more than the end.
    fn in_the_gateways_words(&mut self, end: End) -> End {
        match (end, self.told.take()) {
            (End::Closed(_) | End::Finished | End::Broken | End::Foreign, Some(told)) => {
                End::Refused(Refused::by_message(told))
            }
            (end, _) => end,
        }
    }

    fn judge(&self, end: &End, opened: bool) -> Verdict {
        match end {
            End::Unanswered(error) if !error.fault.reached() && !self.proven => Verdict::Never,
            End::Refused(refused) => judge_refused(refused),
            End::Closed(close) if Some(*close) == Code::TransportNotAllowed.row().close => {
                Verdict::Elsewhere
            }
            End::Closed(close) => advised(Advice::of_close(*close), None),
            End::Foreign if !opened => Verdict::Elsewhere,
            End::Unanswered(_) | End::Finished | End::Broken | End::Silent | End::Foreign => {
                Verdict::Again(None)
            }
        }
    }

    /// This transport does not work here.
    fn elsewhere(&mut self, end: End) -> Next {
        self.ruled_out += 1;
        self.turn();
        if self.ruled_out < self.transports.len() {
            return Next::Connect;
        }
        self.ruled_out = 0;
        if self.worked {
            Next::Wait(self.backoff.pause(None))
        } else {
            Next::Stop(end)
        }
    }

    fn again(&mut self, end: End, opened: bool, least: Option<Duration>) -> Next {
        if !opened {
            self.futile += 1;
            if self.futile.is_multiple_of(TRIES_EACH) && self.is_the_transports_fault(&end) {
                self.turn();
            }
        }
        if !self.proven && self.futile >= TRIES_IN_ALL {
            return Next::Stop(end);
        }
        Next::Wait(self.backoff.pause(least.max(self.retry)))
    }

    /// Whether another transport might do better. A gateway that is away is away on all of them.
    fn is_the_transports_fault(&self, end: &End) -> bool {
        match end {
            End::Unanswered(error) => error.fault.reached(),
            End::Refused(refused) => refused.refusal.is_none() && !self.worked,
            End::Closed(_) | End::Finished | End::Broken | End::Silent | End::Foreign => true,
        }
    }

    fn turn(&mut self) {
        self.current = (self.current + 1) % self.transports.len();
    }
}

fn judge_refused(refused: &Refused) -> Verdict {
    match (refused.code(), refused.advice()) {
        // The second: something on the way has taken `Upgrade` away.
        (Some(Code::TransportNotAllowed | Code::UpgradeRequired), _) => Verdict::Elsewhere,
        // What is no gateway may still let another transport pass.
        (None, Advice::StayAway | Advice::Mend) if refused.refusal.is_none() => Verdict::Elsewhere,
        (_, advice) => advised(advice, refused.retry_after),
    }
}

fn advised(advice: Advice, retry_after: Option<Duration>) -> Verdict {
    match advice {
        Advice::ComeBack => Verdict::Again(retry_after),
        Advice::StayAway | Advice::Mend => Verdict::Never,
    }
}

#[cfg(test)]
mod tests;
