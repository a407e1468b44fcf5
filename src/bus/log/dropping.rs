//! Dropping: what has reached its age, what outlived itself, what there is no room for, what is purged.

use crate::bus::rooms::Entry;
use crate::model::room::Room;
use crate::model::time::Moment;

use super::{EXPIRY_STEP, Log};

impl Log {
    /// Drops the oldest events while the bounds of the whole log are exceeded: those of companions first as long as they
    /// have more than their share, then the oldest of all; the newest one stays.
    pub(super) fn evict(&mut self) {
        let total = self.settings.total;
        while self.all.len() > 1 && (self.all.len() > total.events || self.bytes > total.bytes) {
            let oldest = || self.all.first_key_value().map(|(seq, _)| *seq);
            let first = self.companions.beyond_share(total).or_else(oldest);
            let Some(held) = first.and_then(|seq| self.all.get(&seq)) else {
                return;
            };
            let entry = held.entry.clone();
            for name in &entry.event.rooms {
                // What is oldest of all is the oldest of each room that still holds it. Should a companion hold what
                // another room has too, and is older, that goes from the companion with it.
                while self.drop_oldest(name, |front| front.seq() <= entry.seq()) {}
            }
        }
    }

    /// Drops what has reached its age, or outlived itself. Returns whether something due remains for the next step.
    pub fn expire(&mut self, now: Moment) -> bool {
        self.seen.expire(now);
        let is_done = self.expire_mortal(now);
        for _ in 0..EXPIRY_STEP {
            match self.due.first() {
                Some((due, _)) if *due <= now => {}
                _ => return !is_done,
            }
            let Some((_, name)) = self.due.pop_first() else {
                return !is_done;
            };
            let Some(room) = self.rooms.get_mut(&name) else {
                continue;
            };
            room.due = None;
            let age = room.history.age;
            while self.drop_oldest(&name, |front| front.at + age <= now) {}
            if let Some(room) = self.rooms.get_mut(&name) {
                Self::schedule(&mut self.due, &name, room);
            }
        }
        true
    }

    /// Drops what said itself how long it lives; whoever has not read it misses nothing. Says whether that is all.
    fn expire_mortal(&mut self, now: Moment) -> bool {
        for _ in 0..EXPIRY_STEP {
            let Some((_, seq)) = self.mortal.first().filter(|(due, _)| *due <= now) else {
                return true;
            };
            let Some(held) = self.all.get(seq) else {
                self.mortal.pop_first();
                continue;
            };
            let entry = held.entry.clone();
            for name in &entry.event.rooms {
                if let Some(room) = self.rooms.get_mut(name)
                    && room.remove(entry.seq())
                {
                    self.retire_if_empty(name);
                    self.release(&entry);
                }
            }
        }
        false
    }

    /// Drops everything that `room` holds, and what waits there for the end of a window; its readers get a gap. Its
    /// retained values are no history, and stay.
    pub fn purge(&mut self, room: &Room) {
        while self.drop_oldest(room, |_| true) {}
        if self.take_window(room).is_some() {
            // A number of its own: who has passed the events that waited is told of them too.
            self.head += 1;
            // Nothing of the room lives any more: its floor is kept where those of retired rooms are.
            self.retire(room, self.head);
        }
    }

    /// Drops the oldest event of a room if `condition` holds for it, and retires the room if that was its last.
    fn drop_oldest(&mut self, name: &Room, condition: impl Fn(&Entry) -> bool) -> bool {
        let Some(room) = self.rooms.get_mut(name) else {
            return false;
        };
        if !room.get(0).is_some_and(|front| condition(front)) {
            return false;
        }
        let dropped = room.pop();
        self.retire_if_empty(name);
        dropped.iter().for_each(|entry| self.release(entry));
        true
    }

    fn retire_if_empty(&mut self, name: &Room) {
        let Some(room) = self.rooms.get(name).filter(|room| room.is_empty()) else {
            return;
        };
        let (floor, due) = (room.floor, room.due);
        self.rooms.remove(name);
        self.retire(name, floor);
        if let Some(due) = due {
            self.due.remove(&(due, name.clone()));
        }
    }

    fn retire(&mut self, name: &Room, floor: u64) {
        match self.watched.get_mut(name) {
            Some(watched) => (watched.floor, watched.retired) = (floor, true),
            None => self.floors.retire(name.clone(), floor),
        }
    }
}
