//! Readers at the same place read the same: what one has read serves them all.

use crate::model::room::Room;

use super::{Joined, Reader};

/// Where a reader is: whoever is there reads the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    cursor: u64,
    rooms: Box<[Room]>,
}

impl Reader {
    /// A reader at `place`.
    #[must_use]
    pub fn at(place: &Place) -> Self {
        let cursor = place.cursor;
        let joined = |room: &Room| Joined {
            room: room.clone(),
            from: cursor,
        };
        Self {
            cursor,
            opened: cursor,
            rooms: place.rooms.iter().map(joined).collect(),
        }
    }

    /// Its place. Nothing while a room that it joined begins beyond its cursor: that is its own history.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        let is_common = self.rooms.iter().all(|joined| joined.from <= self.cursor);
        is_common.then(|| Place {
            cursor: self.cursor,
            rooms: self.rooms().cloned().collect(),
        })
    }

    /// Whether it would read what a reader at `place` reads. The order of the rooms counts: an event comes through the
    /// first that holds it.
    #[must_use]
    pub fn is_at(&self, place: &Place) -> bool {
        let is_common =
            |(own, room): (&Joined, &Room)| own.from <= self.cursor && own.room.is(room);
        self.cursor == place.cursor
            && self.rooms.len() == place.rooms.len()
            && self.rooms.iter().zip(&place.rooms).all(is_common)
    }

    /// Goes on behind `cursor`, up to which it has what a reader at its place has read.
    pub const fn follow(&mut self, cursor: u64) {
        self.cursor = cursor;
    }
}
