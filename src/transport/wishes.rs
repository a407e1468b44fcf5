//! What a client wants besides events: the state of its rooms, and not to be told what it did itself.

use crate::model::event::Event;
use crate::model::gap::{Gap, Reason};
use crate::model::room::Room;
use crate::model::start::Start;
use crate::wire::negotiate::StreamRequest;

/// What one client wants besides events. Most want nothing, and pay 8 bytes for that.
#[derive(Debug, Default)]
pub struct Wishes(Option<Box<Wanted>>);

#[derive(Debug, Default)]
struct Wanted {
    /// What it is called by those who publish to all but some.
    origin: Option<Box<str>>,
    /// Whether it wants the state of its rooms.
    snapshot: bool,
    /// Rooms whose state it is owed, as soon as it has been given everything else.
    owed: Vec<Room>,
    /// Where it comes back as the same: its rooms, and from which number in the log on each is due.
    was_in: Option<Vec<(Room, u64)>>,
}

impl Wishes {
    /// What `request` wants.
    #[must_use]
    pub fn of(request: &StreamRequest) -> Self {
        let wanted = || Wanted {
            origin: request.origin.clone(),
            snapshot: request.snapshot,
            owed: Vec::new(),
            was_in: None,
        };
        let wants = request.snapshot || request.origin.is_some();
        Self(wants.then(|| Box::new(wanted())))
    }

    /// It comes back as the same, and was in these rooms, of each of which all is due from this number in the log on.
    pub fn comes_back(&mut self, rooms: Vec<(Room, u64)>) {
        self.0.get_or_insert_default().was_in = Some(rooms);
    }

    /// Where it comes back as the same: its rooms, and from which number in the log on each is due.
    #[must_use]
    pub fn was_in(&mut self) -> Option<Vec<(Room, u64)>> {
        self.0.as_mut()?.was_in.take()
    }

    /// Whether it wants the state of the rooms that it is in.
    #[must_use]
    pub fn snapshot(&self) -> bool {
        self.0.as_ref().is_some_and(|wanted| wanted.snapshot)
    }

    /// The rooms whose state goes with a stream of `rooms` from `start` on: all of them where it is new; of who comes back,
    /// those of which something is missing.
    #[must_use]
    pub fn due(&self, rooms: &[Room], start: Start, gaps: &[Gap]) -> Vec<Room> {
        match (self.snapshot(), start.is_resume()) {
            (false, _) => Vec::new(),
            (true, false) => rooms.to_vec(),
            (true, true) => lost(gaps),
        }
    }

    /// Something is missing: whoever wants the state of its rooms is owed that of these.
    pub fn owe_lost(&mut self, gaps: &[Gap]) {
        if self.snapshot() {
            self.owe(lost(gaps));
        }
    }

    /// It is owed the state of `rooms`, whatever it wanted when it came.
    pub fn owe(&mut self, rooms: Vec<Room>) {
        if rooms.is_empty() {
            return;
        }
        let owed = &mut self.0.get_or_insert_default().owed;
        for room in rooms {
            if !owed.contains(&room) {
                owed.push(room);
            }
        }
    }

    /// The rooms whose state it is owed.
    #[must_use]
    pub fn owed(&self) -> &[Room] {
        self.0.as_ref().map_or(&[], |wanted| &wanted.owed)
    }

    /// It is owed the state of those of them alone for which this holds.
    pub fn keep_owed(&mut self, holds: impl FnMut(&Room) -> bool) {
        if let Some(wanted) = &mut self.0 {
            wanted.owed.retain(holds);
        }
    }

    /// Whether the client of `principal` gets `event`.
    #[must_use]
    pub fn lets(&self, event: &Event, principal: &str) -> bool {
        let wanted = self.0.as_ref();
        event.is_for(
            principal,
            wanted.and_then(|wanted| wanted.origin.as_deref()),
        )
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
