//! A stream that a request was granted, before it has its connection.

use std::sync::Arc;

use hyper::upgrade::OnUpgrade;

use crate::auth::Access;
use crate::limit::Held;
use crate::model::code::Refusal;
use crate::model::event::Event;
use crate::model::gap::{Gap, Reason};
use crate::model::peer::Peer;
use crate::model::room::Room;
use crate::model::start::Start;
use crate::model::time::Moment;
use crate::session::admission::{Admitted, Opening};
use crate::telemetry::audit::Asked;
use crate::telemetry::metrics::labels::HttpVersion;
use crate::wire::negotiate::StreamRequest;

use super::format::Format;

/// How a client is received, and how what it is told is written.
pub struct Granted {
    /// With what it is received.
    pub reception: Reception,
    /// How its stream is written.
    pub format: Format,
    /// The HTTP that asked for it.
    pub version: HttpVersion,
    /// Who asked for it.
    pub caller: Box<Caller>,
    /// Over HTTP/2, the stream that becomes a WebSocket once its head is answered (RFC 8441).
    pub tunnel: Option<OnUpgrade>,
}

/// What of its request a stream is known by to operators.
#[derive(Debug)]
pub struct Caller {
    /// The client's address.
    pub peer: Peer,
    /// The request's number, as its answer shows it (`X-Request-Id`).
    pub request: u64,
    /// When it came.
    pub since: Moment,
    /// Its places among the streams that are open.
    pub held: Held,
    /// What it wants besides events.
    pub wishes: Wishes,
}

/// What a client wants besides events, and has not got yet.
#[derive(Debug, Default)]
pub struct Wishes {
    /// What it is called by those who publish to all but some.
    pub origin: Option<Box<str>>,
    /// Whether it wants the state of its rooms.
    pub snapshot: bool,
    /// Rooms whose state it is owed, as soon as it has been given everything else.
    pub owed: Vec<Room>,
}

impl Wishes {
    /// What `request` wants.
    #[must_use]
    pub fn of(request: &StreamRequest) -> Self {
        Self {
            origin: request.origin.clone(),
            snapshot: request.snapshot,
            owed: Vec::new(),
        }
    }

    /// The rooms whose state goes with a stream of `rooms` from `start` on: all of them where it is new; of who comes back,
    /// those of which something is missing.
    #[must_use]
    pub fn due(&self, rooms: &[Room], start: Start, gaps: &[Gap]) -> Vec<Room> {
        match (self.snapshot, start.is_resume()) {
            (false, _) => Vec::new(),
            (true, false) => rooms.to_vec(),
            (true, true) => lost(gaps),
        }
    }

    /// Something is missing: whoever wants the state of its rooms is owed that of these.
    pub fn owe(&mut self, gaps: &[Gap]) {
        if self.snapshot {
            for room in lost(gaps) {
                self.owe_room(room);
            }
        }
    }

    /// It is owed the state of `room`.
    pub fn owe_room(&mut self, room: Room) {
        if !self.owed.contains(&room) {
            self.owed.push(room);
        }
    }

    /// Whether the client of `principal` gets `event`.
    #[must_use]
    pub fn lets(&self, event: &Event, principal: &str) -> bool {
        event.is_for(principal, self.origin.as_deref())
    }
}

/// The rooms that have lost something, and are still read.
fn lost(gaps: &[Gap]) -> Vec<Room> {
    let read = gaps.iter().filter(|gap| gap.reason != Reason::Unauthorized);
    let mut rooms: Vec<Room> = Vec::new();
    for gap in read {
        if !rooms.contains(&gap.room) {
            rooms.push(gap.room.clone());
        }
    }
    rooms
}

impl Caller {
    /// The request, as the audit log names it.
    #[must_use]
    pub const fn asked(&self) -> Asked {
        Asked {
            peer: self.peer,
            request: self.request,
        }
    }
}

/// With what a client is received.
pub enum Reception {
    /// With a stream.
    Admitted(Arc<Access>, Opening, Admitted),
    /// With silence, until it says who it is.
    Waiting(Opening),
    /// With the reason why it ends at once, told on the open stream: browsers cannot read a refused upgrade, and
    /// `EventSource` dies for ever of any status but 200.
    Refused(Refusal),
}
