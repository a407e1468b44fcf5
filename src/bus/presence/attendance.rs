//! What a stream keeps of having been noted: only those keep it that are in a room where it is looked at who is there.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::bus::memory::Shared;
use crate::model::id::Principal;
use crate::model::room::Room;

use super::registry::{At, Life, Registry};

/// One stream, as those rooms know it. Dropping it is to be gone from them.
pub(in crate::bus) struct Attendance {
    shared: Arc<Shared>,
    who: Principal,
    rooms: SmallVec<[(Room, Life); 1]>,
}

impl Attendance {
    /// Notes a stream as `who` in `rooms`, all that it has joined; `own` is what it keeps of that.
    pub(in crate::bus) fn note<'a>(
        own: &mut Option<Box<Self>>,
        shared: &Arc<Shared>,
        who: &Principal,
        rooms: impl Iterator<Item = &'a Room>,
    ) {
        if own.is_none() && !shared.presence.is_used() {
            return;
        }
        shared.note(|registry, at| {
            if let Some(own) = own {
                own.renew(registry, who, at);
            }
            for room in rooms {
                if own.as_ref().is_some_and(|own| own.is_in(room)) {
                    continue;
                }
                if let Some(life) = registry.arrive(room, who, at) {
                    let new = || Box::new(Self::new(shared.clone(), who.clone()));
                    let own = own.get_or_insert_with(new);
                    own.rooms.push((room.clone(), life));
                }
            }
        });
    }

    const fn new(shared: Arc<Shared>, who: Principal) -> Self {
        Self {
            shared,
            who,
            rooms: SmallVec::new_const(),
        }
    }

    fn is_in(&self, room: &Room) -> bool {
        self.rooms.iter().any(|(own, _)| own.is(room))
    }

    /// It is `who` from now on. Rooms that were not tracked for a while do not know it any more.
    fn renew(&mut self, registry: &mut Registry, who: &Principal, at: At) {
        self.rooms
            .retain(|(room, life)| registry.is_current(room, *life));
        if self.who == *who {
            return;
        }
        for (room, life) in &self.rooms {
            registry.arrive(room, who, at);
            registry.depart(room, *life, &self.who, at);
        }
        self.who = who.clone();
    }

    /// It is in `room` no more.
    pub(in crate::bus) fn leave(&mut self, room: &Room) {
        let place = self.rooms.iter().position(|(own, _)| own.is(room));
        let Some((room, life)) = place.map(|place| self.rooms.swap_remove(place)) else {
            return;
        };
        self.shared
            .note(|registry, at| registry.depart(&room, life, &self.who, at));
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        self.shared.note(|registry, at| {
            for (room, life) in &self.rooms {
                registry.depart(room, *life, &self.who, at);
            }
        });
    }
}
